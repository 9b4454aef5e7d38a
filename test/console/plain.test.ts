import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {PassThrough, Readable} from 'node:stream';
import {text} from 'node:stream/consumers';
import test, {type ExecutionContext} from 'ava';
import {spawn as spawnOnTerminal} from 'node-pty';
import {plainText} from '../../source/console/plain/hidden-typing.js';
import {openPlain} from '../../source/console/plain/open-plain.js';
import {sayKeys, sayMenu, sayScreen} from '../../source/console/plain/say-screen.js';
import type {Screen} from '../../source/console/screen.js';
import type {ScreenDefinition} from '../../source/console/screen-definition.js';
import {screens} from '../../source/console/screens/index.js';
import {program} from '../helpers/lockstep.js';
import {type FakeWorld, fakeEngine, fakeNow, fakePlan, fakeWorld} from './helpers/fake-engine.js';
import {describeVisit, walkScreens} from './helpers/walk-screens.js';

/** What the console says to the lines of a script. */
async function converse(t: ExecutionContext, world: FakeWorld, ...lines: readonly string[]): Promise<string> {
  const stdout = new PassThrough();
  const said = text(stdout);
  const stdin = Readable.from(lines.map(line => `${line}\n`));
  const home = temporaryHome(t);
  t.is(await openPlain({home, loadEngine: async () => fakeEngine(world), stdin, stdout}), 0);
  stdout.end();
  return said;
}

function temporaryHome(t: ExecutionContext): string {
  const home = mkdtempSync(join(tmpdir(), 'lockstep-plain-'));
  t.teardown(() => rmSync(home, {recursive: true, force: true}));
  return home;
}

