import {getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import {returnFreedMemory} from '../system/return-freed-memory.js';
import {growYoungSpaceBy} from '../system/young-space.js';

/*
 * An agent is a guest on its server: it works in bursts and is idle for hours. V8 by itself lets the space for young
 * objects grow to more than a hundred megabytes under load, never gives it back to an idle process, and lets garbage
 * pile up as long as the machine has memory.
 */

type Collection = {type: 'minor'} | {type: 'major'; flavor: 'last-resort'; execution: 'sync'};

/** Bytes of the young space while there is work; a smaller one costs time, a larger one saves none. */
const youngBytes = 12 * 1024 * 1024;
/** Bytes of heap beyond what a collection left, from which `relieve` collects again. */
const garbageBytes = 8 * 1024 * 1024;
/** Bytes of heap that are not worth a collection. */
const littleBytes = 2 * 1024 * 1024;
/** Bytes of chunks that may pile up. */
const sweptBytes = 2 * 1024 * 1024;
/** Milliseconds between two looks at whether there is still work. */
const watchMs = 250;
/** Milliseconds without work after which memory is given back. */
const settleMs = 1_500;

let collect: ((options?: Collection) => void) | undefined;
let passedBytes = 0;
let keptBytes = 0;
let workedMs = 0;
let grown = false;
let watching: NodeJS.Timeout | undefined;
const releases = new Set<() => void>();

/** Before the agent's parts are loaded, which is when the young space first wants to grow. */
export function keepHeapSmall(): void {
  setFlagsFromString('--expose-gc');
  collect = runInNewContext('gc') as typeof collect;
  growYoungSpaceBy(1);
}

/** Something happens: some time after the last call memory is given back. */
export function stir(): void {
  workedMs = performance.now();
  if (collect !== undefined) watching ??= setInterval(watch, watchMs).unref();
}

/** Work begins, or goes on: makes the young space large enough for it. */
export function work(): void {
  stir();
  if (collect === undefined || grown) return;
  grown = true;
  growYoungSpace();
}

/** Between two parts of long work: collects when much has been left behind. */
export function relieve(): void {
  work();
  if (collect === undefined || heapBytes() < keptBytes + garbageBytes) return;
  collect();
  keptBytes = heapBytes();
}

/**
 * Chunks from the network passed through. Their bytes lie outside of the heap, whose young space does not fill with
 * them; V8 sees them pile up and looks through everything for them, although all of them are young.
 */
export function passed(bytes: number): void {
  passedBytes += bytes;
  if (passedBytes < sweptBytes) return;
  passedBytes = 0;
  work();
  collect?.({type: 'minor'});
}

/** Lets a cache be emptied when there is no more work. @returns what takes that back. */
export function onSettle(release: () => void): () => void {
  releases.add(release);
  return () => releases.delete(release);
}

function watch(): void {
  if (performance.now() - workedMs < settleMs) return;
  clearInterval(watching);
  watching = undefined;
  // A lease that is renewed now and then leaves nothing behind.
  if (!grown && heapBytes() < keptBytes + littleBytes) return;
  grown = false;
  for (const release of releases) release();
  // Any other collection keeps what it emptied, for the next burst.
  collect?.({type: 'major', flavor: 'last-resort', execution: 'sync'});
  keptBytes = heapBytes();
  returnFreedMemory();
}

function heapBytes(): number {
  return getHeapStatistics().total_heap_size;
}

/**
 * V8 lets the space grow when much of it survives, which what a scan looks at never does; so something is made to
 * survive.
 */
function growYoungSpace(): void {
  growYoungSpaceBy(2);
  const survivors: object[] = [];
  while (survivors.length < 100_000 && youngSpaceBytes() < youngBytes)
    for (let count = 0; count < 4096; count++) survivors.push({});
  growYoungSpaceBy(1);
}

function youngSpaceBytes(): number {
  return getHeapSpaceStatistics().find(({space_name}) => space_name === 'new_space')?.space_size ?? 0;
}
