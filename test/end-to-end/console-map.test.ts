import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {createDemoWorld} from '../../source/headless/demo/demo-world.js';
import {leaveEditsWaiting} from '../../source/headless/demo/edits.js';
import {createWorld, program} from '../helpers/lockstep.js';
import {keys, leftConsole, type Step, Terminal} from '../helpers/terminal.js';

const {enter, tab, down} = keys;

/** A place on the map, and the way there from the overview. */
type Place = readonly [place: string, ...way: readonly Step[]];

/** What an empty home has: every list says how it is filled, every form what it wants. */
const emptyMap: readonly Place[] = [
  ['overview', ['', /Nothing is set up yet[\s\S]*Press a[\s\S]*Press n[\s\S]*Nothing ran yet/]],
  ['servers', ['S', /No servers yet[\s\S]*Then press a here/]],
  ['a server', ['a', /Invitation[\s\S]*prints one line/]],
  ['own certificate', [`:own certificate${enter}`, /Fingerprint/]],
  ['relationships', ['E', /No relationships yet, and no servers to relate/]],
  ['a relationship', ['n', /step 1 of 3[\s\S]*a adds one/]],
  ['live syncs', ['V', /No live syncs yet\. n describes one/]],
  ['clusters', ['C', /No clusters yet\. n makes one/]],
  ['rollouts', ['U', /No rollouts yet\. n describes one/]],
  ['releases', ['L', /No releases yet/]],
  ['a release', ['L', /No releases yet/], ['n', /add a release/]],
  ['packages', ['P', /No sites are known yet\. a on the overview/]],
  ['schedule', ['s', /Nothing is scheduled\. Open a profile/]],
  ['runs', ['R', /Nothing ran yet\. Open a relationship/]],
  ['collisions', ['c', /Nothing to review/]],
  ['saved plans', [`:saved plans${enter}`, /No plan is saved\. In a preview/]],
  ['settings', [',', /› settings/]],
  ['doctor', ['!', /findings[\s\S]*Node\.js/]],
  ['notices', ['M', /› notices/]],
];

const relationship: Step = [
  `:relationship staging${enter}`,
  /› staging-production[\s\S]*nightly[\s\S]*last runs/,
];
const preview: Step = [`:preview staging-production/everything${enter}`, /actions +1\d +as of/];
const packages: Step = [`:packages staging/main${enter}`, /packages of staging\/main[\s\S]*kit/];
const rollout: Step = [`:rollout first${enter}`, /› first[\s\S]*production\/main[\s\S]*checklist/];

/** The home of the demo, with what the demo leaves out. */
const demoMap: readonly Place[] = [
  ['overview', ['', /3 checked ok[\s\S]*staging-production[\s\S]*runs[\s\S]*everything/]],
  ['servers', ['S', /› servers [\s\S]*production[\s\S]*ok +1 site/]],
  ['server', [`:server staging${enter}`, /› servers › staging[\s\S]*Certificate[\s\S]*main/]],
  ['trust', [`:trust staging${enter}`, /staging › trust[\s\S]*admin/]],
  ['audit', [`:audit staging${enter}`, /staging › audit[\s\S]*call/]],
  ['backups', [`:server staging${enter}`, /› staging[\s\S]*sites +1 /], [enter, /› backups/]],
  ['name of a server', ['S', /› servers[\s\S]*staging/], ['N', /› rename/]],
  ['relationships', ['E', /› relationships[\s\S]*development-staging/]],
  ['relationship', relationship],
  ['connections', [`:test staging-production${enter}`, /› connections[\s\S]*ok/]],
  ['profile', [`:edit staging-production/everything${enter}`, /will be saved as/]],
  ['preview', preview],
  ['difference of an item', preview, [enter, /\n── [\s\S]*\n @@ /]],
  ['preview by table', preview, ['t', /tables and folders/]],
  ['content to pick', relationship, [down, /everything/], ['s', /› pick for everything/]],
  ['files to pick', relationship, [down, /./], ['s', /› pick for/], [tab, /index\.html/]],
  ['history', relationship, ['H', /› history [\s\S]*changes +\d/]],
  ['runs', ['R', /› runs[\s\S]*4 +as of/]],
  ['log', ['R', /› runs[\s\S]*4 +as of/], [`G${enter}`, /› log 20\d\d[\s\S]*items/]],
  ['run', ['R', /› runs[\s\S]*4 +as of/], ['w', /› run 20\d\d[\s\S]*finished: success/]],
  ['schedule', ['s', /› schedule[\s\S]*nightly/]],
  ['collisions', ['c', /Nothing to review/]],
  ['clusters', ['C', /› clusters[\s\S]*farm/]],
  ['live syncs', ['V', /› live syncs[\s\S]*publish/]],
  ['sites', ['P', /› sites[\s\S]*staging/]],
  ['packages', packages],
  ['package', packages, [enter, /› kit[\s\S]*SHA-256[\s\S]*logo\.svg/]],
  ['registered files', packages, ['F', /logo\.svg/]],
  ['releases', ['L', /› releases[\s\S]*shop-1\.1/]],
  ['release', [`:release shop-1.1${enter}`, /› shop-1\.1[\s\S]*version\.txt/]],
  ['rollouts', ['U', /› rollouts[\s\S]*first/]],
  ['rollout', rollout],
  ['settings', [',', /› settings/]],
  ['doctor', ['!', /findings[\s\S]*server production/]],
  ['notices', ['M', /› notices/]],
];

