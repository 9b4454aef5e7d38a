import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type {Profile} from '../../source/core/profile.js';
import type {Engine} from '../../source/engine/engine.js';
import {openEngine} from '../../source/engine/open-engine.js';
import {createWorld, type World} from '../helpers/lockstep.js';

/** The operator's verbs against real agents, as the console calls them. */

const pages = 'CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT, body TEXT);';

const everything: Omit<Profile, 'relationship' | 'name'> = {
  items: ['database', 'templates'],
  direction: 'bidirectional',
  policy: 'local-wins',
  filter: {kind: 'none'},
  replace: 'newer',
  backup: 'off',
  maxDelete: 50,
};

async function run(engine: Engine, profile: string) {
  const {runId} = await engine.runs.start({relationship: 'pair', profile, kind: 'sync'});
  for await (const event of engine.runs.watch(runId)) if (event.type === 'run.finished') return event;
  throw new Error('the run had no end');
}

async function related(world: World) {
  const servers = await world.pairOfServers({schema: pages}, {schema: pages});
  const engine = await openEngine(world.home);
  await engine.profiles.create({relationship: 'pair', name: 'all', ...everything});
  return {...servers, engine};
}

test.serial('servers: a name carries into relationships; what is in use cannot be removed', async t => {
  const world = createWorld(t);
  const {engine} = await related(world);
  await engine.servers.rename('there', 'production');
  t.is((await engine.relationships.list())[0]?.remote.server, 'production');
  await t.throwsAsync(engine.servers.rename('here', 'production'), {code: 'ALREADY_EXISTS'});
  await t.throwsAsync(engine.servers.rename('here', 'a/b'), {code: 'USAGE'});
  await t.throwsAsync(engine.servers.remove('production'), {code: 'USAGE', message: /pair/});
  t.is((await run(engine, 'all')).status, 'success');
  await engine.relationships.delete('pair');
  t.deepEqual(await engine.profiles.list(), []);
  await engine.servers.remove('production');
  t.deepEqual(
    (await engine.servers.list()).map(({name}) => name),
    ['here'],
  );
});

test.serial('E4: after new keys a new invitation is enough: the servers are introduced again', async t => {
  const world = createWorld(t);
  const {engine, local, remote} = await related(world);
  for (const server of [local, remote]) {
    await server.stop();
    await server.lockstep('cert', 'regenerate');
    await server.start();
    t.is((await engine.servers.check(server.name))[0]?.kind, 'certificate-mismatch');
    const again = await engine.servers.add(await world.invitation(server));
    t.is(again.name, server.name);
  }
  local.site.write('templates/a.html', 'a');
  t.like(await run(engine, 'all'), {status: 'success'});
  t.is(remote.site.read('templates/a.html'), 'a');
});

test.serial('E7: an edit makes saved plans stale and the next run compare everything', async t => {
  const world = createWorld(t);
  const {engine, local, remote} = await related(world);
  await run(engine, 'all');
  local.site.write('templates/a.html', 'a');
  const preview = await engine.preview('pair', 'all');
  const planFile = path.join(world.folder, 'plan.json');
  await engine.savePlan(preview, planFile);
  await engine.profiles.edit('pair', 'all', {filter: {kind: 'exclude', patterns: ['*.css']}});
  const {runId} = await engine.runs.start({relationship: 'pair', profile: 'all', kind: 'sync', planFile});
  for await (const event of engine.runs.watch(runId))
    if (event.type === 'run.finished')
      t.like(event, {status: 'refused', error: {code: 'STALE_PLAN'}, applied: 0});
  t.false(remote.site.has('templates/a.html'));
  // What the first filter left out is seen once it is let in, though nothing has changed since.
  local.site.write('templates/a.css', 'a');
  t.is((await run(engine, 'all')).applied, 2);
  await engine.profiles.edit('pair', 'all', {filter: {kind: 'none'}});
  t.is((await run(engine, 'all')).applied, 1);
  t.is(remote.site.read('templates/a.css'), 'a');
});

test.serial('E7: profiles are validated before they are kept', async t => {
  const world = createWorld(t);
  const {engine} = await related(world);
  const create = (changes: Partial<Profile>) =>
    engine.profiles.create({relationship: 'pair', name: 'other', ...everything, ...changes});
  await t.throwsAsync(create({name: 'all'}), {code: 'ALREADY_EXISTS'});
  await t.throwsAsync(create({relationship: 'nobody'}), {code: 'NOT_FOUND'});
  await t.throwsAsync(create({items: ['nonsense']}), {code: 'USAGE'});
  await t.throwsAsync(create({items: []}), {code: 'USAGE'});
  await t.throwsAsync(create({schedule: 'now and then'}), {code: 'USAGE'});
  await t.throwsAsync(create({filter: {kind: 'only', patterns: []}}), {code: 'USAGE'});
  await engine.profiles.edit('pair', 'all', {schedule: 'daily 2030-01-01T02:00 Europe/Berlin'});
  await t.throwsAsync(create({schedule: 'hourly 2030-01-01T00:00 UTC'}), {
    code: 'USAGE',
    message: /pair\/all/,
  });
  const copied = await engine.profiles.copy('pair', 'all', 'copy');
  t.is(copied.schedule, undefined);
  await engine.profiles.delete('pair', 'copy');
  t.deepEqual(
    (await engine.profiles.list('pair')).map(({name}) => name),
    ['Default DB profile1', 'all'],
  );
});

test.serial('E13: a preview tells title, changed columns, size and time; show tells both sides', async t => {
  const world = createWorld(t);
  const {engine, local} = await related(world);
  await run(engine, 'all');
  local.site.sql("INSERT INTO pages VALUES (7, 'Fair', NULL)");
  local.site.write('templates/a.html', 'four');
  const {plan} = await engine.preview('pair', 'all');
  const details = await engine.describe(
    'pair',
    plan,
    plan.actions.map(({id}) => id),
  );
  const of = (type: string, name?: string) => {
    const action = plan.actions.find(
      ({item}) => item.type === type && (name === undefined || (item.type === 'file' && item.path === name)),
    );
    return {action, detail: details.find(({id}) => id === action?.id)};
  };
  t.like(of('row').detail, {
    title: 'Fair',
    changed: [
      {column: 'id', local: '7', remote: null},
      {column: 'title', local: 'Fair', remote: null},
    ],
  });
  t.is(of('file', 'templates/a.html').detail?.file?.local?.size, 4);
  t.deepEqual(await engine.show('pair', plan, of('file', 'templates/a.html').action!.id), {
    local: {type: 'text', text: 'four'},
    remote: {type: 'absent'},
  });
  await t.throwsAsync(engine.show('pair', plan, 'nonsense'), {code: 'NOT_FOUND'});
});

test.serial(
  'X3: a run that cannot reach a server fails and says so; nothing is remembered of it',
  async t => {
    const world = createWorld(t);
    const {engine, remote} = await related(world);
    await remote.stop();
    const state = () => readFileSync(path.join(world.home, 'state.json'), 'utf8');
    const before = state();
    t.like(await run(engine, 'all'), {status: 'failed', error: {code: 'UNREACHABLE'}, applied: 0});
    t.is(state(), before);
    const found = await engine.doctor();
    t.is(found.find(({name}) => name === 'server there')?.result, 'fail');
    t.is(found.find(({name}) => name === 'server here')?.result, 'ok');
  },
);