test('a script previews, leaves one item out, runs exactly that and sees its end', async t => {
  const world = fakeWorld();
  const said = await converse(t, world, '1', 'p 1', 'x 2', 'run', 'y', 'q');
  t.regex(said, /# overview\n[\s\S]*1\. staging-production, local staging\/main/);
  t.regex(said, /# overview > staging-production\n/);
  t.regex(said, /2\. .*uploadedimages\/fair\/hero\.jpg/);
  t.regex(said, /warn: Run [\s\S]*y for yes/);
  t.true(
    world.calls.some(call => call.startsWith('start {')),
    world.calls.join('\n'),
  );
  t.regex(said, /commit ok[\s\S]*finished: success/);
});

test('a form is asked field by field, says what is wrong, and is saved', async t => {
  const world = fakeWorld();
  const said = await converse(
    t,
    world,
    ...['1', 'n', 'Templates', 'database, 3', '9', 'bidirectional', '', '', '', '', '', ''],
    ...['save', '1', 'Nightly', 'ctrl-s', 'q'],
  );
  t.regex(said, /Name, now empty/);
  t.regex(said, /There is no choice "9"/);
  t.regex(said, /1\. Name: Templates\n {3}fail: .*already has a profile/);
  t.like(JSON.parse(world.calls[0]!.slice('create '.length)), {
    name: 'Nightly',
    items: ['database', 'templates'],
    direction: 'bidirectional',
  });
});

test('what is severe wants its name in full; what means nothing says so', async t => {
  const world = fakeWorld();
  const said = await converse(
    t,
    world,
    '1',
    'X',
    'staging',
    '',
    'X',
    'staging-production',
    'fly',
    'open 77',
    'q',
  );
  t.regex(said, /That is not staging-production/);
  t.regex(said, /"fly" means nothing here/);
  t.regex(said, /There is no row 77; there are \d/);
  t.deepEqual(world.calls, ['delete staging-production']);
});

test('lists go on page by page, are filtered, and any row is reached by its number', async t => {
  const world = Object.assign(fakeWorld(), {plan: fakePlan(100)});
  const said = await converse(t, world, '1', 'p', 'more', '/file-00042', '1', ':runs', 'q');
  t.regex(said, /Rows 1 to \d+ of 104; "more" goes on/);
  t.regex(said, /# overview > staging-production > preview[\s\S]*1\. .*file-00042/);
  t.regex(said, /# overview > runs/);
});

test('every screen can be said: its rows, its keys and its form', async t => {
  for (const [kind, definition] of Object.entries(screens) as [string, ScreenDefinition<Screen>][])
    t.is(definition.type === undefined, definition.form === undefined, `${kind}: a form names its form`);
  const home = temporaryHome(t);
  const seen = new Set<string>();
  for await (const visit of walkScreens({world: fakeWorld, home, columns: 200, rows: 24})) {
    const {model} = visit;
    const kind = `${model.stack.at(-1)!.kind}`;
    if (seen.has(kind)) continue;
    seen.add(kind);
    const said = [...sayScreen({...model, now: fakeNow}), sayMenu(model), ...sayKeys(model)].join('\n');
    t.notRegex(said, /[\x00-\x09\x0b-\x1f\u2500-\u257f]|undefined/, describeVisit(visit));
  }
});

test('`--plain` takes a script; a terminal that cannot draw gets it without being asked', async t => {
  const home = temporaryHome(t);
  const piped = spawn(process.execPath, [program, '--plain', '--home', home]);
  piped.stdin.end('S\nback\nq\n');
  const [said, status] = await Promise.all([
    text(piped.stdout),
    new Promise(resolve => piped.once('close', resolve)),
  ]);
  t.is(status, 0);
  t.regex(said, /# overview\n[\s\S]*# overview > servers/);
  t.notRegex(said, /\x1b/);

  const dumb = openOnTerminal(t, home);
  await dumb.shows(/# overview[\s\S]*\n> $/);
  dumb.type('q');
  t.is(await dumb.ended, 0);
  t.notRegex(dumb.screen(), /\x1b/);
});

test('a terminal does not show a password while it is typed, and everything else again after it', async t => {
  const dumb = openOnTerminal(t, temporaryHome(t));
  await dumb.shows(/# overview[\s\S]*\n> $/);
  dumb.type(':releases');
  await dumb.shows(/# overview > releases\r?\n[\s\S]*\n> $/);
  for (const [line, shows] of [
    ['n', /Source, now empty/],
    ['.', /7\. Signature: none yet/],
    ['7', /with a key/],
    ['2', /9\. Its password: empty/],
    ['9', /Its password, now empty;.* does not show/],
    // A mistake is taken back as on any line.
    ['wrong\x15s3crer\x7ft', /9\. Its password: set/],
    ['3', /Name, now empty/],
    ['shown-again', /3\. Name: shown-again/],
  ] as const) {
    dumb.type(line);
    await dumb.shows(new RegExp(`${shows.source}[\\s\\S]*\\n> $`));
  }
  t.notRegex(dumb.screen(), /s3cre|wrong/);
  t.regex(dumb.screen(), /> shown-again/);
  dumb.type('9');
  await dumb.shows(/now set;[\s\S]*\n> $/);
  dumb.type('\x03');
  t.is(await dumb.ended, 130);
});

test('what is typed hidden is edited as a line is', t => {
  t.is(plainText('abc\x7f\x7fd\x1b[D\x1b[3~e'), 'ae');
  t.is(plainText('old\x15new\t\x1b'), 'new');
  t.is(plainText('\x1b[200~pasted\x1b[201~!'), 'pasted!');
});

/** The program on a terminal that cannot draw. */
function openOnTerminal(t: ExecutionContext, home: string) {
  const child = spawnOnTerminal(process.execPath, [program, '--home', home], {
    env: {...process.env, TERM: 'dumb'} as Record<string, string>,
  });
  let screen = '';
  let changed = () => {};
  child.onData(data => {
    screen += data;
    changed();
  });
  const ended = new Promise<number>(resolve => child.onExit(({exitCode}) => resolve(exitCode)));
  t.teardown(() => {
    try {
      child.kill('SIGKILL');
    } catch {
      // It has ended already.
    }
  });
  return {
    ended,
    screen: () => screen,
    type: (line: string) => child.write(`${line}\r`),
    /** Resolves when what was said so far ends so; the test's own time limit ends the wait. */
    async shows(pattern: RegExp): Promise<void> {
      while (!pattern.test(screen))
        await new Promise<void>(resolve => {
          changed = resolve;
        });
    },
  };
}
