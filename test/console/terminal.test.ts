import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {PassThrough, Writable} from 'node:stream';
import {fileURLToPath} from 'node:url';
import xterm from '@xterm/headless';
import test, {type ExecutionContext} from 'ava';
import {spawn} from 'node-pty';
import {openConsole} from '../../source/console/open-console.js';
import type {Engine} from '../../source/engine/engine.js';
import {eventually} from '../helpers/lockstep.js';
import {fakeEngine, fakeWorld} from './helpers/fake-engine.js';

const play = join(dirname(fileURLToPath(import.meta.url)), 'helpers', 'play.js');

/** The console in a pseudo-terminal of its own, and what its screen shows. */
function open(
  t: ExecutionContext,
  options: {scene?: string; env?: Record<string, string>; shell?: boolean; outlived?: boolean} = {},
) {
  const terminal = new xterm.Terminal({cols: 80, rows: 24, allowProposedApi: true});
  // A build server's CI variable switches colour off, too.
  const {NO_COLOR: _plain, FORCE_COLOR: _forced, CI: _ci, ...inherited} = process.env;
  const argv = [play, options.scene ?? 'fast'];
  const home = mkdtempSync(join(tmpdir(), 'lockstep-terminal-'));
  // What is written last is lost when nobody holds the terminal any more, so a shell outlives the console.
  const outliving = '"$0" "$@" </dev/tty & echo "console is $!"; wait $!; echo "left with $?"; read -r line';
  // An interactive shell has job control: it can stop the console and continue it.
  const [file, args] = options.outlived
    ? ['/bin/sh', ['-c', outliving, process.execPath, ...argv]]
    : options.shell
      ? ['/bin/sh', ['-i']]
      : [process.execPath, argv];
  const child = spawn(file, args, {
    cols: 80,
    rows: 24,
    env: {...inherited, TERM: 'xterm-256color', LOCKSTEP_HOME: home, ...options.env},
  });
  let raw = '';
  let wake: (() => void) | undefined;
  child.onData(data => {
    raw += data;
    terminal.write(data, () => wake?.());
  });
  if (options.shell) child.write(`${[process.execPath, ...argv].map(part => `'${part}'`).join(' ')}\r`);
  const exit = new Promise<{exitCode: number; signal?: number}>(resolve => child.onExit(resolve));
  t.teardown(() => {
    try {
      child.kill('SIGKILL');
    } catch {
      // It has ended already.
    }
    rmSync(home, {recursive: true, force: true});
  });
  const lines = () =>
    Array.from(
      {length: terminal.rows},
      (_, row) => terminal.buffer.active.getLine(row)?.translateToString() ?? '',
    );
  return {
    child,
    exit,
    lines,
    raw: () => raw,
    destroy: () => (child as unknown as {destroy(): void}).destroy(),
    resize(columns: number, rows: number) {
      terminal.resize(columns, rows);
      child.resize(columns, rows);
    },
    /** Resolves when the screen shows `pattern`; the test's own time limit ends the wait. */
    async shows(pattern: RegExp, where = lines): Promise<string[]> {
      while (!pattern.test(where().join('\n'))) {
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      }
      return where();
    },
  };
}

/** The header in the first line, the keys in the last one, and neither of them once more between. */
const wholeOverview =
  /^ ?lockstep › overview(?![\s\S]*lockstep ›)(?![\s\S]*q quit[\s\S]*q quit).*\n[\s\S]*q quit[^\n]*$/;

test('keys that arrive in one chunk open the right row', async t => {
  const console = open(t);
  await console.shows(/dev-staging/);
  console.child.write('\x1b[B\x1b[B\x1b[B\r');
  await console.shows(/› dev-staging/);
  console.child.write('\x1b');
  await console.shows(/lockstep › overview/);
  console.child.write('q');
  t.is((await console.exit).exitCode, 0);
});

test('the screen is as high as the terminal, before and after it was resized, and nothing is left over', async t => {
  const console = open(t);
  const before = await console.shows(/dev-staging[\s\S]*q quit/);
  t.regex(before[0]!, /lockstep › overview/);
  t.regex(before[23]!, /q quit/);
  console.resize(120, 40);
  await console.shows(wholeOverview);
  console.resize(70, 18);
  await console.shows(wholeOverview);
  console.child.write('\x03');
  t.is((await console.exit).exitCode, 0);
});

test('leaving gives the terminal back and says that runs continue', async t => {
  const console = open(t, {scene: 'running', outlived: true});
  await console.shows(/1 running/);
  console.child.write('q');
  await console.shows(/Run 20261121-140000-abcdef continues[\s\S]*left with 0/);
  t.true(console.raw().includes('\x1b[?1049l'));
  t.true(console.raw().includes('\x1b[?2004l'));
  t.true(console.raw().includes('\x1b[?25h'));
});

