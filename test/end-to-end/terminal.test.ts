import test from 'ava';
import {spawn} from 'node-pty';
import {createWorld, program, type World} from '../helpers/lockstep.js';

const schema = 'CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT);';

/** Runs a command on a terminal, types when asked, and resolves with what was on the screen. */
function onTerminal(
  world: World,
  argv: readonly string[],
  answer: {when: RegExp; type: string},
): Promise<{screen: string; exitCode: number}> {
  return new Promise(resolve => {
    let screen = '';
    let answered = false;
    const {NO_COLOR: _, ...environment} = process.env;
    const terminal = spawn(process.execPath, [program, ...argv], {
      cols: 100,
      rows: 30,
      env: {...environment, TERM: 'xterm-256color', LOCKSTEP_HOME: world.home} as Record<string, string>,
    });
    terminal.onData(text => {
      screen += text;
      if (answered || !answer.when.test(screen)) return;
      answered = true;
      terminal.write(answer.type);
    });
    terminal.onExit(({exitCode}) => resolve({screen, exitCode}));
  });
}

test.serial('E6: on a terminal an initial sync says what it overwrites and wants the name typed', async t => {
  const world = createWorld(t);
  const here = await world.server('here', {schema: `${schema} INSERT INTO pages VALUES (1, 'One');`});
  const there = await world.server('there', {schema});
  await world.relate('pair', here, there, 'upload');
  const argv = ['relationship', 'initial-sync', 'pair'];

  const refused = await onTerminal(world, argv, {when: /Type pair/, type: 'no\r'});
  t.is(refused.exitCode, 64, refused.screen);
  t.regex(refused.screen, /overwrites there\/main with here\/main/);
  t.deepEqual(there.site.table('pages'), []);

  const done = await onTerminal(world, argv, {when: /Type pair/, type: 'pair\r'});
  t.is(done.exitCode, 0, done.screen);
  t.deepEqual(there.site.table('pages'), here.site.table('pages'));
  t.regex(done.screen, /\x1b\[32msuccess/, 'in colour');
});

test.serial('deleting asks on a terminal; Ctrl-C there changes nothing', async t => {
  const world = createWorld(t);
  await world.pairOfServers({files: {'a.html': 'a'}});
  await world.profile('pair/all', '--items', 'templates');
  const left = await onTerminal(world, ['profile', 'delete', 'pair/all'], {when: /Type all/, type: '\x03'});
  t.not(left.exitCode, 0);
  await world.must('profile', 'show', 'pair/all');
  const done = await onTerminal(world, ['profile', 'delete', 'pair/all'], {when: /Type all/, type: 'all\r'});
  t.is(done.exitCode, 0, done.screen);
});
