import {chmodSync, existsSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {createWorld, eventually, type TestServer} from '../helpers/lockstep.js';

const live = 'https://www.example.com';
const stage = 'https://staging.example.com';
const schema =
  'CREATE TABLE content (id INTEGER PRIMARY KEY, title TEXT, body TEXT);' +
  'CREATE TABLE search_index (id INTEGER PRIMARY KEY, word TEXT);';
const php = (text: string) => `s:${Buffer.byteLength(text)}:"${text}";`;

type Shown = {
  status: string;
  skipped: number;
  afterSync: {site: string; name: string; outcome: string; error?: string; output?: string}[];
};

const logOf = (server: TestServer): string[] => {
  const file = path.join(server.data, 'hook.log');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
};

test.serial('E28–E32: what a site does by itself with what arrives, and what never travels', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers(
    {
      schema: `${schema} CREATE TABLE only_here (id INTEGER PRIMARY KEY); INSERT INTO search_index VALUES (1, 'a');
        INSERT INTO content VALUES (1, 'One', 'see ${live}'), (2, 'Two', '${php(live)}'), (3, 'Three', 'at ${stage}')`,
      files: {'index.html': 'home'},
      agentJson: {flags: {webAlerts: true, orderProcessing: true}, flagsFile: '../site/flags.json'},
    },
    {
      schema,
      staging: true,
      agentJson: {
        flags: {webAlerts: true, orderProcessing: true},
        database: {exclude: ['search_*', 'only_*']},
        replacements: [{canonical: live, here: stage, tables: ['content']}],
      },
    },
  );
  const refresh = path.join(remote.data, 'refresh');
  writeFileSync(
    refresh,
    '#!/bin/sh\necho "$1 $LOCKSTEP_SITE $LOCKSTEP_FLAG_ORDER_PROCESSING $PWD $LOCKSTEP_RUN_ID" >> "$(dirname "$0")/hook.log"\n',
  );
  chmodSync(refresh, 0o755);
  await remote.stop();
  remote.editAgentJson({
    hooks: {afterSync: [{run: ['./refresh', 'a b'], timeout: '20s'}, {run: ['sh', '-c', 'echo tables']}]},
  });
  await remote.start();
  const bodies = (server: TestServer) =>
    server.site.rows('SELECT body FROM content ORDER BY id').map(([body]) => body);
  t.deepEqual(bodies(remote), [`see ${stage}`, php(stage), `at ${stage}\u2060`]);

  // Flags are published at each site by its own configuration: on staging they are off.
  t.deepEqual(JSON.parse(local.site.read('flags.json')), {webAlerts: true, orderProcessing: true});
  t.deepEqual(JSON.parse(readFileSync(path.join(remote.data, 'sites/main/flags.json'), 'utf8')), {
    webAlerts: false,
    orderProcessing: false,
  });
  t.false(remote.site.has('flags.json'));

  // What one side excludes is missing nowhere and no reason for a warning.
  await world.profile('pair/all', '--items', 'database,templates');
  t.like(await world.run('pair/all'), {status: 'success', applied: 0, skipped: 0});
  t.deepEqual(logOf(remote), []);
  t.deepEqual(remote.site.table('search_index'), []);

  local.site.sql(`UPDATE content SET body = 'new ${live}/1' WHERE id = 1`);
  remote.site.sql(`UPDATE content SET title = '2', body = '${php(`${stage}/zwei`)}' WHERE id = 2`);
  const first = await world.run('pair/all');
  t.like(first, {applied: 2, skipped: 0});
  t.deepEqual(bodies(local), [`new ${live}/1`, php(`${live}/zwei`), `at ${stage}`]);
  t.deepEqual(bodies(remote), [`new ${stage}/1`, php(`${stage}/zwei`), `at ${stage}\u2060`]);
  t.deepEqual(logOf(remote), [`a b main 0 ${remote.site.root} ${first.runId}`]);
  const shown = (await world.must('runs', 'show', first.runId, '--json')).json<Shown>();
  t.deepEqual(
    shown.afterSync.map(({site, name, outcome, output}) => [site, name, outcome, output]),
    [
      ['there/main', `${refresh} a b`, 'done', undefined],
      ['there/main', 'sh -c echo tables', 'done', 'tables\n'],
    ],
  );
  t.like(await world.run('pair/all', ['--verify']), {applied: 0, skipped: 0});

  // Another domain for staging: the rows follow, and nothing has changed.
  remote.editAgentJson({
    replacements: [{canonical: live, here: 'http://test.example.com', tables: ['content']}],
    hooks: {afterSync: [{run: ['./refresh']}, {run: ['sh', '-c', 'echo no >&2; exit 7']}]},
  });
  await eventually('the new domain is in the rows', async () => {
    const {actions} = await world.preview('pair/all');
    t.deepEqual(actions, []);
    return bodies(remote)[0] === 'new http://test.example.com/1';
  });
  t.deepEqual(bodies(remote), [
    'new http://test.example.com/1',
    php('http://test.example.com/zwei'),
    `at ${stage}`,
  ]);

  // A command that fails is a warning with its name; what was applied stays.
  local.site.write('index.html', 'new home', 5);
  const second = await world.run('pair/all', [], 3);
  t.like(second, {status: 'warning', applied: 1, skipped: 0});
  const failed = (await world.must('runs', 'show', second.runId, '--json')).json<Shown>();
  t.like(failed.afterSync[1], {outcome: 'failed', error: 'it ended with 7', output: 'no\n'});
  t.regex(`${await world.must('runs', 'show', second.runId)}`, /exit 7 +failed +it ended with 7/);
  t.is(logOf(remote).length, 2);

  // A table that is left out from now on is not deleted anywhere; one that takes part again is caught up with, also
  // when its site did not have it before.
  await remote.stop();
  remote.editAgentJson({database: {exclude: ['search_*', 'only_*', 'content']}, hooks: {}});
  await remote.start();
  local.site.sql("UPDATE content SET title = 'Uno' WHERE id = 1; INSERT INTO only_here VALUES (7)");
  t.like(await world.run('pair/all'), {status: 'success', applied: 0});
  t.deepEqual(remote.site.rows('SELECT title FROM content WHERE id = 1'), [['One']]);
  await remote.stop();
  remote.editAgentJson({
    database: {exclude: ['search_*']},
    hooks: {afterSync: [{run: ['./refresh']}, {run: ['sh', '-c', 'echo no >&2; exit 7']}]},
  });
  remote.site.sql('CREATE TABLE only_here (id INTEGER PRIMARY KEY)');
  await remote.start({LOCKSTEP_FAULT: 'commit.answered'});
  t.is(logOf(remote).length, 2);

  // The agent dies after its commit: the actions are taken all the same, once.
  local.site.write('index.html', 'newer home', 10);
  const run = world.lockstep('run', 'pair/all', '--json');
  await remote.ended();
  await remote.start();
  t.is((await run).exitCode, 3);
  await eventually('the actions are taken', () => logOf(remote).length === 3);
  t.is(new Set(logOf(remote)).size, 3);
  t.deepEqual(remote.site.rows('SELECT title FROM content WHERE id = 1'), [['Uno']]);
  t.deepEqual(remote.site.table('only_here'), local.site.table('only_here'));
});
