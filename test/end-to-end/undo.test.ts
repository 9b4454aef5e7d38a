import {symlinkSync} from 'node:fs';
import test from 'ava';
import {createWorld, type RunSummaryLine, type TestServer, type World} from '../helpers/lockstep.js';

const schema = `
  CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT NOT NULL, slug TEXT UNIQUE);
  CREATE TABLE notes (id INTEGER PRIMARY KEY, page INTEGER NOT NULL REFERENCES pages(id), text TEXT);
  CREATE TABLE visits (who TEXT, n INTEGER);`;
const rows = `
  INSERT INTO pages VALUES (1, 'One', 'a'), (2, 'Two', 'b'), (3, 'Three', 'c'), (4, 'Four', 'd'), (5, 'Five', 'e');
  INSERT INTO notes VALUES (31, 3, 'of three'), (41, 4, 'of four');
  INSERT INTO visits VALUES ('x', 1), ('x', 1), ('y', 2);`;

type Item = {
  item: {path?: string; table?: string; key?: string[]};
  side: string;
  outcome: string;
  error?: string;
};
type Shown = RunSummaryLine & {items: Item[]; undoes?: string; redoes?: string; undoneBy?: string};
type Entry = {
  id: string;
  runId: string;
  action: string;
  restorable: boolean;
  side: string;
  item: Item['item'];
};

const show = async (world: World, runId: string) =>
  (await world.must('runs', 'show', runId, '--json')).json<Shown>();
const history = async (world: World, ...argv: string[]) =>
  (await world.must('history', 'list', ...argv, '--json')).json<{entries: Entry[]}>().entries;
const stateOf = ({site}: TestServer) => ({files: site.files(), tables: site.tables()});
const nameOf = ({path, table, key}: Item['item']) => path ?? `${table}:${(key ?? []).join(',')}`;

async function command(world: World, exitCode: number, ...argv: string[]): Promise<RunSummaryLine> {
  const outcome = await world.lockstep(...argv, '--json');
  if (outcome.exitCode !== exitCode) throw new Error(`expected exit status ${exitCode}: ${outcome}`);
  return outcome.summary();
}

