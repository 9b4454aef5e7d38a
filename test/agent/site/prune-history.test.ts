import {existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {FileHistory} from '../../../source/agent/files/file-history.js';
import {
  defaultHistoryLimits,
  type HistoryLimits,
  pruneHistory,
} from '../../../source/agent/site/prune-history.js';
import {RowHistory} from '../../../source/agent/site/row-history.js';

const dayMs = 86_400_000;
const startMs = Date.parse('2026-03-01T00:00:00Z');

type World = {folder: string; files: FileHistory; rows: RowHistory};

function createWorld(t: ExecutionContext): World {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'lockstep-prune-'));
  const world = {folder, files: FileHistory.open(folder), rows: new RowHistory(folder)};
  t.teardown(() => {
    world.files.close();
    world.rows.close();
    rmSync(folder, {recursive: true});
  });
  return world;
}

/** A run that replaces so many files of so many bytes on that day. */
function replaceFiles({folder, files}: World, runId: string, day: number, count: number, size = 10): void {
  const state = {
    kind: 'file',
    digest: 'a'.repeat(64),
    size,
    mode: 0o100644,
    mtime: 1n,
    vector: 'l:1',
  } as const;
  mkdirSync(path.join(folder, 'history', runId), {recursive: true});
  files.add(
    Array.from({length: count}, (_, operation) => {
      writeFileSync(path.join(folder, 'history', runId, files.nameOf('main', operation)), 'x'.repeat(size));
      return {
        ...{runId, step: 'main', operation, at: new Date(startMs + day * dayMs).toISOString()},
        ...{path: `f${operation}`, action: 'update' as const, before: state, after: state, kept: true},
      };
    }),
  );
}

const prune = (
  {files, rows}: World,
  limits: Partial<HistoryLimits>,
  day: number,
  needed: string[] = [],
  free = () => true,
) =>
  pruneHistory(
    [files, rows],
    {...defaultHistoryLimits, ...limits},
    {
      isNeeded: runId => needed.includes(runId),
      isFree: free,
      pause: async () => {},
      nowMs: startMs + day * dayMs,
    },
  );

const runsLeft = ({files}: World) => [...new Set([...files.entries({})].map(({runId}) => runId))].sort();

test('what is older than allowed goes with its content, the oldest first', async t => {
  const world = createWorld(t);
  for (const day of [0, 10, 20]) replaceFiles(world, `run-${day}`, day, 300);
  t.is(await prune(world, {maxAgeMs: 15 * dayMs}, 14), 0);
  t.is(await prune(world, {maxAgeMs: 15 * dayMs}, 26), 600);
  t.deepEqual(runsLeft(world), ['run-20']);
  t.deepEqual(readdirSync(path.join(world.folder, 'history')), ['run-20']);
  t.like(world.files.totals(), {entries: 300, bytes: 3000});
  // Read anew, the numbers are the same, and none is given a second time.
  const ids = [...world.files.entries({})].map(({id}) => id);
  t.is(new Set(ids).size, 300);
  t.is(await prune(world, {maxAgeMs: dayMs}, 99), 299);
});

test('no more entries and bytes than allowed, files and rows together', async t => {
  const world = createWorld(t);
  replaceFiles(world, 'run-0', 0, 50);
  for (let key = 0; key < 60; key++)
    world.rows.add('run-1', 'main', {
      action: 'update',
      item: {type: 'row', table: 't', key: [String(key)]},
      before: {table: 't', key: [String(key)], vector: 'l:1', digest: 'd', row: {x: `t${'y'.repeat(50)}`}},
      after: {digest: 'e', vector: 'l:2'},
    });
  t.is(world.rows.totals().entries, 0);
  world.rows.finish('run-1', 'main');
  t.is(world.rows.totals().entries, 60);
  t.is(await prune(world, {maxEntries: 75}, 1), 35);
  t.is([...world.files.entries({})].length + [...world.rows.entries({})].length, 75);
  const {bytes} = world.rows.totals();
  t.true(bytes > 60 * 50);
  await prune(world, {maxBytes: bytes / 2}, 1);
  t.true(world.rows.totals().bytes <= bytes / 2 && world.rows.totals().entries > 10);
  t.is([...world.rows.entries({})].length, world.rows.totals().entries);
});

test('what an unfinished run needs stays, and no run waits for the rest', async t => {
  const world = createWorld(t);
  for (const day of [0, 1]) replaceFiles(world, `run-${day}`, day, 300);
  t.is(await prune(world, {maxAgeMs: dayMs}, 99, ['run-0']), 0);
  let batches = 0;
  const removed = await prune(world, {maxAgeMs: dayMs}, 99, [], () => batches++ < 1);
  t.is(removed, 200);
  t.deepEqual(runsLeft(world), ['run-0', 'run-1']);
  // Rows of a commit that is not decided do not count and do not go.
  world.rows.add('run-2', 'main', {
    action: 'delete',
    item: {type: 'row', table: 't', key: ['1']},
    before: {table: 't', key: ['1'], vector: 'l:1', digest: 'd', row: {}},
    after: {digest: '', vector: 'l:2'},
  });
  world.rows.flush();
  await prune(world, {maxEntries: 1}, 99);
  world.rows.finish('run-2', 'main');
  t.is([...world.rows.entries({})].length, 1);
});

test('a table without a key is only restorable while all its rows are there', t => {
  const {rows} = createWorld(t);
  const item = {type: 'table', table: 'log'} as const;
  for (const n of [1, 2, 3])
    rows.add('run-1', 'main', {
      ...{action: 'delete', item, after: undefined},
      before: {table: 'log', key: [], vector: '', digest: `d${n}`, row: {n: `i${n}`}},
    });
  rows.add('run-1', 'main', {action: 'update', item, before: undefined, after: {digest: 'e', vector: 'l:2'}});
  rows.finish('run-1', 'main');
  const [entry] = [...rows.entries({})];
  t.like(entry, {action: 'update', item, restorable: true});
  t.is([...rows.entries({})].length, 1);
  t.deepEqual(
    [...rows.tableOf(entry!.id)!].flat().map(({digest}) => digest),
    ['d1', 'd2', 'd3'],
  );
  rows.removeOldest(1, () => false);
  t.false([...rows.entries({})][0]!.restorable);
  t.is(rows.tableOf(entry!.id), undefined);
});

test('a content that is gone is no content', t => {
  const world = createWorld(t);
  replaceFiles(world, 'run-0', 0, 1);
  const [entry] = [...world.files.entries({})];
  t.true(existsSync(world.files.contentOf(entry!.id)!));
  rmSync(world.files.contentOf(entry!.id)!);
  t.is(world.files.contentOf(entry!.id), undefined);
  t.is(world.files.contentOf('r1'), undefined);
  t.is(world.files.find('f999'), undefined);
});
