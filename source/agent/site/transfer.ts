import type {Operation} from '../../core/plan.js';
import {askNeeds, pullContent, pushContent} from '../../protocol/content-endpoints.js';
import {decodeFrames, encodeFrame} from '../../protocol/content-frames.js';
import type {AgentConnection} from '../../protocol/transport/agent-connection.js';
import {relieve} from '../memory.js';
import {encodeOperations, readNeeds} from './asked-content.js';
import {encodeNeeds, findNeeds} from './content-needs.js';
import type {SendCount} from './content-source.js';
import {faultPoint} from './fault-point.js';
import type {OperationSpool} from './operation-spool.js';
import type {IndexedOperation, SiteDatabase, SiteFiles} from './ports.js';
import {type Received, receiveContent} from './receive-content.js';
import {sendContent} from './send-content.js';
import type {Staging} from './staging.js';

/** Operations that are asked about and sent together: bounded in number and in bytes. */
const batchLimits = {operations: 2000, bytes: 4 * 1024 ** 3};
export type TransferSite = {
  readonly root: string;
  readonly files: SiteFiles;
  readonly database: SiteDatabase | null;
  readonly staging: Staging;
};

export type TransferEvent =
  | {type: 'progress'; done: number; total: number; bytes: number}
  | {type: 'missing'; index: number; error: string}
  | {type: 'transferred'; bytes: number};

/**
 * Brings the content of operations to where they are carried out (`transferContent`). What the receiver has is not
 * sent; a repeated call goes on where the last one stopped.
 */
export async function* transfer(
  operations: OperationSpool,
  way: 'push' | 'pull',
  peer: {connection: AgentConnection; site: string; runId: string},
  site: TransferSite,
  signal: AbortSignal,
): AsyncGenerator<TransferEvent, void> {
  faultPoint('transfer.started');
  const state: TransferState = {
    count: {bytes: 0, done: 0},
    missing: [],
    received: undefined,
    brought: new Set(),
  };
  let finished = false;
  const stop = new AbortController();
  const stopped = AbortSignal.any([signal, stop.signal]);
  const work = (async () => {
    const queue = batches(operations);
    let batch = queue.next().value;
    let needs = batch === undefined || way === 'pull' ? undefined : ask(batch, peer, stopped);
    while (batch !== undefined) {
      stopped.throwIfAborted();
      relieve();
      const next = queue.next().value;
      if (needs === undefined) await pullBatch(batch, peer, site, state, stopped);
      else {
        // The peer looks for what it lacks of the next batch while it receives this one.
        const asked = next === undefined ? undefined : ask(next, peer, stopped);
        await pushBatch(batch, needs, peer, site, state, stopped);
        needs = asked;
      }
      // What was here already counts as done too.
      state.count.done = batch.at(-1)!.index + 1;
      batch = next;
    }
  })().finally(() => {
    finished = true;
  });
  try {
    let reported = '';
    while (!finished) {
      await within(work, 250);
      while (state.missing.length > 0) yield {type: 'missing', ...state.missing.shift()!};
      const bytes = state.count.bytes + (state.received?.bytes ?? 0);
      const progress = `${state.count.done} ${bytes}`;
      if (!finished && progress !== reported) {
        reported = progress;
        yield {type: 'progress', done: state.count.done, total: operations.count, bytes};
      }
    }
    await work;
    faultPoint('transfer.staged');
    yield {type: 'progress', done: operations.count, total: operations.count, bytes: state.count.bytes};
    yield {type: 'transferred', bytes: state.count.bytes};
  } finally {
    stop.abort();
    await work.catch(() => {});
  }
}

type TransferState = {
  readonly count: SendCount;
  readonly missing: {index: number; error: string}[];
  /** What is coming in just now. */
  received: Received | undefined;
  /** Digests of the files that the last batch brought. */
  brought: Set<string>;
};
type Peer = {connection: AgentConnection; site: string; runId: string};

type AskedNeeds = Promise<Awaited<ReturnType<typeof readNeeds>>>;

/** What the peer lacks of a batch. It counts the operations of each call from 0. */
function ask(batch: readonly IndexedOperation[], peer: Peer, signal: AbortSignal): AskedNeeds {
  const params = {site: peer.site, runId: peer.runId};
  const needs = peer.connection.call(askNeeds, {params, body: only(batch), signal}).then(reply =>
    readNeeds(
      reply,
      batch.map(({operation}, index) => ({index, operation})),
    ),
  );
  // It is awaited when its turn comes; until then a failure is no surprise.
  needs.catch(() => {});
  return needs;
}

