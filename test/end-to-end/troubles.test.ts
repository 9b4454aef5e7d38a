import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {engines, usableEngines} from '../helpers/database-server.js';
import {holdRows} from '../helpers/hold-rows.js';
import {createWorld, eventually, type World} from '../helpers/lockstep.js';

/*
 * What goes wrong around a run: each has a clear outcome, nothing is half done, and the log says so.
 */

const usable = await usableEngines();

test.serial('E26: a clock that is six minutes off stops the run before anything changes', async t => {
  const world = createWorld(t);
  const here = await world.server('here', {files: {'a.html': 'a'}});
  const there = await world.server('there');
  await world.relate('pair', here, there, 'upload');
  await world.profile('pair/all', '--items', 'templates');
  const ahead = `const now = Date.now; Date.now = () => now() + 6 * 60_000;`;
  await there.stop();
  await there.start({NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(ahead)}`});

  const refused = await world.run('pair/all', [], 8);
  t.like(refused, {status: 'refused', error: {code: 'CLOCK_SKEW'}, applied: 0});
  t.regex(refused.error?.message ?? '', /360 s apart; the remote one is ahead/);
  t.deepEqual(there.site.files(), {});
  const log = (await world.must('runs', 'show', refused.runId, '--json')).json<{error?: {code: string}}>();
  t.is(log.error?.code, 'CLOCK_SKEW');
  const check = await world.lockstep('doctor');
  t.regex(check.stdout, /clock/i);

  await there.stop();
  await there.start();
  t.like(await world.run('pair/all'), {status: 'success', applied: 1});
});

const schemaOf = 'CREATE TABLE pages (id BIGINT PRIMARY KEY, v VARCHAR(100));';
type Shown = {status: string; error?: {code: string; message: string}};

/** What the log says of a run. */
async function logged(world: World, runId: string): Promise<Shown> {
  return (await world.must('runs', 'show', runId, '--json')).json<Shown>();
}

for (const [engine, tools] of [
  ['postgres', /pg_dump/],
  ['mysql', /mariadb-dump/],
] as const)
  (usable.has(engine) ? test.serial : test.serial.skip)(
    `E16: without the backup tool of ${engine} nothing begins, and the error names it`,
    async t => {
      const world = createWorld(t);
      const {local, remote} = await world.pairOfServers(
        {engine, schema: `${schemaOf} INSERT INTO pages VALUES (1, 'one');`},
        {engine, schema: schemaOf},
      );
      await world.profile(
        ...(['pair/safe', '--items', 'database', '--direction', 'upload', '--backup', 'every-run'] as const),
      );
      await remote.stop();
      await remote.start({PATH: '/nowhere'});
      local.site.sql(`UPDATE pages SET v = 'changed'`);
      const failed = await world.run('pair/safe', [], 8);
      t.like(failed, {status: 'refused', applied: 0, error: {code: 'BACKUP_TOOL_MISSING'}});
      t.regex(`${failed.error?.message} ${failed.error?.hint}`, tools);
      t.deepEqual(remote.site.rows('SELECT v FROM pages'), [['one']]);
      t.like(await logged(world, failed.runId), {status: 'refused', error: {code: 'BACKUP_TOOL_MISSING'}});

      await remote.stop();
      await remote.start();
      t.like(await world.run('pair/safe'), {status: 'success', applied: 1});
      t.deepEqual(remote.site.rows('SELECT v FROM pages'), [['changed']]);
      t.like(await world.run('pair/safe'), {status: 'success', applied: 0});
    },
  );

for (const engine of engines)
  (usable.has(engine) ? test : test.skip)(
    `a database on ${engine} that its site holds for 30 s is waited for, then the run ends as it began`,
    async t => {
      const world = createWorld(t);
      const at = engine === 'sqlite' ? {} : {engine};
      const {local, remote} = await world.pairOfServers(
        {...at, schema: `${schemaOf} INSERT INTO pages VALUES (1, 'one'), (2, 'two');`},
        {...at, schema: schemaOf},
      );
      await world.profile('pair/both', '--items', 'database');
      local.site.sql(`UPDATE pages SET v = 'from here' WHERE id = 1`);
      remote.site.sql(`UPDATE pages SET v = 'from there' WHERE id = 2`);
      const before = [local.site.tables(), remote.site.tables()];
      const lock = await holdRows(remote.site.databaseUrl!, 'pages', 'v');
      t.teardown(() => lock.release());
      const failed = await world.run('pair/both', [], 1);
      t.like(failed, {status: 'failed', applied: 0, error: {code: 'DATABASE_LOCKED'}});
      t.regex(
        `${failed.error?.message} ${failed.error?.hint}`,
        /30 s.*transaction that the site leaves open/,
      );
      t.like(await logged(world, failed.runId), {status: 'failed', error: {code: 'DATABASE_LOCKED'}});
      t.deepEqual([local.site.tables(), remote.site.tables()], before);
      // For as long as it is held, a run waits; let go, it goes on.
      const waiting = world.run('pair/both');
      await eventually('the run waits', () => world.runningRuns().length > 0);
      await lock.release();
      t.like(await waiting, {status: 'success', applied: 2, conflicts: 0, skipped: 0});
      t.deepEqual(local.site.tables(), remote.site.tables());
      t.like(await world.run('pair/both'), {applied: 0, bytes: 0});
    },
  );

test('a full disk at the receiver refuses the run, nothing of it is half done, and it goes through when there is space', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers(
    {schema: `${schemaOf} INSERT INTO pages VALUES (1, 'one');`, files: {'a.html': 'a'}},
    {schema: schemaOf},
  );
  await world.profile('pair/all', '--items', 'database,templates', '--direction', 'upload');
  await world.run('pair/all');
  const before = {files: remote.site.files(), tables: remote.site.tables()};
  local.site.write('a.html', 'changed', 5);
  local.site.write('large.bin', Buffer.alloc(24 * 1024 * 1024, 'x'));
  local.site.sql(`UPDATE pages SET v = 'changed'; INSERT INTO pages VALUES (2, 'new')`);
  // The largest file that it may write: what a full disk does to a process, and nobody else has to suffer it.
  const {pid} = JSON.parse(readFileSync(path.join(remote.data, 'listening.json'), 'utf8')) as {pid: number};
  const limit = (bytes: string) => execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]);
  limit(String(8 * 1024 * 1024));
  const failed = await world.run('pair/all', [], 8);
  t.like(failed, {status: 'refused', applied: 0, error: {code: 'NO_SPACE'}});
  t.regex(failed.error?.message ?? '', /space/);
  t.deepEqual({files: remote.site.files(), tables: remote.site.tables()}, before);
  t.like(await logged(world, failed.runId), {status: 'refused', error: {code: 'NO_SPACE'}});
  limit('unlimited');
  t.like(await world.run('pair/all'), {status: 'success', applied: 4, skipped: 0});
  t.deepEqual(remote.site.files(), local.site.files());
  t.deepEqual(remote.site.tables(), local.site.tables());
  t.like(await world.run('pair/all'), {applied: 0, bytes: 0});
});

test('a disk that is full for the SQLite database itself takes the whole commit back', async t => {
  const world = createWorld(t);
  // So large that there is room for what is sent, and for none of it in the database.
  const large = `INSERT INTO pages SELECT value, hex(zeroblob(500000)) FROM json_each('[1,2,3,4,5,6,7]');`;
  const {local, remote} = await world.pairOfServers({schema: `${schemaOf} ${large}`}, {schema: schemaOf});
  await world.profile('pair/all', '--items', 'database', '--direction', 'upload');
  await world.run('pair/all');
  const before = remote.site.tables();
  local.site.sql(
    `UPDATE pages SET v = 'short' WHERE id = 1; INSERT INTO pages SELECT value, hex(zeroblob(500000)) FROM json_each('[11,12,13]')`,
  );
  const {pid} = JSON.parse(readFileSync(path.join(remote.data, 'listening.json'), 'utf8')) as {pid: number};
  const limit = (bytes: string) => execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]);
  limit(String(8 * 1024 * 1024));
  const failed = await world.run('pair/all', [], 1);
  t.like(failed, {status: 'failed', applied: 0, error: {code: 'DATABASE_UNAVAILABLE'}});
  t.regex(
    `${failed.error?.message} ${failed.error?.hint}`,
    /content\.db cannot be used: .*Look at its disk: full/,
  );
  t.deepEqual(remote.site.tables(), before);
  t.like(await logged(world, failed.runId), {status: 'failed', error: {code: 'DATABASE_UNAVAILABLE'}});
  limit('unlimited');
  t.like(await world.run('pair/all'), {status: 'success', applied: 4, skipped: 0});
  t.deepEqual(remote.site.tables(), local.site.tables());
});