test.serial('X2: an upload is undone, held, kept where it was changed since, and redone', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers(
    {
      schema: schema + rows,
      files: {
        'assets/old.html': 'old',
        'assets/mode.sh': 'same',
        'assets/gone/deep/a.html': 'deep',
        'assets/swap/inner.html': 'in a folder',
        'assets/kept.html': 'first',
      },
    },
    {schema},
  );
  await world.profile(
    'pair/up',
    '--direction',
    'upload',
    '--items',
    'database,templates',
    '--max-delete',
    '100%',
  );
  await world.run('pair/up');
  const before = stateOf(remote);

  local.site.write('assets/old.html', 'new', 5);
  local.site.write('assets/kept.html', 'second', 5);
  local.site.write('assets/brand/new.html', 'created');
  local.site.chmod('assets/mode.sh', 0o750);
  local.site.remove('assets/gone');
  local.site.remove('assets/swap');
  local.site.write('assets/swap', 'a file now');
  symlinkSync('old.html', local.site.path('assets/link.html'));
  local.site.sql(`
    UPDATE pages SET title = 'ONE' WHERE id = 1;
    UPDATE pages SET slug = 'tmp' WHERE id = 1; UPDATE pages SET slug = 'a' WHERE id = 2;
    UPDATE pages SET slug = 'b' WHERE id = 1;
    DELETE FROM notes WHERE id = 31; DELETE FROM pages WHERE id = 3;
    UPDATE pages SET title = 'FOUR' WHERE id = 4;
    INSERT INTO pages VALUES (7, 'Seven', 'g'); INSERT INTO notes VALUES (71, 7, 'of seven');
    INSERT INTO pages VALUES (8, 'Eight', 'h');
    DELETE FROM visits WHERE who = 'y'; INSERT INTO visits VALUES ('z', 9);`);
  const run = await world.run('pair/up');
  t.is(run.status, 'success');
  const after = stateOf(remote);
  t.deepEqual(after.tables, local.site.tables());
  t.deepEqual(after.files, local.site.files());

  // Everything that the run changed is in history, with its action.
  const entries = await history(world, remote.siteAddress, '--run', run.runId);
  const actions = Object.fromEntries(entries.map(entry => [nameOf(entry.item), entry.action]));
  t.like(actions, {
    'assets/old.html': 'update',
    'assets/brand/new.html': 'create',
    'assets/gone/deep/a.html': 'delete',
    'assets/mode.sh': 'update',
    'pages:3': 'delete',
    'pages:7': 'create',
    'pages:1': 'update',
    'visits:': 'update',
  });
  t.true(entries.every(({side, runId}) => side === 'remote' && runId === run.runId));
  t.is((await history(world, local.siteAddress, '--run', run.runId)).length, 0);

  // Changed since: a file, a row, and a row that refers to one that the run made.
  remote.site.write('assets/kept.html', 'third');
  remote.site.sql(`UPDATE pages SET title = 'mine' WHERE id = 4; INSERT INTO notes VALUES (81, 8, 'since');`);
  const dry = await world.must('runs', 'undo', run.runId, '--dry-run', '--json');
  t.is(dry.json<{actions: {kind: string}[]}>().actions.filter(({kind}) => kind === 'skip').length, 2);

  const undo = await command(world, 3, 'runs', 'undo', run.runId);
  t.is(undo.status, 'warning');
  const undone = await show(world, undo.runId);
  t.is(undone.undoes, run.runId);
  const keptItems = undone.items.filter(({outcome}) => outcome === 'kept');
  t.deepEqual(keptItems.map(({item}) => nameOf(item)).sort(), ['assets/kept.html', 'pages:4', 'pages:8']);
  t.true(keptItems.every(({error}) => error !== undefined));
  t.is((await show(world, run.runId)).undoneBy, undo.runId);
  const expected = structuredClone(before);
  expected.files['assets/kept.html'] = remote.site.files()['assets/kept.html']!;
  t.deepEqual(remote.site.files(), expected.files);
  t.deepEqual(
    remote.site.tables().pages,
    [
      ...before.tables.pages!.filter(row => !row.startsWith('id=4')),
      `id=4 slug='d' title='mine'`,
      `id=8 slug='h' title='Eight'`,
    ].sort(),
  );
  t.deepEqual(remote.site.tables().visits, before.tables.visits);
  t.deepEqual(remote.site.tables().notes, [...before.tables.notes!, `id=81 page=8 text='since'`].sort());

  // A second undo is refused; the undo itself is not undone but redone.
  const again = await world.lockstep('runs', 'undo', run.runId, '--json');
  t.is(again.exitCode, 8);
  t.like(again.summary(), {status: 'refused', error: {code: 'UNDO_REFUSED'}});
  const wrong = await world.lockstep('runs', 'undo', undo.runId, '--json');
  t.is(wrong.exitCode, 64);
  t.regex(wrong.error().hint ?? '', /runs redo/);

  // Held: runs leave it alone, also when nothing else is left to look at.
  const heldBy = `held after undo of ${run.runId}`;
  for (const _ of [1, 2]) {
    const preview = await world.preview('pair/up');
    const held = preview.actions.filter(({reason}) => reason === heldBy).map(({item}) => nameOf(item));
    t.true(
      held.includes('assets/old.html') && held.includes('pages:1') && held.includes('visits:'),
      held.join(),
    );
    t.deepEqual(preview.counts.remote, {create: 0, update: 1, delete: 0});
    t.is(preview.counts.skipped, 0);
    if (_ === 1) {
      // The row that was changed since is the destination's own change, which an upload overwrites.
      t.like(await world.run('pair/up'), {applied: 1, skipped: 0, status: 'success'});
      remote.site.sql(`UPDATE pages SET title = 'mine' WHERE id = 4`);
    }
  }

  // Until a side changes it again.
  local.site.write('assets/mode.sh', 'edited', 10);
  local.site.sql(`UPDATE pages SET title = 'edited' WHERE id = 7`);
  t.like(await world.run('pair/up'), {applied: 3, skipped: 0});
  t.is(remote.site.read('assets/mode.sh'), 'edited');
  t.deepEqual(remote.site.rows('SELECT title FROM pages WHERE id = 7'), [['edited']]);
  t.deepEqual(remote.site.rows('SELECT count(*) FROM notes WHERE id = 71'), [[0n]]);

  const redo = await command(world, 3, 'runs', 'redo', run.runId);
  t.is((await show(world, redo.runId)).redoes, run.runId);
  t.is((await show(world, run.runId)).undoneBy, undefined);
  t.is(remote.site.read('assets/old.html'), 'new');
  t.is(remote.site.read('assets/swap'), 'a file now');
  t.false(remote.site.has('assets/gone'));
  t.deepEqual(remote.site.table('visits'), local.site.table('visits'));
  t.like(await world.run('pair/up'), {skipped: 0});
  t.deepEqual(remote.site.table('pages'), local.site.table('pages'));
  t.like(await world.run('pair/up'), {applied: 0, bytes: 0});
  t.is((await world.lockstep('runs', 'redo', run.runId, '--json')).exitCode, 8);
  t.is((await command(world, 3, 'runs', 'undo', run.runId)).status, 'warning');
});