async function pushBatch(
  batch: readonly IndexedOperation[],
  first: AskedNeeds,
  peer: Peer,
  site: TransferSite,
  state: TransferState,
  signal: AbortSignal,
): Promise<void> {
  const params = {site: peer.site, runId: peer.runId};
  // A delta whose basis changed under it is refused once; then the whole is sent.
  let wanted = batch;
  for (let attempt = 0; attempt < 2 && wanted.length > 0; attempt++) {
    const asked = wanted;
    const needs = await (attempt === 0 ? first : ask(asked, peer, signal));
    state.count.bytes += needs.bytes;
    // Asked for before the last batch had brought it.
    const operations = needs.operations.filter(
      ({operation}) => !isFile(operation) || !state.brought.has(digestOf(operation)),
    );
    if (attempt === 0) state.brought = new Set();
    if (operations.length === 0) return;
    const missing = new Set<number>();
    const content = sendContent(operations, {
      files: site.files,
      database: site.database,
      signatures: attempt === 0 ? needs.signatures : new Map(),
      images: needs.images,
      count: state.count,
      signal,
      missing: (index, error) => {
        missing.add(index);
        state.missing.push({index: asked[index]!.index, error});
      },
    });
    const answer = await peer.connection.call(pushContent, {params, body: withEnd(content), signal});
    const refused = new Map(answer.refused.map(({digest, error}) => [digest, error]));
    for (const {index, operation} of operations)
      if (!missing.has(index) && !refused.has(digestOf(operation)) && isFile(operation))
        state.brought.add(digestOf(operation));
    wanted = operations
      .filter(({index, operation}) => !missing.has(index) && refused.has(digestOf(operation)))
      .map(({index}) => asked[index]!);
    if (attempt === 1)
      for (const {index, operation} of wanted)
        state.missing.push({index, error: refused.get(digestOf(operation)) ?? ''});
  }
}

async function pullBatch(
  batch: readonly IndexedOperation[],
  peer: Peer,
  site: TransferSite,
  state: TransferState,
  signal: AbortSignal,
): Promise<void> {
  const params = {site: peer.site, runId: peer.runId};
  let wanted = batch;
  for (let attempt = 0; attempt < 2 && wanted.length > 0; attempt++) {
    const needs = await findNeeds(wanted, site, signal);
    const indexes = new Set(needs.indexes);
    const needed = wanted.filter(({index}) => indexes.has(index));
    if (needed.length === 0) return;
    const bases = attempt === 0 ? needs.bases : [];
    const request = withEnd(
      (async function* () {
        yield* encodeOperations(needed);
        for await (const chunk of encodeNeeds({indexes: [], bases, images: needs.images})) {
          state.count.bytes += chunk.length;
          yield chunk;
        }
      })(),
    );
    const reply = await peer.connection.call(pullContent, {params, body: request, signal});
    const received: Received = {staged: 0, bytes: 0, refused: [], missing: []};
    state.received = received;
    try {
      await receiveContent(decodeFrames(reply, {splitPieces: true}), site.staging, received);
    } finally {
      state.received = undefined;
      state.count.bytes += received.bytes;
    }
    const missing = new Set(received.missing.map(({index}) => index));
    state.missing.push(...received.missing.filter(({index}) => indexes.has(index)));
    const refused = new Map(received.refused.map(({digest, error}) => [digest, error]));
    wanted = needed.filter(({index, operation}) => !missing.has(index) && refused.has(digestOf(operation)));
    if (attempt === 1)
      for (const {index, operation} of wanted)
        state.missing.push({index, error: refused.get(digestOf(operation)) ?? ''});
  }
}

/** Ends a content stream, so that one that is cut off is noticed. */
export async function* withEnd(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  yield* chunks;
  yield* encodeFrame({type: 'done'});
}

function* batches(operations: Iterable<IndexedOperation>): Generator<readonly IndexedOperation[], void> {
  let batch: IndexedOperation[] = [];
  let bytes = 0;
  for (const entry of operations) {
    batch.push(entry);
    const {operation} = entry;
    if (operation.op === 'put' && operation.record.type === 'file') bytes += operation.record.size;
    if (batch.length < batchLimits.operations && bytes < batchLimits.bytes) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

async function* only(batch: readonly IndexedOperation[]): AsyncGenerator<Operation, void> {
  for (const {operation} of batch) yield operation;
}

function isFile(operation: Operation): boolean {
  return operation.op === 'put' && operation.record.type === 'file';
}

function digestOf(operation: Operation): string {
  return operation.op === 'put' ? operation.record.digest : '';
}

async function within(work: Promise<void>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const time = new Promise<void>(resolve => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, time]).finally(() => clearTimeout(timer));
}
