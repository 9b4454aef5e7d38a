import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {createWorld, type World} from '../helpers/lockstep.js';

const schema = `
  CREATE TABLE pages (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, body BLOB);
  CREATE TABLE tags (name TEXT PRIMARY KEY, page INTEGER REFERENCES pages (id));
`;
const filled = `${schema}
  INSERT INTO pages (id, title, body) VALUES (1, 'One', x'00ff'), (2, 'Two', NULL), (9007199254740993, '', '');
  INSERT INTO tags VALUES ('a', 1), ('b', 9007199254740993);
`;
const files = {'assets/logo.svg': '<svg/>', 'uploadedimages/a.jpg': new Uint8Array([255, 216, 0])};

async function related(
  world: World,
  initial: 'upload' | 'download',
  local: Parameters<World['server']>[1],
  remote: Parameters<World['server']>[1],
) {
  const here = await world.server('here', local);
  const there = await world.server('there', remote);
  await world.relate('pair', here, there, initial);
  return {here, there};
}

for (const initial of ['upload', 'download'] as const)
  test.serial(
    `E6: an initial ${initial} makes the destination a mirror and leaves a reusable profile`,
    async t => {
      const world = createWorld(t);
      const source = {schema: filled, files};
      const {here, there} =
        initial === 'upload'
          ? await related(world, initial, source, {schema})
          : await related(world, initial, {schema}, source);
      const summary = await world.initialSync('pair');
      t.is(summary.status, 'success');
      t.deepEqual(here.site.tables(), there.site.tables());
      t.deepEqual(here.site.files(), there.site.files());
      t.deepEqual(there.site.table('pages').length, 3);

      const {profiles} = (await world.must('profile', 'list', '--json')).json<{profiles: {name: string}[]}>();
      t.deepEqual(
        profiles.map(({name}) => name),
        ['Default DB profile1'],
      );
      const again = await world.run('pair/Default DB profile1');
      t.like(again, {status: 'success', applied: 0, skipped: 0, bytes: 0});
    },
  );

test.serial('what an initial sync left alike is not read again by the first run of a profile', async t => {
  const world = createWorld(t);
  const {here, there} = await related(world, 'upload', {schema: filled}, {schema});
  const upload = ['--items', 'database', '--direction', 'upload'];
  await world.profile('pair/before', ...upload);
  await world.initialSync('pair');
  here.site.sql("UPDATE pages SET title = 'Here' WHERE id = 1");
  await world.profile('pair/after', ...upload);
  const {profiles} = JSON.parse(readFileSync(path.join(world.home, 'state.json'), 'utf8')) as {
    profiles: {name: string; memory: {positions?: {local: {database?: {seq: number}}}}}[];
  };
  for (const name of ['before', 'after'])
    t.true(profiles.find(entry => entry.name === name)!.memory.positions!.local.database!.seq > 0, name);
  t.like(await world.run('pair/before'), {applied: 1});
  t.like(await world.run('pair/after'), {applied: 0});
  // What the other side has changed since is due to a profile that goes both ways from now on.
  there.site.sql("UPDATE pages SET title = 'There' WHERE id = 2");
  await world.must('profile', 'edit', 'pair/after', '--direction', 'bidirectional');
  t.like(await world.run('pair/after'), {applied: 1});
  t.deepEqual(here.site.tables(), there.site.tables());
  t.regex(here.site.table('pages').join(), /There.*Here/);
});

test.serial('E6: nobody asks a script, so it has to say --yes', async t => {
  const world = createWorld(t);
  const {there} = await related(world, 'upload', {schema: filled}, {schema});
  const unanswered = await world.lockstep(
    'relationship',
    'initial-sync',
    'pair',
    '--non-interactive',
    '--json',
  );
  t.is(unanswered.exitCode, 64);
  t.is(unanswered.error().code, 'ANSWER_MISSING');
  t.regex(unanswered.error().hint ?? '', /--yes/);
  t.deepEqual(there.site.table('pages'), []);
});

