import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {createServer, type IncomingMessage} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {AfterSync, type AfterSyncOptions} from '../../../source/agent/site/after-sync.js';
import {keepArrivals} from '../../../source/agent/site/arrivals.js';
import {CommitJournal} from '../../../source/agent/site/journal.js';
import {effectiveFlags, flagsInEnvironment, publishFlags} from '../../../source/agent/site/publish-flags.js';
import {runCommand} from '../../../source/agent/site/run-command.js';
import {eventually} from '../../helpers/lockstep.js';

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-after-'));
  t.teardown(() => rmSync(folder, {recursive: true, force: true}));
  return folder;
}

const node = (script: string, ...rest: string[]) => [process.execPath, '-e', script, ...rest];

test('a command: its output, its exit status, a program that is not there', async t => {
  const cwd = folderOf(t);
  const run = (argv: readonly string[], input = '') =>
    runCommand({argv, cwd, environment: {WORD: 'hello'}, timeoutMs: 20_000, input});
  t.deepEqual(await run(['sh', '-c', 'echo "$WORD $PWD"; cat; echo oops >&2'], 'in '), {
    end: 'done',
    output: `hello ${cwd}\nin oops\n`,
  });
  t.deepEqual(await run(['sh', '-c', 'exit 3']), {end: 'failed', error: 'it ended with 3', output: ''});
  t.deepEqual(await run(['sh', '-c', 'kill -9 $$']), {
    end: 'failed',
    error: 'it was ended by SIGKILL',
    output: '',
  });
  const absent = await run(['./not-there']);
  t.is(absent.end, 'failed');
  t.regex(absent.error ?? '', /ENOENT/);
  // Arguments are no shell.
  t.is((await run(['echo', '$WORD; exit 1'])).output, '$WORD; exit 1\n');
});

test('a command that prints without end keeps its last words; one that asks for input gets none', async t => {
  const {output, end} = await runCommand({
    argv: ['sh', '-c', 'cat; yes x | head -c 300000; echo last'],
    cwd: folderOf(t),
    environment: {},
    timeoutMs: 20_000,
  });
  t.is(end, 'done');
  t.true(output.length < 17_000);
  t.true(output.endsWith('last\n'));
});

test('a command that takes too long is ended with all that it started', async t => {
  const cwd = folderOf(t);
  const {end, error} = await runCommand({
    argv: ['sh', '-c', 'sh -c "trap \\"\\" TERM; echo $$ > pid; while :; do sleep 1; done" & wait'],
    cwd,
    environment: {},
    timeoutMs: 1500,
  });
  t.is(end, 'timeout');
  t.regex(error ?? '', /1500 ms/);
  const pid = Number(readFileSync(join(cwd, 'pid'), 'utf8'));
  await eventually('the stubborn child is gone', () => {
    try {
      process.kill(pid, 0);
      return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(' Z ');
    } catch {
      return true;
    }
  });
});

/** A site whose run `run-0001` has changed it. */
function afterSyncOf(t: ExecutionContext, options: Partial<AfterSyncOptions> = {}) {
  const folder = folderOf(t);
  const runsFolder = join(folder, 'runs');
  const journal = new CommitJournal(join(runsFolder, 'run-0001'));
  const position = {epoch: 'e', seq: 1};
  const positions = {files: {before: position, after: position}, database: null};
  journal.append({step: 'main', at: '', state: 'done', changed: true, positions});
  keepArrivals(journal.stepFolder('main'), {
    total: 1,
    content: [{change: 'new', item: {type: 'row', table: 'pages', key: ['1']}, title: 'Home'}],
  });
  const open = (more: Partial<AfterSyncOptions> = {}) => {
    const actions = new AfterSync({
      site: 'main',
      server: 'staging',
      root: folder,
      runsFolder,
      hooks: [],
      webAlert: undefined,
      environment: {},
      isAtWork: () => false,
      ...options,
      ...more,
    });
    t.teardown(() => actions.close());
    return actions;
  };
  return {folder, journal, open, log: () => linesOf(join(folder, 'log'))};
}

function linesOf(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
}

const hook = (script: string) => ({argv: ['sh', '-c', script], timeoutMs: 20_000});

test('commands run in order, once for each run, whoever asks how often', async t => {
  const hooks = [
    hook('echo "one $LOCKSTEP_RUN_ID $LOCKSTEP_SITE" >> log'),
    hook('exit 4'),
    hook('echo three >> log'),
  ];
  const {open, log} = afterSyncOf(t, {hooks});
  const actions = open();
  const [first, second] = await Promise.all([actions.run('run-0001'), actions.run('run-0001')]);
  t.deepEqual(
    first.map(({outcome, error}) => [outcome, error]),
    [
      ['done', undefined],
      ['failed', 'it ended with 4'],
      ['done', undefined],
    ],
  );
  t.deepEqual(second, first);
  t.deepEqual(await open().run('run-0001'), first);
  t.deepEqual(log(), ['one run-0001 main', 'three']);
  t.deepEqual(await actions.run('run-0002'), []);
});

