import {mkdtemp, open, rm, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import type {DatabaseBackup} from '../../../source/agent/backup/database-backup.js';
import {openSiteDatabase} from '../../../source/agent/database/open-site-database.js';
import type {SiteDatabase} from '../../../source/agent/site/ports.js';
import {OperatorError} from '../../../source/core/operator-error.js';

/** A database of an engine with the site's own way to it. */
export type BackupSite = {
  readonly url: string;
  readonly backup: DatabaseBackup;
  /** Several statements, one after the other. */
  execute(statements: readonly string[]): Promise<void>;
  /** Rows as text, in the order of the query. */
  query(sql: string): Promise<string[][]>;
};

export type BackupEngine = {
  readonly name: string;
  /** A fresh database that goes away with the test. */
  create(t: ExecutionContext): Promise<BackupSite>;
  readonly blob: (hex: string) => string;
  readonly blobType: string;
  /** Makes `log` note every new title of a page. */
  readonly trigger: readonly string[];
  /** What a site has beside tables and rows, what may become of it after a backup, and queries that show all of it. */
  readonly beside: {
    readonly made: readonly string[];
    readonly changed: readonly string[];
    readonly shown: readonly string[];
  };
  /** Programs without which there is no backup. */
  readonly tools: boolean;
};

/** Version and content of every row that lives. */
async function versions(database: SiteDatabase): Promise<Record<string, string>> {
  const records = await Array.fromAsync(database.changes({epoch: '', seq: 0}));
  return Object.fromEntries(
    records.flatMap(record =>
      record.type === 'row' && !record.deleted
        ? [[`${record.table} ${record.key}`, `${record.vector} ${record.digest}`]]
        : [],
    ),
  );
}

const work = {signal: new AbortController().signal};

/** What every way of backing up a database must do (E16). */
export function backupContract(engine: BackupEngine): void {
  const folder = async (t: ExecutionContext) => {
    const made = await mkdtemp(path.join(tmpdir(), 'lockstep-backup-'));
    t.teardown(() => rm(made, {recursive: true, force: true}));
    return made;
  };
  const schema = [
    'CREATE TABLE folder (id INTEGER PRIMARY KEY, name VARCHAR(100))',
    `CREATE TABLE page (id INTEGER PRIMARY KEY, folder INTEGER, title VARCHAR(100), price DECIMAL(12, 4), body ${engine.blobType}, CONSTRAINT page_folder FOREIGN KEY (folder) REFERENCES folder (id))`,
    'CREATE TABLE log (id INTEGER PRIMARY KEY, title VARCHAR(100))',
    "INSERT INTO folder VALUES (1, 'News'), (2, 'Über uns – 日本')",
    `INSERT INTO page VALUES (1, 1, 'it''s "quoted" \\n', 12.5000, ${engine.blob('00ff0a0d27225c')}), (2, NULL, NULL, NULL, NULL)`,
    "INSERT INTO page VALUES (3, 2, '-- lockstep: the triggers follow', 0, NULL)",
    ...engine.trigger,
  ];
  const everything = async (site: BackupSite) => [
    await site.query('SELECT id, folder, title, price, body FROM page ORDER BY id'),
    await site.query('SELECT id, name FROM folder ORDER BY id'),
    await site.query('SELECT id, title FROM log ORDER BY id'),
  ];

  test(`${engine.name}: a backup is put back as it was, with constraints and the site’s own triggers`, async t => {
    const site = await engine.create(t);
    await site.execute(schema);
    const before = await everything(site);
    const file = path.join(await folder(t), 'x.bak');
    await site.backup.mustBePossible();
    t.true((await site.backup.sizeBytes()) > 0);
    await site.backup.write(file, work);
    await site.backup.verify(file, work);
    t.true((await stat(file)).size > 0);
    t.deepEqual(await everything(site), before);
    await site.execute([
      "UPDATE page SET title = 'changed' WHERE id = 1",
      'DELETE FROM page WHERE id = 3',
      'DELETE FROM folder WHERE id = 2',
      "INSERT INTO page VALUES (9, 1, 'new', 1, NULL)",
    ]);
    t.notDeepEqual(await everything(site), before);
    await site.backup.restore(file, work);
    t.deepEqual(await everything(site), before);
    await site.execute(["UPDATE page SET title = 'again' WHERE id = 2"]);
    t.deepEqual(await site.query('SELECT title FROM log'), [['again']]);
    await t.throwsAsync(site.execute(["INSERT INTO page VALUES (10, 77, 'orphan', 0, NULL)"]));
    await site.backup.restore(file, work);
    t.deepEqual(await everything(site), before);
  });

  test(`${engine.name}: what was made after the backup is gone when it is put back, and can be made again`, async t => {
    const site = await engine.create(t);
    await site.execute([...schema, 'CREATE VIEW named AS SELECT id, name FROM folder']);
    const before = await everything(site);
    const file = path.join(await folder(t), 'x.bak');
    await site.backup.write(file, work);
    const migration = [
      'CREATE TABLE added (id INTEGER PRIMARY KEY, folder INTEGER, CONSTRAINT added_folder FOREIGN KEY (folder) REFERENCES folder (id))',
      'INSERT INTO added VALUES (1, 2)',
      'CREATE VIEW titles AS SELECT page.id, title, added.id AS added FROM page LEFT JOIN added ON added.folder = page.folder',
    ];
    for (let round = 1; round <= 2; round++) {
      await site.execute(migration);
      await site.backup.restore(file, work);
      t.deepEqual(await everything(site), before);
      t.is((await site.query('SELECT id FROM named')).length, 2);
    }
    await t.throwsAsync(site.query('SELECT id FROM titles'));
    await t.throwsAsync(site.query('SELECT id FROM added'));
  });

  test(`${engine.name}: views, routines, triggers and whatever else the database has come back as they were`, async t => {
    const site = await engine.create(t);
    const {made, changed, shown} = engine.beside;
    await site.execute([...schema, 'CREATE VIEW named AS SELECT id, name FROM folder', ...made]);
    const database = await openSiteDatabase(site.url, {exclude: [], lockTimeoutMs: 5000});
    t.teardown(() => database.close());
    await database.scan({});
    // Our triggers and tables too.
    const shape = async () => {
      const found: string[][][] = [];
      for (const sql of shown) found.push(await site.query(sql));
      return found;
    };
    const before = [await shape(), await everything(site)];
    for (const rows of before[0]!) t.not(rows.length, 0, 'the query shows something');
    const file = path.join(await folder(t), 'x.bak');
    await site.backup.write(file, work);
    await site.backup.verify(file, work);
    t.deepEqual([await shape(), await everything(site)], before);
    for (let round = 1; round <= 2; round++) {
      await site.execute([
        'DROP VIEW named',
        'CREATE VIEW named AS SELECT id, title AS name FROM page',
        'DELETE FROM page',
        ...changed,
      ]);
      const between = await shape();
      for (const [index, rows] of between.entries()) t.notDeepEqual(rows, before[0]![index], shown[index]);
      await database.replaceContent(() => site.backup.restore(file, work));
      t.deepEqual([await shape(), await everything(site)], before);
      t.deepEqual((await database.scan({verify: true})).warnings, []);
    }
    const seen = await database.position();
    await site.execute(["UPDATE page SET title = 'captured' WHERE id = 2"]);
    await database.scan({});
    const found = await Array.fromAsync(database.changes(seen));
    t.true(found.some(record => record.type === 'row' && record.table === 'page' && record.key[0] === '2'));
  });

  test(`${engine.name}: a backup from before the first sync leaves a database that syncs`, async t => {
    const site = await engine.create(t);
    await site.execute(schema);
    const file = path.join(await folder(t), 'x.bak');
    await site.backup.write(file, work);
    const database = await openSiteDatabase(site.url, {exclude: [], lockTimeoutMs: 5000});
    t.teardown(() => database.close());
    const first = await database.scan({});
    await site.execute(["UPDATE page SET title = 'changed' WHERE id = 1"]);
    await database.scan({});
    await database.replaceContent(() => site.backup.restore(file, work));
    const second = await database.scan({});
    t.not(second.epoch, first.epoch);
    t.is(Object.keys(await versions(database)).length, 5);
  });

  test(`${engine.name}: after a backup was put back the versions are those of its rows, under a new replica`, async t => {
    const site = await engine.create(t);
    await site.execute(schema);
    const database = await openSiteDatabase(site.url, {exclude: [], lockTimeoutMs: 5000});
    t.teardown(() => database.close());
    const first = await database.scan({});
    const before = await versions(database);
    const file = path.join(await folder(t), 'x.bak');
    await site.backup.write(file, work);
    await site.execute(["UPDATE page SET title = 'changed' WHERE id = 1", 'DELETE FROM page WHERE id = 3']);
    const second = await database.scan({});
    t.true(second.seq > first.seq);
    t.notDeepEqual(await versions(database), before);
    await database.replaceContent(() => site.backup.restore(file, work));
    t.deepEqual(await versions(database), before);
    const third = await database.scan({});
    t.not(third.replica, second.replica);
    t.not(third.epoch, second.epoch);
    t.is(third.lineage, first.lineage);
    t.deepEqual(third.warnings, []);
    t.deepEqual(await versions(database), before);
    // No counter is issued twice.
    await site.execute(["UPDATE page SET title = 'later' WHERE id = 1"]);
    await database.scan({});
    t.true((await versions(database))['page 1']!.includes(third.replica));
    const failed = database.replaceContent(async () => {
      throw new Error('no');
    });
    await t.throwsAsync(failed, {message: 'no'});
    t.is((await database.scan({})).replica, third.replica);
  });

  test(`${engine.name}: a backup that is cut off or that is none is refused`, async t => {
    const site = await engine.create(t);
    await site.execute(schema);
    const file = path.join(await folder(t), 'x.bak');
    await site.backup.write(file, work);
    const handle = await open(file, 'r+');
    await handle.truncate(Math.floor((await stat(file)).size * 0.6));
    await handle.close();
    const cut = await t.throwsAsync(site.backup.verify(file, work), {instanceOf: OperatorError});
    t.is(cut?.code, 'BACKUP_DAMAGED');
    const before = await everything(site);
    await t.throwsAsync(site.backup.restore(file, work));
    t.deepEqual(await everything(site), before);
  });

  test(`${engine.name}: an empty database has a backup too`, async t => {
    const site = await engine.create(t);
    const file = path.join(await folder(t), 'x.bak');
    await site.backup.write(file, work);
    await t.notThrowsAsync(site.backup.verify(file, work));
  });

  if (engine.tools)
    test.serial(`${engine.name}: a missing tool is named, and nothing is changed`, async t => {
      const site = await engine.create(t);
      const {PATH} = process.env;
      t.teardown(() => {
        process.env.PATH = PATH;
      });
      process.env.PATH = '/nowhere';
      const missing = await t.throwsAsync(site.backup.mustBePossible(), {instanceOf: OperatorError});
      t.is(missing?.code, 'BACKUP_TOOL_MISSING');
      t.regex(missing?.message ?? '', /dump/);
    });
}