for (const [signal, status] of [
  ['SIGHUP', 129],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} ends the console quietly`, async t => {
    const console = open(t, {outlived: true});
    await console.shows(/dev-staging/);
    const [said] = await console.shows(/console is \d+\r/, () => [console.raw()]);
    process.kill(Number(/console is (\d+)/.exec(said!)![1]), signal);
    await console.shows(new RegExp(`left with ${status}`));
    t.true(console.raw().includes('\x1b[?1049l'));
    t.notRegex(console.raw(), /Error/);
  });
}

test('NO_COLOR is honoured; the cursor is still to be seen', async t => {
  const plain = open(t, {env: {NO_COLOR: '1'}});
  const lines = await plain.shows(/dev-staging/);
  t.notRegex(plain.raw(), /\x1b\[[0-9;]*m/);
  t.true(lines.some(line => /│ > │ staging-production|│ > │ staging/.test(line)));
  plain.child.write('q');
  await plain.exit;
  const coloured = open(t);
  await coloured.shows(/dev-staging/);
  t.regex(coloured.raw(), /\x1b\[7m|\x1b\[1m/);
  coloured.child.write('q');
  await coloured.exit;
});

test('Ctrl-Z gives the terminal back to the shell, and fg brings the console back as it was', async t => {
  const console = open(t, {shell: true});
  await console.shows(/dev-staging/);
  console.child.write('S');
  await console.shows(/› servers/);
  console.child.write('\x1a');
  await console.shows(/Stopped|Suspended/i);
  t.true(
    console.raw().lastIndexOf('\x1b[?1049l') > console.raw().lastIndexOf('\x1b[?1049h'),
    'the screen of the shell',
  );
  t.true(
    console.raw().lastIndexOf('\x1b[?2004l') > console.raw().lastIndexOf('\x1b[?2004h'),
    'paste as it was',
  );
  console.child.write('fg; echo left with $?\r');
  await console.shows(/› servers[\s\S]*q quit/);
  t.true(console.raw().lastIndexOf('\x1b[?1049h') > console.raw().lastIndexOf('\x1b[?1049l'));
  console.child.write('\x1b[B\r');
  await console.shows(/› servers › production/);
  console.child.write('q');
  await console.shows(/left with 0/);
  console.child.write('exit\r');
  await console.exit;
});

test('a storm of new sizes ends with a whole screen, and nothing of the others', async t => {
  const console = open(t);
  await console.shows(/dev-staging[\s\S]*q quit/);
  for (let turn = 0; turn < 40; turn++) console.resize(60 + ((turn * 37) % 240), 15 + ((turn * 17) % 85));
  console.resize(100, 30);
  await console.shows(wholeOverview);
  console.child.write('S');
  await console.shows(/› servers/);
  console.child.write('\x1b');
  await console.shows(wholeOverview);
  t.is(console.lines().length, 30);
  console.child.write('q');
  t.is((await console.exit).exitCode, 0);
});

for (const term of ['screen-256color', 'tmux-256color']) {
  test(`TERM=${term} shows the console and takes its arrows`, async t => {
    const console = open(t, {env: {TERM: term}});
    await console.shows(/dev-staging/);
    // Application cursor keys, as tmux and screen send them.
    console.child.write('\x1bOB\x1bOB\r');
    await console.shows(/› dev-staging/);
    console.child.write('q');
    t.is((await console.exit).exitCode, 0);
  });
}

test('a terminal that vanishes ends the console', async t => {
  const console = open(t);
  await console.shows(/dev-staging/);
  // Closes the other end, as a lost SSH line does: the kernel hangs up, and every read and write fails from now on.
  console.destroy();
  await eventually('the console ends', () => !isAlive(console.child.pid));
  t.pass();
});

test('a terminal whose output fails ends the console, even where the hang-up is not delivered', async t => {
  const {stdin, stdout} = fakeTerminal();
  const status = openConsole({
    home: '/nowhere',
    loadEngine: async () => fakeEngine(fakeWorld()),
    stdin,
    stdout,
  });
  await new Promise<void>(resolve => stdout.once('frame', () => resolve()));
  stdout.emit('error', Object.assign(new Error('write EPIPE'), {code: 'EPIPE'}));
  t.is(await status, 129);
});

test('a terminal whose input ends ends the console', async t => {
  const {stdin, stdout} = fakeTerminal();
  const status = openConsole({
    home: '/nowhere',
    loadEngine: async () => fakeEngine(fakeWorld()),
    stdin,
    stdout,
  });
  await new Promise<void>(resolve => stdout.once('frame', () => resolve()));
  (stdin as unknown as PassThrough).end();
  t.is(await status, 129);
});

test('the first frame does not wait for the engine', async t => {
  const {stdin, stdout, written} = fakeTerminal();
  const engine = Promise.withResolvers<Engine>();
  const status = openConsole({home: '/nowhere', loadEngine: () => engine.promise, stdin, stdout});
  await new Promise<void>(resolve => stdout.once('frame', () => resolve()));
  t.regex(written(), /loading relationships/);
  (stdin as unknown as PassThrough).write('q');
  t.is(await status, 0);
  engine.resolve(fakeEngine(fakeWorld()));
});

test('without a terminal the console refuses to open', async t => {
  const stdin = new PassThrough() as unknown as NodeJS.ReadStream;
  const stdout = new PassThrough() as unknown as NodeJS.WriteStream;
  const error = await t.throwsAsync(
    openConsole({home: '/nowhere', loadEngine: async () => fakeEngine(fakeWorld()), stdin, stdout}),
  );
  t.like(error, {code: 'USAGE'});
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Streams that say they are a terminal; `frame` is emitted when something was drawn. */
function fakeTerminal() {
  let text = '';
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: () => stdin,
    ref() {},
    unref() {},
  });
  const stdout = Object.assign(
    new Writable({
      write(chunk, _encoding, done) {
        text += String(chunk);
        if (text.includes('lockstep ›')) stdout.emit('frame');
        done();
      },
    }),
    {isTTY: true, columns: 80, rows: 24},
  );
  return {
    stdin: stdin as unknown as NodeJS.ReadStream,
    stdout: stdout as unknown as NodeJS.WriteStream,
    written: () => text,
  };
}