test('a run that dies before it asks is served once it has let go', async t => {
  const {open, log} = afterSyncOf(t, {hooks: [hook('echo done >> log')]});
  let atWork = true;
  const actions = open({isAtWork: () => atWork});
  actions.resume();
  await new Promise(resolve => setTimeout(resolve, 1_200));
  t.deepEqual(log(), []);
  atWork = false;
  await eventually('the actions are taken', () => log().length === 1);
  open().resume();
  await open().run('run-0001');
  t.deepEqual(log(), ['done']);
});

test('what an agent began when it ended is not begun again; what it had not begun is done', async t => {
  const {open, log, journal} = afterSyncOf(t, {hooks: [hook('echo one >> log'), hook('echo two >> log')]});
  writeFileSync(
    join(journal.folder, 'after-sync.ndjson'),
    `${JSON.stringify({state: 'started', action: 0, kind: 'command', name: 'sh -c echo one >> log'})}\n{"state":"en`,
  );
  const results = await open().run('run-0001');
  t.deepEqual(
    results.map(({outcome}) => outcome),
    ['interrupted', 'done'],
  );
  t.deepEqual(log(), ['two']);
});

test('a web alert is posted with what arrived, and again when that fails', async t => {
  const bodies: {url: string | undefined; token: string | undefined; body: unknown}[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let text = '';
    request.on('data', chunk => {
      text += chunk;
    });
    request.on('end', () => {
      bodies.push({url: request.url, token: request.headers.authorization, body: JSON.parse(text)});
      response.statusCode = request.url === '/no' ? 403 : bodies.length < 2 ? 503 : 204;
      response.end();
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const alert = {post: `${url}/yes`, headers: {authorization: 'token'}, timeoutMs: 5_000, attempts: 3};

  const [result] = await afterSyncOf(t, {webAlert: alert}).open().run('run-0001');
  t.like(result, {kind: 'web-alert', name: `${url}/yes`, outcome: 'done'});
  t.is(bodies.length, 2);
  t.like(bodies[1], {url: '/yes', token: 'token'});
  t.like(bodies[1]!.body as object, {
    runId: 'run-0001',
    server: 'staging',
    site: 'main',
    total: 1,
    content: [{change: 'new', item: {type: 'row', table: 'pages', key: ['1']}, title: 'Home'}],
  });

  // What is refused is not tried again; nobody there is told as such.
  const [refused] = await afterSyncOf(t, {webAlert: {...alert, post: `${url}/no`}})
    .open()
    .run('run-0001');
  t.like(refused, {outcome: 'failed', error: 'it was answered with 403'});
  t.is(bodies.length, 3);
  const [absent] = await afterSyncOf(t, {webAlert: {...alert, post: 'http://127.0.0.1:1/', attempts: 2}})
    .open()
    .run('run-0001');
  t.is(absent?.outcome, 'failed');

  const {open, folder} = afterSyncOf(t, {
    webAlert: {
      run: node("process.stdin.pipe(require('fs').createWriteStream('alert.json'))"),
      timeoutMs: 20_000,
      attempts: 1,
    },
  });
  t.is((await open().run('run-0001'))[0]?.outcome, 'done');
  t.is((JSON.parse(readFileSync(join(folder, 'alert.json'), 'utf8')) as {total: number}).total, 1);
});

test('flags: known ones always, off on staging, as a file and as environment', t => {
  const flags = {webAlerts: true, orderProcessing: true, beta: true};
  t.deepEqual(effectiveFlags({}, false), {webAlerts: false, orderProcessing: false});
  t.deepEqual(effectiveFlags(flags, false), flags);
  t.deepEqual(effectiveFlags(flags, true), {webAlerts: false, orderProcessing: false, beta: true});
  const file = join(folderOf(t), 'config', 'flags.json');
  publishFlags(file, flags);
  t.deepEqual(JSON.parse(readFileSync(file, 'utf8')), flags);
  t.deepEqual(flagsInEnvironment(file, {webAlerts: true, orderProcessing: false}), {
    LOCKSTEP_FLAGS: '{"webAlerts":true,"orderProcessing":false}',
    LOCKSTEP_FLAGS_FILE: file,
    LOCKSTEP_FLAG_WEB_ALERTS: '1',
    LOCKSTEP_FLAG_ORDER_PROCESSING: '0',
  });
});
