import {mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import test, {type ExecutionContext} from 'ava';
import {Backups} from '../../../source/agent/backup/backups.js';
import {sqliteBackup} from '../../../source/agent/database/sqlite/sqlite-backup.js';
import type {Retention} from '../../../source/core/backup-retention.js';
import {OperatorError} from '../../../source/core/operator-error.js';

const work = {signal: new AbortController().signal};

function world(t: ExecutionContext, retention: Retention = {keep: 10}) {
  const home = mkdtempSync(path.join(tmpdir(), 'lockstep-backups-'));
  t.teardown(() => rmSync(home, {recursive: true, force: true}));
  const database = path.join(home, 'content.db');
  const site = new DatabaseSync(database);
  t.teardown(() => site.close());
  site.exec('CREATE TABLE page (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO page VALUES (1, 0)');
  const folder = path.join(home, 'backups');
  const open = (name = 'backups.json') =>
    new Backups({
      folder,
      indexFile: path.join(home, name),
      retention,
      driver: async () => sqliteBackup(database),
      prepare: async () => {},
    });
  return {home, folder, site, open, backups: open()};
}

const code = async (t: ExecutionContext, work: Promise<unknown>) =>
  (await t.throwsAsync(work, {instanceOf: OperatorError}))?.code;

test('one backup a run, verified, for our user only, and nothing else in the folder', async t => {
  const {backups, folder} = world(t);
  t.deepEqual(await backups.list(), []);
  const [first, again] = await Promise.all([
    backups.create({by: 'anna', runId: 'run-1'}, work),
    backups.create({by: 'anna', runId: 'run-1'}, work),
  ]);
  t.deepEqual(first, again);
  t.regex(first.name, /^content\d{17}\.lockstep\.bak$/);
  t.like(first, {by: 'anna', runId: 'run-1', state: 'good'});
  t.deepEqual(readdirSync(folder), [first.name]);
  t.is(statSync(path.join(folder, first.name)).mode & 0o777, 0o600);
  const second = await backups.create({by: 'anna', runId: 'run-2'}, work);
  t.deepEqual(
    (await backups.list()).map(({name}) => name),
    [second.name, first.name],
  );
  t.is(await backups.find(first.name, work), path.join(folder, first.name));
});

test('old ones go, never the only good one, never what somebody else put there', async t => {
  const {backups, folder, open} = world(t, {keep: 2});
  mkdirSync(folder);
  const foreign = 'content20200101000000000.lockstep.bak';
  writeFileSync(path.join(folder, foreign), 'somebody’s');
  writeFileSync(path.join(folder, 'other20200101000000000.lockstep.bak'), '');
  const made: string[] = [];
  for (let n = 0; n < 4; n += 1) made.push((await backups.create({by: 'anna'}, work)).name);
  t.deepEqual(
    (await backups.list()).map(({name, state}) => [name, state]),
    [
      [made[3], 'good'],
      [made[2], 'good'],
      [foreign, 'unknown'],
    ],
  );
  truncateSync(path.join(folder, made[3]!), 100);
  const [damaged] = await open().list();
  t.is(damaged?.state, 'damaged');
  t.is(await code(t, backups.find(made[3]!, work)), 'BACKUP_DAMAGED');
  t.is(await code(t, backups.find(foreign, work)), 'BACKUP_DAMAGED');
  rmSync(path.join(folder, made[2]!));
  t.is(await code(t, backups.find(made[2]!, work)), 'NOT_FOUND');
});

test('sites that share a folder do not take each other’s backups away', async t => {
  const {backups, open} = world(t, {keep: 1});
  const other = open('other.json');
  const [mine, theirs] = await Promise.all([backups.create({by: 'a'}, work), other.create({by: 'b'}, work)]);
  t.not(mine.name, theirs.name);
  await backups.create({by: 'a'}, work);
  t.true((await other.list()).some(({name, state}) => name === theirs.name && state === 'good'));
});

test('what stands against a backup is said, and nothing is left', async t => {
  const {backups, folder, home} = world(t);
  writeFileSync(folder, 'a file');
  t.is(await code(t, backups.create({by: 'anna'}, work)), 'BACKUP_FAILED');
  rmSync(folder);
  rmSync(path.join(home, 'content.db'));
  t.is(await code(t, backups.create({by: 'anna'}, work)), 'DATABASE_UNAVAILABLE');
  t.deepEqual(readdirSync(folder), []);
});

test('a backup that is changed on the disk is not put back', async t => {
  const {backups, folder} = world(t);
  const {name} = await backups.create({by: 'anna'}, work);
  const copy = new DatabaseSync(path.join(folder, name));
  copy.exec('UPDATE page SET title = 9');
  copy.close();
  t.is(await code(t, backups.find(name, work)), 'BACKUP_DAMAGED');
});