test.serial(
  'X2, E10: conflicts of a two-way run are undone at each side; a crash leaves an undo whole',
  async t => {
    const world = createWorld(t);
    const {local, remote} = await world.pairOfServers(
      {
        schema: schema + rows,
        files: {'assets/a.html': 'base', 'assets/b.html': 'base', 'assets/c.html': 'base'},
      },
      {schema},
    );
    await world.profile('pair/all', '--policy', 'local-wins');
    await world.run('pair/all');
    local.site.write('assets/a.html', 'local');
    remote.site.write('assets/a.html', 'remote');
    remote.site.write('assets/b.html', 'from remote');
    local.site.write('assets/c.html', 'from local');
    local.site.sql(
      `UPDATE pages SET title = 'local' WHERE id = 1; UPDATE pages SET title = 'to remote' WHERE id = 4;`,
    );
    remote.site.sql(`UPDATE pages SET title = 'remote' WHERE id = 1; DELETE FROM pages WHERE id = 5;`);
    const before = {local: stateOf(local), remote: stateOf(remote)};
    const run = await world.run('pair/all');
    t.like(run, {applied: 6, conflicts: 2, status: 'success'});
    t.deepEqual(stateOf(local), stateOf(remote));
    const after = stateOf(local);

    // The remote agent dies while it undoes.
    await remote.stop();
    await remote.start({LOCKSTEP_FAULT: 'commit.files-applied'});
    const running = world.lockstep('runs', 'undo', run.runId, '--json');
    await remote.ended();
    t.deepEqual(remote.site.tables(), after.tables);
    await remote.start();
    t.like((await running).summary(), {status: 'success', applied: 6});
    t.deepEqual({local: stateOf(local), remote: stateOf(remote)}, before);

    // The sides differ again and nothing moves, although both versions of the conflict are there.
    t.is(
      (await world.preview('pair/all')).actions.filter(({reason}) => reason?.startsWith('held after undo of'))
        .length,
      6,
    );
    t.like(await world.run('pair/all'), {applied: 0, skipped: 0, bytes: 0, status: 'success'});
    t.deepEqual({local: stateOf(local), remote: stateOf(remote)}, before);

    // And the local one while it redoes, after the remote side has done its part.
    await local.stop();
    await local.start({LOCKSTEP_FAULT: 'commit.database-committed'});
    const redoing = world.lockstep('runs', 'redo', run.runId, '--json');
    await local.ended();
    await local.start();
    t.like((await redoing).summary(), {status: 'success', applied: 6});
    t.deepEqual({local: stateOf(local), remote: stateOf(remote)}, {local: after, remote: after});
    t.like(await world.run('pair/all'), {applied: 0, skipped: 0, bytes: 0});

    // The loser of the conflict comes back as a new edit and travels.
    const address = remote.siteAddress;
    const [loser] = (await history(world, address, 'pages:1', '--run', run.runId)).filter(
      entry => entry.restorable,
    );
    const dry = await world.must(
      'history',
      'restore',
      address,
      loser!.id,
      'assets/a.html',
      '--dry-run',
      '--json',
    );
    t.like(dry.json<{counts: unknown}>().counts as object, {remote: {create: 0, update: 2, delete: 0}});
    const [oldest] = (await history(world, address, 'assets/a.html')).filter(
      entry => entry.runId === run.runId,
    );
    const restore = await command(world, 0, 'history', 'restore', address, loser!.id, oldest!.id);
    t.like(restore, {status: 'success', applied: 2, skipped: 0});
    t.is(remote.site.read('assets/a.html'), 'remote');
    t.deepEqual(remote.site.rows('SELECT title FROM pages WHERE id = 1'), [['remote']]);
    t.like(await world.run('pair/all'), {applied: 2, conflicts: 0, skipped: 0});
    t.is(local.site.read('assets/a.html'), 'remote');
    t.deepEqual(stateOf(local), stateOf(remote));
    // What the restore replaced is in history as well.
    await command(world, 0, 'history', 'restore', address, 'assets/a.html', 'pages:1');
    t.is(remote.site.read('assets/a.html'), 'local');
    t.like(await world.run('pair/all'), {applied: 2, conflicts: 0});
    t.deepEqual(stateOf(local), stateOf(remote));

    const list = (await world.must('runs', 'list', '--json')).json<{runs: {kind: string; site?: string}[]}>()
      .runs;
    t.true(list.some(({kind, site}) => kind === 'restore' && site === address));
    for (const [exitCode, ...argv] of [
      [64, 'runs', 'undo', '20260101-000000-abcdef'],
      [64, 'runs', 'undo', restore.runId],
      [64, 'history', 'restore', address, 'r99999'],
      [64, 'history', 'restore', address, 'assets/never.html'],
      [64, 'history', 'list', 'nobody/main'],
      [64, 'history', 'list', address, '--limit', 'many'],
    ] as const)
      t.is((await world.lockstep(...argv)).exitCode, exitCode, argv.join(' '));
    const table = (await world.must('history', 'list', address, '--limit', '2')).stdout.trim().split('\n');
    t.is(table.length, 3);
  },
);
