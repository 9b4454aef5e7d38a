import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {appendFileSync, mkdtempSync, readFileSync, rmSync, utimesSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import type {RunEvent} from '../../source/core/run-event.js';
import {openJournalWriter} from '../../source/state/journal-writer.js';
import {runFiles} from '../../source/state/run-files.js';
import {
  allJournals,
  createJournal,
  followJournal,
  listJournals,
  type RunFinished,
  type RunStarted,
  readJournal,
} from '../../source/state/run-journal.js';
import {isAlive, ownProcess} from '../../source/system/process-identity.js';

const runId = '20260101-000000-abcdef';
const at = '2026-01-01T00:00:00.000Z';

async function makeHome(t: ExecutionContext): Promise<string> {
  const home = mkdtempSync(path.join(os.tmpdir(), 'lockstep-journal-'));
  t.teardown(() => rmSync(home, {recursive: true, force: true}));
  await createJournal(home, runId);
  return home;
}

const started = (runner = ownProcess(), host = os.hostname()): RunStarted => ({
  type: 'run.started',
  runId,
  kind: 'sync',
  relationship: 'r',
  profile: 'p',
  direction: 'upload',
  by: 'me',
  startedAt: at,
  pid: runner.pid,
  processStart: runner.startedAt,
  host,
});
const finished: RunFinished = {
  type: 'run.finished',
  at,
  runId,
  status: 'success',
  applied: 1,
  skipped: 0,
  total: 1,
  conflicts: 0,
  collisions: 0,
  deleted: 0,
  bytes: 0,
  durationMs: 1,
};
const message = (text: string): RunEvent => ({type: 'run.message', at, level: 'info', text});
const applied = (file: string): RunEvent => ({
  type: 'run.item',
  item: {type: 'file', path: file},
  side: 'remote',
  action: 'create',
  outcome: 'applied',
});
const line = (event: RunEvent) => `${JSON.stringify(event)}\n`;

/** A process that has just ended, as the journal of a killed runner names it. */
async function deadProcess() {
  const child = spawn(process.execPath, ['-e', ''], {stdio: 'ignore'});
  const {pid} = child;
  await once(child, 'exit');
  return {pid: pid!, startedAt: 'long ago'};
}

test('following replays what was and goes on to the end', async t => {
  const home = await makeHome(t);
  const journal = openJournalWriter<RunEvent>(runFiles(home, runId).journal);
  journal.append(started());
  const seen: string[] = [];
  for await (const event of followJournal(home, runId)) {
    seen.push(event.type);
    if (event.type === 'run.started') journal.append(message('on'));
    if (event.type === 'run.message') {
      journal.append(applied('a'));
      journal.append(finished);
      journal.close();
    }
  }
  t.deepEqual(seen, ['hello', 'run.started', 'run.message', 'run.item', 'run.finished']);
});

test('a line that is not whole yet is waited for', async t => {
  const home = await makeHome(t);
  const {journal} = runFiles(home, runId);
  const text = line(message('slow'));
  appendFileSync(journal, line(started()) + text.slice(0, 20));
  const seen: RunEvent[] = [];
  for await (const event of followJournal(home, runId)) {
    seen.push(event);
    if (event.type === 'run.started')
      setImmediate(() => appendFileSync(journal, text.slice(20) + line(finished)));
  }
  t.deepEqual(seen.slice(2), [message('slow'), finished]);
});

test('leaving does not end the run and ends the following at once', async t => {
  const home = await makeHome(t);
  appendFileSync(runFiles(home, runId).journal, line(started()));
  const leave = new AbortController();
  const seen: string[] = [];
  for await (const event of followJournal(home, runId, leave.signal)) {
    seen.push(event.type);
    if (event.type === 'run.started') setImmediate(() => leave.abort());
  }
  t.deepEqual(seen, ['hello', 'run.started']);
});

test('a run whose process is gone ends as failed, once, for all who watch', async t => {
  const home = await makeHome(t);
  const {journal} = runFiles(home, runId);
  // The last line was never finished.
  appendFileSync(journal, `${line(started(await deadProcess())) + line(applied('a'))}{"type":"run.it`);
  const watch = async () => {
    const events: RunEvent[] = [];
    for await (const event of followJournal(home, runId)) events.push(event);
    return events.at(-1);
  };
  const [one, two] = await Promise.all([watch(), watch()]);
  t.like(one, {type: 'run.finished', status: 'failed', error: {code: 'RUN_DIED'}, applied: 1});
  t.deepEqual(one, two);
  t.is(readFileSync(journal, 'utf8').match(/run\.finished/g)?.length, 1);
});

test('a later process with the same number is not taken for the runner', t => {
  const own = ownProcess();
  t.true(isAlive(own));
  t.false(isAlive({...own, startedAt: `${own.startedAt}0`}));
});

test('a runner on another machine is dead when its heart has stopped, and only then', async t => {
  const home = await makeHome(t);
  const {journal} = runFiles(home, runId);
  appendFileSync(journal, line(started({pid: 1, startedAt: 'then'}, 'elsewhere.example')));
  const list = async () => {
    for await (const entry of listJournals(home)) return entry;
    return undefined;
  };
  t.is((await list())?.finished, undefined);
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(journal, longAgo, longAgo);
  t.is((await list())?.finished?.status, 'failed');
});

test('a list shows newest first, reads only ends, and leaves out what never began', async t => {
  const home = await makeHome(t);
  const later = '20260102-000000-abcdef';
  const never = '20260103-000000-abcdef';
  await createJournal(home, later);
  await createJournal(home, never);
  appendFileSync(runFiles(home, runId).journal, line(started()) + line(finished));
  appendFileSync(
    runFiles(home, later).journal,
    line({...started(), runId: later}) +
      line(message('on')) +
      line({...finished, runId: later, status: 'warning'}),
  );
  const seen: string[] = [];
  for await (const entry of listJournals(home)) seen.push(`${entry.started.runId} ${entry.finished?.status}`);
  t.deepEqual(seen, [`${later} warning`, `${runId} success`]);
});

test('a run is shown with what became of its items', async t => {
  const home = await makeHome(t);
  appendFileSync(
    runFiles(home, runId).journal,
    [started(), applied('a'), applied('b'), finished].map(line).join(''),
  );
  const shown = await readJournal(home, runId);
  t.deepEqual(
    shown.items.map(({item}) => item),
    [
      {type: 'file', path: 'a'},
      {type: 'file', path: 'b'},
    ],
  );
  t.is(shown.finished?.status, 'success');
});

test('what is no run id never becomes part of a path', async t => {
  const home = await makeHome(t);
  t.throws(() => runFiles(home, '../../etc/passwd'), {code: 'USAGE'});
  await t.throwsAsync(readJournal(home, '20990101-000000-abcdef'), {code: 'NOT_FOUND'});
});

test('a list of ended runs is the same array until a run comes, begins or ends', async t => {
  const home = await makeHome(t);
  const {folder, journal} = runFiles(home, runId);
  const longAgo = new Date(Date.now() - 60_000);
  const settle = () => utimesSync(folder, longAgo, longAgo);
  settle();
  t.deepEqual(await allJournals(home), [], 'one that never began');
  appendFileSync(journal, line(started()));
  t.is((await allJournals(home))[0]?.finished, undefined);
  appendFileSync(journal, line(finished));
  const ended = await allJournals(home);
  t.is(ended[0]?.finished?.status, 'success');
  t.is(await allJournals(home), ended);
  const later = '20260101-000001-abcdef';
  await createJournal(home, later);
  appendFileSync(runFiles(home, later).journal, line({...started(), runId: later}));
  t.deepEqual(
    (await allJournals(home)).map(entry => entry.started.runId),
    [later, runId],
  );
});
