import {renameSync} from 'node:fs';
import test from 'ava';
import {createWorld} from '../helpers/lockstep.js';

type ProfileDocument = Record<string, unknown> & {name: string};

test.serial('E7: a profile is created, shown, edited, copied and deleted', async t => {
  const world = createWorld(t);
  await world.pairOfServers({files: {'a.html': 'a'}});
  const made = (
    await world.must(
      ...[
        'profile',
        'create',
        'pair/Nightly run',
        '--items',
        'templates, bin',
        '--direction',
        'upload',
        '--json',
      ],
      ...['--exclude', '*.bak, old/**', '--replace', 'always', '--max-delete', '20%'],
      ...['--schedule', 'daily 2026-12-01T02:00 Europe/Berlin', '--backup', 'off'],
    )
  ).json<ProfileDocument>();
  const expected = {
    relationship: 'pair',
    name: 'Nightly run',
    items: ['templates', 'bin'],
    direction: 'upload',
    policy: 'local-wins',
    filter: {kind: 'exclude', patterns: ['*.bak', 'old/**']},
    replace: 'always',
    backup: 'off',
    maxDelete: 20,
    schedule: 'daily 2026-12-01T02:00 Europe/Berlin',
  };
  t.deepEqual(made as unknown, expected);
  const show = async (name: string) =>
    (await world.must('profile', 'show', name, '--json')).json<ProfileDocument>();
  t.deepEqual((await show('pair/Nightly run')) as unknown, expected);

  await world.must(
    ...['profile', 'edit', 'pair/Nightly run', '--direction', 'bidirectional', '--policy', 'remote-wins'],
    ...['--schedule', 'none', '--dry-run'],
  );
  t.deepEqual((await show('pair/Nightly run')) as unknown, expected, 'a dry run changes nothing');
  await world.must(
    ...['profile', 'edit', 'pair/Nightly run', '--direction', 'bidirectional', '--policy', 'remote-wins'],
    ...['--schedule', 'none', '--no-filter'],
  );
  const {schedule: _, ...rest} = expected;
  const edited = {...rest, direction: 'bidirectional', policy: 'remote-wins', filter: {kind: 'none'}};
  t.deepEqual((await show('pair/Nightly run')) as unknown, edited);

  await world.must('profile', 'copy', 'pair/Nightly run', 'Second');
  const elsewhere = await world.lockstep('profile', 'copy', 'pair/Nightly run', 'other/Second', '--json');
  t.is(elsewhere.exitCode, 64);
  t.is(elsewhere.error().message, 'A profile is copied within its relationship, pair.');
  t.deepEqual((await show('pair/Second')) as unknown, {...edited, name: 'Second'});
  await world.must('profile', 'edit', 'pair/Second', '--schedule', 'once 2020-12-01T02:00 UTC');
  t.regex((await world.must('profile', 'show', 'pair/Second')).stdout, /once 2020-12-01T02:00 UTC \(over/);
  await world.must('profile', 'edit', 'pair/Second', '--schedule', 'none');
  await world.must('profile', 'delete', 'pair/Nightly run');
  const {profiles} = (await world.must('profile', 'list', '--json')).json<{profiles: ProfileDocument[]}>();
  t.deepEqual(
    profiles.map(({name}) => name),
    ['Second'],
  );
});

test.serial('E7: what makes no sense is refused with 64 and a remedy', async t => {
  const world = createWorld(t);
  await world.pairOfServers({files: {'a.html': 'a'}});
  await world.profile('pair/first', '--items', 'bin', '--schedule', 'daily 2026-12-01T02:00 Europe/Berlin');
  for (const options of [
    ['pair/first', '--items', 'bin'],
    ['pair/x', '--items', 'nonsense'],
    ['pair/x', '--items', ' , '],
    ['pair/x', '--items', 'bin', '--max-delete', '120%'],
    ['pair/x', '--items', 'bin', '--schedule', 'sometimes'],
    // Two schedules that would start at the same moment (E12).
    ['pair/x', '--items', 'bin', '--schedule', 'daily 2026-12-02T02:00 Europe/Berlin'],
    ['pair', '--items', 'bin'],
  ]) {
    const refused = await world.lockstep('profile', 'create', ...options, '--direction', 'upload', '--json');
    t.is(refused.exitCode, 64, String(refused));
    t.truthy(refused.error().message);
  }
});

test.serial('E17: runs are listed newest first, by relationship and by profile', async t => {
  const world = createWorld(t);
  await world.pairOfServers({files: {'a.html': 'a', 'bin/x': 'x'}});
  await world.profile('pair/one', '--items', 'templates');
  await world.profile('pair/two', '--items', 'bin', '--direction', 'upload');
  const first = await world.run('pair/one');
  const second = await world.run('pair/two');
  const list = async (...options: string[]) =>
    (await world.must('runs', 'list', '--json', ...options)).json<{runs: Record<string, unknown>[]}>().runs;
  t.deepEqual(
    (await list()).map(({runId}) => runId),
    [second.runId, first.runId],
  );
  t.deepEqual(
    (await list('--profile', 'pair/one')).map(({runId}) => runId),
    [first.runId],
  );
  t.deepEqual(
    (await list('--relationship', 'pair', '--profile', 'two')).map(({runId}) => runId),
    [second.runId],
  );
  t.deepEqual(
    (await list('--profile', 'two')).map(({runId}) => runId),
    [second.runId],
    'a name alone is that of any relationship',
  );
  const [entry] = await list();
  t.like(entry, {
    status: 'success',
    relationship: 'pair',
    profile: 'two',
    direction: 'upload',
    applied: second.applied,
    skipped: 0,
    total: second.total,
  });
  for (const name of ['startedAt', 'endedAt'])
    t.true(Number.isFinite(Date.parse(String(entry?.[name]))), name);
  t.regex(String(entry?.by), /@/);
  for (const nobody of ['pair/none', 'none'])
    t.is((await world.lockstep('runs', 'list', '--profile', nobody)).exitCode, 64);
});

test.serial('doctor says what is wrong and what to do, and ends with 4 only then', async t => {
  const world = createWorld(t);
  const {remote} = await world.pairOfServers({files: {'a.html': 'a'}});
  type Report = {healthy: boolean; checks: {name: string; result: string; detail: string; hint?: string}[]};
  const well = await world.must('doctor', '--json');
  t.true(well.json<Report>().healthy);
  await remote.stop();
  const ill = await world.lockstep('doctor', '--json');
  t.is(ill.exitCode, 4);
  const failed = ill.json<Report>().checks.filter(({result}) => result === 'fail');
  t.true(
    failed.some(({name, hint}) => name.includes('there') && hint !== undefined),
    String(ill),
  );
});

test.serial('doctor fails while the database of a site cannot be used', async t => {
  const world = createWorld(t);
  const schema = 'CREATE TABLE pages (id INTEGER PRIMARY KEY);';
  const {remote} = await world.pairOfServers({schema}, {schema});
  const file = remote.site.databaseFile!;
  await remote.stop();
  renameSync(file, `${file}.away`);
  await remote.start();
  const outcome = await world.lockstep('doctor', '--json');
  t.is(outcome.exitCode, 4, String(outcome));
  const {checks} = outcome.json<{checks: {name: string; result: string; detail: string; hint?: string}[]}>();
  const found = checks.find(({name}) => name === 'database of there/main');
  t.is(found?.result, 'fail', String(outcome));
  t.regex(found?.detail ?? '', /There is no database at/);
  t.truthy(found?.hint);
  renameSync(`${file}.away`, file);
  t.is((await world.lockstep('doctor')).exitCode, 0);
});

test.serial('server: rename keeps relationships, remove is refused while one needs it', async t => {
  const world = createWorld(t);
  await world.pairOfServers({files: {'a.html': 'a'}});
  await world.profile('pair/all', '--items', 'templates');
  await world.must('server', 'rename', 'there', 'production');
  t.like(await world.run('pair/all'), {status: 'success'});
  const used = await world.lockstep('server', 'remove', 'production', '--json');
  t.is(used.exitCode, 64);
  t.is(used.error().message, 'production is part of the relationship pair.');
  await world.must('relationship', 'delete', 'pair');
  await world.must('server', 'remove', 'production');
  const {servers} = (await world.must('server', 'list', '--json')).json<{servers: {name: string}[]}>();
  t.deepEqual(
    servers.map(({name}) => name),
    ['here'],
  );
  t.is((await world.lockstep('server', 'show', 'production')).exitCode, 64);
});
