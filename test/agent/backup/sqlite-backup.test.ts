import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import test from 'ava';
import {sqliteBackup} from '../../../source/agent/database/sqlite/sqlite-backup.js';
import {backupContract} from './backup-contract.js';

for (const mode of ['wal', 'delete'] as const)
  backupContract({
    name: `SQLite, journal mode ${mode}`,
    async create(t) {
      const folder = mkdtempSync(path.join(tmpdir(), 'lockstep-backup-'));
      const file = path.join(folder, 'content.db');
      // The site's connection stays open, as that of a running program does.
      const site = new DatabaseSync(file, {timeout: 5000});
      site.exec(`PRAGMA journal_mode = ${mode}; PRAGMA foreign_keys = ON`);
      t.teardown(() => {
        site.close();
        rmSync(folder, {recursive: true, force: true});
      });
      return {
        url: `sqlite:${file}`,
        backup: sqliteBackup(file),
        async execute(statements) {
          for (const sql of statements) site.exec(sql);
        },
        query: async sql =>
          site
            .prepare(sql)
            .all()
            .map(row =>
              Object.values(row).map(value =>
                value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value),
              ),
            ),
      };
    },
    blob: hex => `x'${hex}'`,
    blobType: 'BLOB',
    trigger: [
      'CREATE TRIGGER page_title AFTER UPDATE OF title ON page BEGIN INSERT INTO log (title) VALUES (new.title); END',
    ],
    beside: {
      made: [
        'CREATE VIEW loud AS SELECT id, upper(name) AS name FROM folder',
        'CREATE TRIGGER loud_insert INSTEAD OF INSERT ON loud BEGIN INSERT INTO folder (name) VALUES (new.name); END',
        'CREATE INDEX page_price ON page (price) WHERE price > 1',
        'CREATE VIRTUAL TABLE words USING fts5(word)',
        "INSERT INTO words VALUES ('found')",
        'PRAGMA user_version = 7',
      ],
      changed: [
        'DROP VIEW loud',
        'CREATE VIEW loud AS SELECT 1 AS id',
        'DROP TRIGGER page_title',
        'DROP INDEX page_price',
        'CREATE INDEX page_title ON page (title)',
        'DROP TABLE words',
        'CREATE VIRTUAL TABLE words USING fts5(word)',
        'PRAGMA user_version = 8',
      ],
      shown: [
        'SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name',
        "SELECT count(*) FROM words WHERE words MATCH 'found'",
        'PRAGMA user_version',
      ],
    },
    tools: false,
  });

test('a copy is of one moment although the site goes on writing, and is broken off at once', async t => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lockstep-backup-'));
  t.teardown(() => rmSync(folder, {recursive: true, force: true}));
  const file = path.join(folder, 'content.db');
  const site = new DatabaseSync(file, {timeout: 5000});
  t.teardown(() => site.close());
  site.exec(
    'PRAGMA journal_mode = WAL; CREATE TABLE a (x BLOB); CREATE TABLE b (n INTEGER); INSERT INTO b VALUES (0)',
  );
  for (let n = 0; n < 40; n += 1) site.exec('INSERT INTO a VALUES (randomblob(1000000))');
  const backup = sqliteBackup(file);
  const target = path.join(folder, 'x.bak');
  let steps = 0;
  await backup.write(target, {
    signal: new AbortController().signal,
    progress() {
      steps += 1;
      site.exec('UPDATE b SET n = n + 1; DELETE FROM a WHERE rowid = 1');
    },
  });
  t.true(steps > 2);
  const copy = new DatabaseSync(target, {readOnly: true});
  t.deepEqual(
    {...copy.prepare('SELECT (SELECT n FROM b) AS n, (SELECT count(*) FROM a) AS a').get()},
    {n: 0, a: 40},
  );
  copy.close();
  const stop = new AbortController();
  const broken = backup.write(path.join(folder, 'y.bak'), {
    signal: stop.signal,
    progress: () => stop.abort(new Error('stopped')),
  });
  await t.throwsAsync(broken, {message: /stopped/});
});

test('a database that the site holds is waited for', async t => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lockstep-backup-'));
  t.teardown(() => rmSync(folder, {recursive: true, force: true}));
  const file = path.join(folder, 'content.db');
  const site = new DatabaseSync(file);
  t.teardown(() => site.close());
  site.exec('CREATE TABLE a (x); INSERT INTO a VALUES (1)');
  const backup = sqliteBackup(file);
  const work = {signal: new AbortController().signal};
  const target = path.join(folder, 'x.bak');
  await backup.write(target, work);
  site.exec('UPDATE a SET x = 2; BEGIN IMMEDIATE');
  setTimeout(() => site.exec('COMMIT'), 300);
  await backup.restore(target, work);
  t.deepEqual({...site.prepare('SELECT x FROM a').get()}, {x: 1});
});