test.serial('every screen of the map is in order over an empty home', async t => {
  await walk(t, createWorld(t).home, emptyMap);
});

test.serial('every screen of the map is in order over the home of the demo', async t => {
  const world = await createDemoWorld(program, () => {});
  t.teardown(() => world.close(false));
  const must = async (...argv: string[]) => {
    const {exitCode, stderr} = await world.commandLine.run(...argv);
    t.is(exitCode, 0, `${argv.join(' ')}: ${stderr}`);
  };
  const folder = path.join(world.folder, 'shop-1.1');
  mkdirSync(folder);
  for (const name of ['version.txt', 'logo.svg']) writeFileSync(path.join(folder, name), name);
  await must('release', 'add', folder, '--version', '1.1', '--name', 'shop');
  await must('rollout', 'create', 'first', '--release', 'shop-1.1', '--servers', 'production/main');
  await must('file', 'import', 'staging/main', path.join(folder, 'logo.svg'));
  await must('package', 'create', 'staging/main', 'kit');
  await must('package', 'add', 'staging/main', 'kit', 'logo.svg');
  await must('cluster', 'create', 'farm', '--members', 'staging/main,production/main');
  const tenants = ['--tenants', 'templates'];
  await must('live', 'create', 'publish', '--local', 'development/main', '--servers', 'farm', ...tenants);
  const schedule = ['--schedule', 'daily 2030-01-01T02:00 Europe/Berlin'];
  await must(
    'profile',
    'create',
    'staging-production/nightly',
    '--items',
    'bin',
    '--direction',
    'upload',
    ...schedule,
  );
  leaveEditsWaiting(world);
  await walk(t, world.home, demoMap);
});

/**
 * Goes to every place in three consoles: two that keep their size, and one that has the size of the first, then that of the
 * second, then that of the first again, and is to show what they show. A key that means nothing is to say so everywhere.
 */
async function walk(t: ExecutionContext, home: string, map: readonly Place[]): Promise<void> {
  const open = (columns: number, rows: number) => {
    const terminal = new Terminal([program, '--home', home], {columns, rows});
    t.teardown(() => terminal.kill());
    return terminal;
  };
  const [narrow, wide, pulled] = [open(80, 24), open(120, 40), open(80, 24)] as const;
  const all = (script: readonly Step[]) =>
    Promise.all([narrow, wide, pulled].map(terminal => terminal.play(script)));

  for (const [place, ...way] of map) {
    await all(way);
    await all([['\x1b[20~', /F9 does nothing here; (\?|F1) shows the keys that do/]]);
    await alike(pulled, narrow, place);
    pulled.resize(120, 40);
    await alike(pulled, wide, `${place}, made larger`);
    pulled.resize(80, 24);
    await alike(pulled, narrow, `${place}, made smaller`);
    for (const terminal of [narrow, wide, pulled]) await whole(terminal, place);
    await all([[`${keys.escape.repeat(3)}:overview${enter}`, /^ lockstep › overview/]]);
  }
  await all([['q', leftConsole]]);
  for (const terminal of [narrow, wide, pulled]) t.is(await terminal.ended, 0);
}

/** Waits until two terminals of one size show the same, but for what changes with time alone. */
async function alike(one: Terminal, other: Terminal, where: string): Promise<void> {
  try {
    await one.until(() => timeless(one) === timeless(other));
  } catch {
    throw new Error(`${where}:\n${one.text()}\n\nis not as it was drawn at once:\n${other.text()}`);
  }
}

/** Waits until a terminal shows a whole screen: between two pieces of a frame it may show less. */
async function whole(terminal: Terminal, where: string): Promise<void> {
  try {
    await terminal.until(() => misdrawn(terminal).length === 0);
  } catch {
    throw new Error(`${where}: ${misdrawn(terminal).join('\n')}\n${terminal.text()}`);
  }
}

/** What a terminal shows without ages, clocks, and the room that they take. */
function timeless(terminal: Terminal): string {
  return terminal
    .text()
    .replace(/\b(now|(\d+ [hm] )?\d+ (h|m|s) ago)\b/g, 'age')
    .replace(/in step|[\d.]+ m?s (ahead|behind)|clock -?[\d.]+ s off/g, 'clock')
    .replace(/\d+/g, '#')
    .replace(/─+/g, '─')
    .replace(/ +/g, ' ')
    .replace(/ $/gm, '');
}

/** Lines that overflowed, are missing or were left over. */
function misdrawn(terminal: Terminal): string[] {
  const shown = terminal.lines();
  const headers = shown.filter(text => /^ (lockstep|~[^│]*) › /.test(text));
  const torn = shown.filter(
    text => /^[┌├│└]/.test(text) && !(text.length === terminal.buffer.cols && /[┐┤│┘]$/.test(text)),
  );
  return [
    ...(headers.length === 1 && headers[0] === shown[0] ? [] : [`headers: ${headers.join('\n')}`]),
    ...(/(quit|back) *$/.test(shown.at(-1) ?? '') ? [] : [`no keys below: ${shown.at(-1)}`]),
    ...torn.map(text => `a table does not fit: ${text}`),
  ];
}
