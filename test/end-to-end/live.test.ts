import {appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {gzipSync} from 'node:zlib';
import test from 'ava';
import {hasServer} from '../helpers/database-server.js';
import {createWorld, type RunSummaryLine, type TestServer, type World} from '../helpers/lockstep.js';

const engine = (await hasServer('mysql')) ? ({engine: 'mysql'} as const) : {};

const schema = `
  CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(100));
  CREATE TABLE roles (id INTEGER PRIMARY KEY, name VARCHAR(100));
  CREATE TABLE pages (id INTEGER PRIMARY KEY, title VARCHAR(100));
  CREATE TABLE clips (id INTEGER PRIMARY KEY, title VARCHAR(100));
  CREATE TABLE keywords (id INTEGER PRIMARY KEY, word VARCHAR(100));
`;
const rows = `
  INSERT INTO users VALUES (1, 'root'), (2, 'ann');
  INSERT INTO roles VALUES (1, 'editor');
  INSERT INTO pages VALUES (1, 'Home'), (2, 'News'), (3, 'Old');
  INSERT INTO clips VALUES (1, 'Film');
  INSERT INTO keywords VALUES (1, 'one');
`;

type LiveSummary = RunSummaryLine & {
  phases: {phase: string; tenant?: string; state: string}[];
  members: {member: string; status: string}[];
};

function logLine(time: string, what: string): string {
  return `127.0.0.1 - - [21/Nov/2026:${time} +0000] "GET /${what} HTTP/1.1" 200 5 "-" "test"\n`;
}

function log(server: TestServer, name = 'logs/access.log'): string {
  const file = path.join(server.site.root, name);
  mkdirSync(path.dirname(file), {recursive: true});
  return file;
}

async function editorialAndLive(world: World): Promise<[TestServer, TestServer, TestServer]> {
  const desk = await world.server('desk', {
    ...engine,
    schema: schema + rows,
    files: {'desktop/a.html': 'a', 'clips/f.mp4': 'f'},
    agentJson: {
      database: {groups: {rights: ['users', 'roles'], desktop: ['pages'], multimedia: ['clips']}},
      groups: {multimedia: {include: ['clips/**']}},
    },
  });
  const agentJson = {logs: [{path: 'logs/access*.log', format: 'combined'}]};
  const east = await world.server('east', {...engine, schema, agentJson});
  const west = await world.server('west', {...engine, schema, agentJson});
  await world.must('cluster', 'create', 'live', '--members', 'east/main,west/main');
  await world.must(
    ...['relationship', 'create', 'up', '--local', 'desk/main', '--remote', 'live', '--initial', 'upload'],
  );
  await world.initialSync('up');
  return [desk, east, west];
}

async function runLive(world: World, exitCode = 0): Promise<LiveSummary> {
  const outcome = await world.lockstep('live', 'run', 'publish', '--json');
  if (outcome.exitCode !== exitCode) throw new Error(`expected exit status ${exitCode}: ${outcome}`);
  return outcome.summary() as LiveSummary;
}

test('G: a live sync without rights and tenants says that it only fetches logs', async t => {
  const world = createWorld(t);
  await world.server('desk');
  await world.server('east');
  await world.must('live', 'create', 'publish', '--local', 'desk/main', '--servers', 'east/main');
  const {runId, status} = await runLive(world);
  t.is(status, 'success');
  const {warnings} = (await world.must('runs', 'show', runId, '--json')).json<{
    warnings: {text: string}[];
  }>();
  t.is(warnings.length, 1);
  t.regex(warnings[0]!.text, /^Only logs are fetched: publish has no tenants/);
});

test('G: a live sync goes through its phases, merges logs, and catches up with a server that was down', async t => {
  const world = createWorld(t);
  const servers = await editorialAndLive(world);
  const [desk, east, west] = servers;
  await world.must(
    ...['live', 'create', 'publish', '--local', 'desk/main', '--servers', 'live'],
    ...['--tenants', 'desktop,multimedia', '--schedule', 'daily 2030-12-01T02:00 Europe/Berlin'],
  );
  // It starts by itself, too; not together with another schedule (E12).
  const next = (await world.must('scheduler', 'next', '--count', '1', '--json')).json<{next: object[]}>();
  t.like(next.next[0], {live: 'publish', at: '2030-12-01T01:00:00.000Z'});
  const together = await world.lockstep(
    ...['profile', 'create', 'up/all', '--items', 'database', '--direction', 'upload'],
    ...['--schedule', 'weekly:sun 2030-12-01T02:00 Europe/Berlin', '--json'],
  );
  t.is(together.exitCode, 64);
  t.true(together.error().message.includes('live sync publish'), together.error().message);
  await world.must('live', 'edit', 'publish', '--schedule', 'none');
  t.deepEqual((await world.must('scheduler', 'next', '--json')).json(), {next: []});
  const alike = () => {
    for (const server of [east, west]) {
      t.deepEqual(server.site.tables(), desk.site.tables());
      for (const folder of ['desktop', 'clips'])
        t.deepEqual(
          Object.entries(server.site.files()).filter(([name]) => name.startsWith(`${folder}/`)),
          Object.entries(desk.site.files()).filter(([name]) => name.startsWith(`${folder}/`)),
        );
    }
  };

  // Users from both live servers, a role that only the editorial site may decide, pages both ways, deletions, media.
  east.site.sql(`INSERT INTO users VALUES (10, 'from east'); UPDATE roles SET name = 'hacked' WHERE id = 1`);
  west.site.sql(
    `UPDATE users SET name = 'ann of west' WHERE id = 2; INSERT INTO keywords VALUES (2, 'west')`,
  );
  desk.site.sql(`INSERT INTO roles VALUES (2, 'guest'); DELETE FROM pages WHERE id = 3`);
  desk.site.sql(`UPDATE pages SET title = 'Home 2' WHERE id = 1; UPDATE clips SET title = 'Film 2'`);
  east.site.sql(`UPDATE pages SET title = 'News of east' WHERE id = 2`);
  west.site.write('desktop/comment.html', 'from west');
  desk.site.write('desktop/b.html', 'b');
  desk.site.remove('clips/f.mp4');
  appendFileSync(log(east), logLine('10:00:00', 'e1') + logLine('10:00:03', 'e2'));
  appendFileSync(
    log(west),
    `${logLine('10:00:01', 'w1')}  a line without a time\n${logLine('10:00:03', 'w2')}`,
  );
  const before = desk.site.tables();
  const dry = await world.must('live', 'run', 'publish', '--dry-run', '--json');
  t.is(dry.json<{phases: unknown[]}>().phases.length, 6);
  t.deepEqual(desk.site.tables(), before);
  const apart = servers.map(({site}) => ({files: site.files(), tables: site.tables()}));
  const first = await runLive(world);
  t.like(first, {status: 'success', skipped: 0});
  t.deepEqual(
    first.phases.map(({phase, tenant, state}) => [phase, tenant, state]),
    [
      ['checks', undefined, 'done'],
      ['rights-pull', undefined, 'done'],
      ['rights-push', undefined, 'done'],
      ['tenant-pull', 'desktop', 'done'],
      ['tenant-push', 'desktop', 'done'],
      ['tenant-pull', 'multimedia', 'done'],
      ['tenant-push', 'multimedia', 'done'],
      ['logs', undefined, 'done'],
    ],
  );
  alike();
  t.deepEqual(desk.site.rows('SELECT name FROM users ORDER BY id'), [
    ['root'],
    ['ann of west'],
    ['from east'],
  ]);
  t.deepEqual(desk.site.rows('SELECT name FROM roles ORDER BY id'), [['editor'], ['guest']]);
  t.deepEqual(desk.site.rows('SELECT title FROM pages ORDER BY id'), [['Home 2'], ['News of east']]);
  t.deepEqual(desk.site.rows('SELECT word FROM keywords ORDER BY id'), [['one'], ['west']]);
  t.is(desk.site.read('desktop/comment.html'), 'from west');
  t.false(west.site.has('clips/f.mp4'));

  // Undone, every server has its own again and keeps it; redone, all have the same (X2).
  t.like((await world.must('runs', 'undo', first.runId, '--json')).summary(), {
    status: 'success',
    skipped: 0,
  });
  t.deepEqual(
    servers.map(({site}) => ({files: site.files(), tables: site.tables()})),
    apart,
  );
  const quiet = await runLive(world);
  t.like(quiet, {applied: 0, skipped: 0});
  t.deepEqual(
    servers.map(({site}) => ({files: site.files(), tables: site.tables()})),
    apart,
  );
  t.like((await world.must('runs', 'redo', first.runId, '--json')).summary(), {
    status: 'success',
    skipped: 0,
  });
  alike();

  const shown = (await world.must('live', 'show', 'publish', '--json')).json<{
    servers: {server: string; lastSync?: {runId: string}; error?: {message: string}}[];
    logs: {file: string}[];
  }>();
  t.deepEqual(
    shown.servers.map(({server, lastSync}) => [server, lastSync?.runId]),
    [
      ['east', quiet.runId],
      ['west', quiet.runId],
    ],
  );
  const merged = shown.logs[0]!.file;
  const requests = () =>
    readFileSync(merged, 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => /GET \/(\w+)/.exec(line)?.[1] ?? line.trim());
  t.deepEqual(requests(), ['e1', 'w1', 'a line without a time', 'e2', 'w2']);
  t.like(await runLive(world), {status: 'success', applied: 0, bytes: 0});
  t.is(requests().length, 5);

  // One is down: it is named, the other is served; its log was rotated and compressed meanwhile.
  await west.stop();
  desk.site.sql(`UPDATE pages SET title = 'Home 3' WHERE id = 1`);
  appendFileSync(log(west), logLine('10:00:05', 'w3'));
  writeFileSync(`${log(west)}.1.gz`, gzipSync(readFileSync(log(west))));
  rmSync(log(west));
  appendFileSync(log(west), logLine('10:00:07', 'w4'));
  appendFileSync(log(east), logLine('10:00:06', 'e3'));
  renameSync(log(east), `${log(east)}.1`);
  appendFileSync(log(east), logLine('10:00:08', 'e4'));
  const partly = await runLive(world, 3);
  t.like(partly, {status: 'warning'});
  t.deepEqual(
    partly.members.map(({member, status}) => [member, status]),
    [
      ['east/main', 'success'],
      ['west/main', 'failed'],
    ],
  );
  t.deepEqual(east.site.rows('SELECT title FROM pages WHERE id = 1'), [['Home 3']]);
  t.deepEqual(requests().slice(5), ['e3', 'e4']);
  await west.start();
  await runLive(world);
  alike();
  t.deepEqual(requests(), ['e1', 'w1', 'a line without a time', 'e2', 'w2', 'w3', 'e3', 'w4', 'e4']);

  // Taken back as a whole, at every server.
  desk.site.sql(`UPDATE clips SET title = 'Film 3'`);
  const {runId} = await runLive(world);
  t.like((await world.must('runs', 'undo', runId, '--json')).summary(), {status: 'success', applied: 2});
  for (const {site} of [east, west]) t.deepEqual(site.rows('SELECT title FROM clips'), [['Film 2']]);

  // A check that fails stops everything before anything changes: a clock six minutes off (G2), another version (G1).
  desk.site.sql(`UPDATE pages SET title = 'Home 4' WHERE id = 1`);
  const ahead = `const now = Date.now; Date.now = () => now() + 6 * 60_000;`;
  await west.stop();
  await west.start({NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(ahead)}`});
  t.is((await runLive(world, 8)).error?.code, 'CLOCK_SKEW');
  t.deepEqual(east.site.rows('SELECT title FROM pages WHERE id = 1'), [['Home 3']]);
  await west.configure(site => {
    site.version = '2';
  });
  const refused = await runLive(world, 8);
  t.is(refused.error?.code, 'VERSION_DIFFERS');
  t.deepEqual(east.site.rows('SELECT title FROM pages WHERE id = 1'), [['Home 3']]);
});
