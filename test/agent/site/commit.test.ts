import {execFile} from 'node:child_process';
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import {fileURLToPath} from 'node:url';
import test from 'ava';
import {makeFolder} from './test-agent.js';

const script = fileURLToPath(new URL('commit-process.js', import.meta.url));

function runProcess(
  verb: string,
  folder: string,
  fault?: string,
): Promise<{signal: string | undefined; stdout: string; stderr: string}> {
  const env = {...process.env, ...(fault === undefined ? {} : {LOCKSTEP_FAULT: fault})};
  return new Promise(resolve =>
    execFile(process.execPath, [script, verb, folder], {env}, (error, stdout, stderr) =>
      resolve({signal: error?.signal ?? undefined, stdout, stderr: error ? stderr || error.message : ''}),
    ),
  );
}

type World = {files: Record<string, string>; rows: Record<string, string>};

function look(folder: string): World {
  const root = join(folder, 'root');
  const files: Record<string, string> = {};
  for (const entry of readdirSync(root, {recursive: true, withFileTypes: true}))
    if (entry.isFile() && !entry.parentPath.includes('.lockstep')) {
      const path = join(entry.parentPath, entry.name);
      files[path.slice(root.length + 1)] = readFileSync(path, 'utf8');
    }
  const database = new DatabaseSync(join(folder, 'site.db'));
  const rows = Object.fromEntries(
    database
      .prepare('SELECT id, title FROM page ORDER BY id')
      .all()
      .map(row => [row.id, row.title]),
  ) as Record<string, string>;
  database.close();
  return {files, rows};
}

const before: World = {
  files: {changed: 'before', kept: 'kept', 'old/deleted': 'gone soon'},
  rows: {1: 'kept', 2: 'before', 3: 'gone soon'},
};
const after: World = {
  files: {added: 'new', changed: 'after', folder: 'new', kept: 'kept'},
  rows: {1: 'kept', 2: 'after', 4: 'new'},
};

const touched = [
  'f:added',
  'f:changed',
  'f:folder',
  'f:old/deleted',
  'r:page:["2"]',
  'r:page:["3"]',
  'r:page:["4"]',
];

const points = [
  'commit.begun',
  'commit.database-prepared',
  'commit.files-prepared',
  'commit.files-noted',
  'commit.files-applying',
  'commit.files-applying:2',
  'commit.files-finishing',
  'commit.files-recorded',
  'commit.files-applied',
  'commit.database-committed',
  'commit.decided',
  'commit.files-finished',
  'commit.finished',
  'end.begun',
  'end.finished',
];

for (const point of points)
  test(`killed at ${point}, a site is wholly old or wholly new after a restart, and the run can be repeated`, async t => {
    const folder = await makeFolder();
    t.teardown(folder.remove);
    t.is((await runProcess('prepare', folder.path)).stderr, '');
    t.deepEqual(look(folder.path), before);
    const killed = await runProcess('commit', folder.path, point);
    t.is(killed.signal, 'SIGKILL', killed.stderr);
    const looked = await runProcess('look', folder.path);
    t.is(looked.stderr, '');
    const world = look(folder.path);
    // What an undo notes is there with what it changed, or not at all.
    const isNew = JSON.stringify(world) === JSON.stringify(after);
    const items = isNew ? touched : [];
    t.deepEqual(JSON.parse(looked.stdout), {
      ...(isNew ? {undoneBy: '20261121-050000-abcdef'} : {}),
      held: items,
      changed: items,
    });
    t.true(
      [before, after].some(whole => JSON.stringify(whole) === JSON.stringify(world)),
      JSON.stringify(world),
    );
    const again = await runProcess('commit', folder.path);
    t.is(again.stderr, '');
    t.deepEqual(look(folder.path), after);
    t.deepEqual(
      (JSON.parse(again.stdout) as {outcome: string}[]).filter(({outcome}) => outcome === 'skipped'),
      [],
    );
    t.false(existsSync(join(folder.path, 'root/.lockstep-20261121-050000-abcdef')));
    t.is(readdirSync(join(folder.path, 'root')).filter(name => name.startsWith('.lockstep')).length, 0);
  });

for (const point of ['recovery.begun', 'recovery.finished'])
  for (const first of ['commit.files-applied', 'commit.database-committed'])
    test(`killed at ${first} and again at ${point}, a site recovers all the same`, async t => {
      const folder = await makeFolder();
      t.teardown(folder.remove);
      await runProcess('prepare', folder.path);
      t.is((await runProcess('commit', folder.path, first)).signal, 'SIGKILL');
      t.is((await runProcess('look', folder.path, point)).signal, 'SIGKILL');
      t.is((await runProcess('look', folder.path)).stderr, '');
      t.deepEqual(look(folder.path), first === 'commit.files-applied' ? before : after);
    });