test.serial('E6: --dry-run of an initial sync shows it and changes nothing', async t => {
  const world = createWorld(t);
  const {there} = await related(world, 'upload', {schema: filled, files}, {schema});
  const preview = (await world.must('relationship', 'initial-sync', 'pair', '--dry-run', '--json')).json<{
    actions: unknown[];
  }>();
  t.true(preview.actions.length > 0);
  t.deepEqual(there.site.table('pages'), []);
  t.false(there.site.has('assets'));
});

test.serial(
  'E6, E15: refused where the destination was staged before, but for force where that is allowed',
  async t => {
    const world = createWorld(t);
    const {here, there} = await related(world, 'upload', {schema: filled}, {schema});
    await world.initialSync('pair');
    there.site.sql(`INSERT INTO pages (title) VALUES ('only there')`);
    const third = await world.server('third', {schema: filled});
    await world.relate('other', third, there, 'upload');
    const refused = await world.lockstep('relationship', 'initial-sync', 'other', '--yes', '--json');
    t.is(refused.exitCode, 8, String(refused));
    t.is(refused.summary().error?.code, 'INITIAL_SYNC_REFUSED');
    t.is(there.site.table('pages').length, 4);
    t.is(here.site.table('pages').length, 3);

    // By force only where the destination allows it, and has nothing else to lose (E15).
    const force = ['relationship', 'initial-sync', 'pair', '--yes', '--force'];
    t.is((await world.lockstep(...force, '--json')).error().code, 'ANSWER_MISSING');
    t.is((await world.lockstep(...force, '--confirm', 'other', '--json')).exitCode, 64);
    const refusal = async (reason: RegExp) => {
      const outcome = await world.lockstep(...force, '--confirm', 'pair', '--json');
      t.is(outcome.exitCode, 8, String(outcome));
      t.like(outcome.summary(), {status: 'refused', applied: 0, error: {code: 'INITIAL_SYNC_REFUSED'}});
      t.regex(outcome.summary().error?.message ?? '', reason);
      t.is(there.site.table('pages').length, 4);
    };
    await refusal(/does not allow a forced initial sync/);
    await there.stop();
    there.editAgentJson({allowForceInitial: true});
    await there.lockstep('agent', 'site', 'add', 'second', '--root', world.folder);
    await there.start();
    await refusal(/hosts 2 sites/);
    await there.stop();
    there.removeSite('second');
    await there.start();
    await refusal(/several relationships: pair, other/);
    await world.must('relationship', 'delete', 'other', '--yes');
    const forced = await world.must(...force, '--confirm', 'pair', '--json');
    t.like(forced.summary(), {status: 'success'});
    t.deepEqual(there.site.tables(), here.site.tables());
    await world.profile('pair/all', '--items', 'database');
    t.like(await world.run('pair/all'), {status: 'success', applied: 0});
  },
);

test.serial('E6: refused where the source is smaller than the destination', async t => {
  const world = createWorld(t);
  const {there} = await related(world, 'upload', {schema}, {schema: filled});
  const refused = await world.lockstep('relationship', 'initial-sync', 'pair', '--yes', '--json');
  t.is(refused.exitCode, 8, String(refused));
  t.is(there.site.table('pages').length, 3);
});

test.serial(
  'without an initial sync different databases are refused with the hint, equal ones adopted',
  async t => {
    const world = createWorld(t);
    const {here, there} = await related(world, 'upload', {schema: filled}, {schema: filled});
    await world.profile('pair/all', '--items', 'database');
    t.like(await world.run('pair/all'), {status: 'success', applied: 0});
    here.site.sql(`UPDATE pages SET title = 'Changed' WHERE id = 1`);
    t.like(await world.run('pair/all'), {status: 'success', applied: 1});
    t.deepEqual(here.site.tables(), there.site.tables());

    const third = await world.server('third', {schema});
    await world.relate('other', here, third, 'upload');
    await world.profile('other/all', '--items', 'database');
    const refused = await world.run('other/all', [], 8);
    t.is(refused.error?.code, 'NEEDS_INITIAL_SYNC');
    t.regex(refused.error?.hint ?? '', /initial-sync other --yes/);
  },
);
