import {copyFile, rename} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import type {DatabaseMemory} from '../../../source/agent/database/database-options.js';
import {openSiteDatabase} from '../../../source/agent/database/open-site-database.js';
import type {RowRecord} from '../../../source/core/item.js';
import {databaseContract} from './contract.js';
import {createSqliteSite, type SqliteSite} from './sqlite-site.js';
import {bring, commit, expectation, readImage, readTable, records, row, stagedRows} from './test-site.js';

const escaping = "UPDATE pages SET title = 'changed' WHERE id = 1; DELETE FROM pages WHERE id = 2";

databaseContract({
  name: 'sqlite',
  idTable: 'CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, text VARCHAR(100))',
  ownTrigger: `CREATE TRIGGER stamped AFTER INSERT ON pages BEGIN UPDATE pages SET title = 'site' WHERE id = NEW.id; END;
    CREATE TRIGGER stamped_again AFTER UPDATE OF slug ON pages BEGIN UPDATE pages SET title = 'site' WHERE id = NEW.id; END`,
  escapes: [
    {
      title: 'REPLACE',
      noticed: 'by every scan',
      change: site =>
        site.execute("DELETE FROM pages WHERE id = 2; REPLACE INTO pages VALUES (1, 'changed', 'a')"),
    },
    {
      title: 'a trigger that was dropped',
      noticed: 'by every scan',
      change: site =>
        site.execute(`DROP TRIGGER lockstep_1_update; DROP TRIGGER lockstep_1_delete; ${escaping}`),
    },
    {
      title: 'a switch that was thrown',
      noticed: 'by a scan that verifies',
      change: site =>
        site.execute(`INSERT INTO lockstep_control VALUES ('x'); ${escaping}; DELETE FROM lockstep_control`),
    },
  ],
  create: createSqliteSite,
});
databaseContract({
  name: 'sqlite in WAL mode',
  async create(t, options) {
    const site = await createSqliteSite(t, options);
    await site.execute('PRAGMA journal_mode = WAL');
    return site;
  },
});

const exactTable = `CREATE TABLE exact (
  id INTEGER PRIMARY KEY, n INTEGER, r REAL, t TEXT, b BLOB, any_value, num NUMERIC,
  twice AS (n * 2) VIRTUAL, thrice AS (n * 3) STORED)`;

test('every value survives exactly', async t => {
  const [a, b] = [await createSqliteSite(t), await createSqliteSite(t)];
  await a.execute(exactTable);
  // The same columns in another order.
  await b.execute(
    `CREATE TABLE exact (thrice AS (n * 3) STORED, num NUMERIC, any_value, b BLOB, t TEXT, r REAL, n INTEGER,
      id INTEGER PRIMARY KEY, twice AS (n * 2) VIRTUAL)`,
  );
  await a.execute(`
    INSERT INTO exact(id, n, r, t, b, any_value, num) VALUES
    (1, NULL, NULL, NULL, NULL, NULL, NULL),
    (2, 0, 0.0, '', x'', '', ''),
    (3, 9007199254740993, 0.1, '𝄞 ünï', x'00ff', 9007199254740993, 1e300),
    (4, -9223372036854775808, 9e999, 'a' || char(0) || 'b', x'fffe', 1.0, -9e999),
    (5, 9223372036854775807, 5e-324, CAST(x'41ff42' AS TEXT), CAST('text' AS BLOB), CAST(x'c328' AS TEXT), '007'),
    (6, 'not a number', 'nor this', char(65279) || 'bom', 'text in blob', x'', 'x'),
    (7, 1, 123456789.123456789, char(65533), zeroblob(3), '1', 3.0),
    (-8, 1, 1.7976931348623157e308, 'tab' || char(9), x'62', -0.0, 0.1)`);
  const {outcomes} = await bring(a.database, b.database);
  t.deepEqual(
    outcomes.filter(({outcome}) => outcome !== 'applied'),
    [],
  );
  const columns = ['id', 'n', 'r', 't', 'b', 'any_value', 'num', 'twice', 'thrice'];
  const exact = `SELECT ${columns.map(name => `typeof(${name}), quote(${name}), hex(${name})`).join(', ')} FROM exact ORDER BY id`;
  t.deepEqual(await b.query(exact), await a.query(exact));
  t.deepEqual((await bring(a.database, b.database)).outcomes, []);
  t.deepEqual((await bring(b.database, a.database)).outcomes, []);
});

test('tables of every shape travel as images, in lots, and the versions of SQLite are those of the rows', async t => {
  const [a, b] = [await createSqliteSite(t), await createSqliteSite(t)];
  const wide = Array.from({length: 400}, (_, index) => `c${index}`);
  const schema = `CREATE TABLE loose (k PRIMARY KEY, v);
    CREATE TABLE "odd 'name' \`" (k BLOB, l REAL COLLATE NOCASE, "v'\`""" , twice AS (l * 2), PRIMARY KEY (l, k)) WITHOUT ROWID;
    CREATE TABLE hidden (k TEXT PRIMARY KEY, rowid TEXT, oid TEXT, _rowid_ TEXT);
    CREATE TABLE numbers (id INTEGER PRIMARY KEY, text);
    CREATE TABLE wide (id INTEGER PRIMARY KEY, ${wide.join(', ')})`;
  await b.execute(schema);
  const numbers = (count: number) =>
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;
  await a.execute(`${schema};
    INSERT INTO loose VALUES (1, 'integer'), ('1', 'text'), (x'31', x'00ff'), (1.5, 9007199254740993), ('1.5', -0.0), ('\\x31', 0.1), ('', 9e999), (NULL, 'not to be told from another'), (NULL, 'either'), ('\\t1', 'a' || char(0) || 'b'), (1e100, NULL), ('nul' || char(0), '');
    INSERT INTO loose ${numbers(3000)} SELECT 'k' || i, CASE i WHEN 2500 THEN char(65533) ELSE i END FROM n;
    INSERT INTO loose VALUES (CAST(x'ff' AS TEXT), CAST(x'c328' AS TEXT));
    INSERT INTO "odd 'name' \`" ${numbers(9000)} SELECT CASE i WHEN 4000 THEN 't' ELSE CAST(i AS BLOB) END, i / 100.0, i FROM n;
    INSERT INTO hidden ${numbers(2500)} SELECT 'k' || (i * 7919 % 2500), i, i, i FROM n;
    INSERT INTO numbers ${numbers(20000)} SELECT i * 3, CASE i WHEN 2100 THEN zeroblob(5000000) ELSE 'text ' || i END FROM n;
    INSERT INTO wide(id, c0, c399) VALUES (1, 'first', 'last'), (9223372036854775807, 1, 2)`);
  for (const site of [a, b]) await site.database.scan({});
  const {warnings} = await a.database.scan({verify: true});
  t.deepEqual(
    warnings.filter(warning => !warning.startsWith('2 rows of table loose')),
    [],
  );
  for (const table of ['loose', "odd 'name' `", 'hidden', 'numbers', 'wide']) {
    const format = (await b.database.imageFormat!(table))!;
    const image = (await readImage(a.database, table, format))!;
    const {outcomes} = await commit(b.database, [{op: 'copy-table', table, keyed: true}], {
      images: {[table]: image},
    });
    t.deepEqual(outcomes, [{index: 0, outcome: 'applied', rows: image.rows}]);
    const name = `\`${table.replaceAll('`', '``')}\``;
    const columns = (
      await a.query(`SELECT name FROM pragma_table_xinfo('${table.replaceAll("'", "''")}')`)
    ).map(([column]) => `quote(\`${String(column).replaceAll('`', '``')}\`)`);
    const content = (site: SqliteSite) =>
      site.query(
        `SELECT ${columns.slice(0, 5).join(', ')} FROM ${name} WHERE ${columns[0]} <> 'NULL' ORDER BY 1, 2`,
      );
    t.deepEqual(await content(b), await content(a));
  }
  t.deepEqual((await b.database.scan({verify: true})).warnings, []);
  const versions = (site: SqliteSite) =>
    site.query('SELECT tab, key, hex(digest), vector FROM lockstep_version ORDER BY tab, key');
  t.deepEqual(await versions(b), await versions(a));
});

test('an image that is not of rows of its table is refused, and the table is as it was', async t => {
  const site = await createSqliteSite(t);
  await site.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 'here')");
  await site.database.scan({});
  const format = (await site.database.imageFormat!('t'))!;
  const good = (await readImage(site.database, 't', format))!;
  const before = await site.dump();
  const lies = [
    ...[
      '',
      '["i1"]',
      '["i1","t","t"]',
      '{"id":"i1","v":"t"}',
      '["i1",{"a":1}]',
      '["i1",7]',
      'no JSON',
      '["i1","tx"',
    ],
    ...[
      '["i1","q"]',
      '["i99999999999999999999","t"]',
      '["i1","tother"]',
      '["i1","tx"],["i1","tx"]',
      '["i1","there"]\n["i1","there"]',
    ],
  ];
  for (const line of lies)
    for (const end of ['', '\n']) {
      const image = {...good, pieces: (part: string) => (part === 'rows' ? [Buffer.from(line + end)] : [])};
      const {outcomes} = await commit(site.database, [{op: 'copy-table', table: 't', keyed: true}], {
        images: {t: image},
      });
      t.is(outcomes[0]!.outcome, 'skipped', line);
      t.deepEqual(await site.query('SELECT id, v FROM t'), [[1n, 'here']]);
    }
  t.is((await site.database.scan({verify: true})).warnings.length, 0);
  t.is(triggersOf(await site.dump()), triggersOf(before));
});

test('keys of every kind keep their identity', async t => {
  const [a, b] = [await createSqliteSite(t), await createSqliteSite(t)];
  const schema = `CREATE TABLE loose (k PRIMARY KEY, v);
    CREATE TABLE texts (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
    CREATE TABLE blobs (k BLOB, l REAL, v, PRIMARY KEY (l, k)) WITHOUT ROWID;
    CREATE TABLE nocase (k TEXT PRIMARY KEY COLLATE NOCASE, v);
    CREATE TABLE strange ("a ""b" TEXT, "select" INTEGER, \`c\`\`d\` TEXT, PRIMARY KEY ("select"));
    CREATE TABLE "odd 'name' \`" (id INTEGER PRIMARY KEY, rowid TEXT, oid TEXT, _rowid_ TEXT);
    CREATE TABLE hidden (k TEXT PRIMARY KEY, rowid TEXT, oid TEXT, _rowid_ TEXT)`.replaceAll('\\`', '`');
  await a.execute(schema);
  await b.execute(schema);
  await a.execute(`
    INSERT INTO loose VALUES (1, 'integer'), ('1', 'text'), (x'31', 'blob'), (1.5, 'real'), ('1.5', 'text'), ('\\x31', 'text'), ('', 'empty'), (CAST(x'ff' AS TEXT), 'invalid'), ('\\t1', 'text'), (1e100, 'big'), ('Infinity', 'text'), (9e999, 'infinite');
    INSERT INTO texts VALUES ('1', 1), ('\\x31', 2), (x'31', 3), ('\\', 4), ('𝄞', 5), (CAST(x'80' AS TEXT), 6), ('�', 7);
    INSERT INTO blobs VALUES (x'00', 1, 'a'), (x'', 1, 'b'), ('t', 1.5, 'c');
    INSERT INTO nocase VALUES ('Abc', 1), ('other', 2);
    INSERT INTO strange VALUES ('x', 1, 'y');
    INSERT INTO "odd 'name' \`" VALUES (1, 'a', 'b', 'c');
    INSERT INTO hidden VALUES ('k', 'a', 'b', 'c')`);
  const first = await bring(a.database, b.database);
  t.deepEqual(
    first.outcomes.filter(({outcome}) => outcome !== 'applied'),
    [],
  );
  await a.execute(`UPDATE loose SET v = v || '!'; UPDATE texts SET v = v + 1; UPDATE blobs SET v = 'z'; UPDATE nocase SET k = 'ABC' WHERE k = 'abc';
    UPDATE hidden SET oid = 'new'; DELETE FROM loose WHERE typeof(k) = 'blob'`);
  const second = await bring(a.database, b.database);
  t.deepEqual(
    second.outcomes.filter(({outcome}) => outcome !== 'applied'),
    [],
  );
  t.is(second.outcomes.length, 12 + 7 + 3 + 2 + 1);
  for (const table of ['loose', 'texts', 'blobs', 'nocase', 'strange', 'hidden']) {
    const all = async (site: SqliteSite) =>
      (await site.query(`SELECT * FROM ${table}`))
        .map(values =>
          JSON.stringify(values, (_, value) => (typeof value === 'bigint' ? `${value}n` : value)),
        )
        .sort();
    t.deepEqual(await all(b), await all(a));
  }
});

test('rows that REPLACE pushes out are noticed, by constraint and by index', async t => {
  const site = await createSqliteSite(t);
  await site.execute(`CREATE TABLE options (id INTEGER PRIMARY KEY, name TEXT UNIQUE, value);
    CREATE TABLE settings (id INTEGER PRIMARY KEY, name TEXT, value); CREATE UNIQUE INDEX by_name ON settings (name);
    INSERT INTO options VALUES (1, 'a', 1), (2, 'b', 2); INSERT INTO settings VALUES (1, 'a', 1), (2, 'b', 2)`);
  await site.database.scan({});
  await site.execute(
    "REPLACE INTO options(name, value) VALUES ('a', 9); UPDATE OR REPLACE options SET name = 'a' WHERE id = 2; REPLACE INTO settings(name, value) VALUES ('a', 9)",
  );
  await site.database.scan({});
  const found = [...(await records(site.database))].map(([id, record]) => [id, record.deleted]);
  t.deepEqual(found, [
    ['options:1', true],
    ['options:2', false],
    ['settings:1', true],
    ['settings:2', false],
    ['settings:3', false],
  ]);
  t.is(await site.database.count(), 3);
  // The site's migrations are not in the way of our triggers.
  await t.notThrowsAsync(site.execute('DROP INDEX by_name; ALTER TABLE settings DROP COLUMN name'));
});

test('a drain looks at nothing but what was logged', async t => {
  const site = await createSqliteSite(t);
  await site.execute(`CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT);
    INSERT INTO pages WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) SELECT i, 'p' || i FROM n`);
  await site.database.scan({});
  const position = await site.database.position();
  // Rows that are changed behind the triggers' back stay unseen: nobody read them.
  await site.execute(
    "INSERT INTO lockstep_control VALUES ('test'); UPDATE pages SET title = 'unseen'; DELETE FROM lockstep_control; UPDATE pages SET title = 'seen' WHERE id % 100 = 0",
  );
  await site.database.scan({});
  const {seq} = await site.database.position();
  t.is(seq - position.seq, 100);
});

test('triggers that are missing or altered are made again and the table compared', async t => {
  const site = await createSqliteSite(t);
  await site.execute(
    "CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO pages VALUES (1, 'a'), (2, 'b'), (3, 'c')",
  );
  const {replica} = await site.database.scan({});
  await site.execute(
    "DROP TRIGGER lockstep_1_update; UPDATE pages SET title = 'A' WHERE id = 1; DROP TRIGGER lockstep_1_delete; DELETE FROM pages WHERE id = 3",
  );
  const scan = await site.database.scan({});
  t.regex(scan.warnings.join(), /triggers of table pages/);
  const found = [...(await records(site.database)).values()];
  t.deepEqual(
    found.map(({vector, deleted}) => [vector, deleted]),
    [
      [`${replica}:2`, false],
      [`${replica}:1`, false],
      [`${replica}:2`, true],
    ],
  );
  await site.execute("UPDATE pages SET title = 'again' WHERE id = 2");
  const again = await site.database.scan({});
  t.deepEqual(again.warnings, []);
  t.is((await records(site.database)).get('pages:2')!.vector, `${replica}:2`);
});

test('a table that was rebuilt keeps the versions of unchanged rows', async t => {
  const site = await createSqliteSite(t);
  await site.execute(
    "CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO pages VALUES (1, 'a'), (2, 'b')",
  );
  const {replica} = await site.database.scan({});
  await site.execute(`BEGIN; CREATE TABLE fresh (title TEXT NOT NULL, id INTEGER PRIMARY KEY);
    INSERT INTO fresh SELECT upper(title), id FROM pages WHERE id = 1; INSERT INTO fresh SELECT title, id FROM pages WHERE id = 2;
    DROP TABLE pages; ALTER TABLE fresh RENAME TO pages; COMMIT`);
  await site.database.scan({});
  t.deepEqual(
    [...(await records(site.database)).values()].map(({vector}) => vector),
    [`${replica}:2`, `${replica}:1`],
  );
});

test('a database restored from a backup goes on as a new replica with its old versions', async t => {
  const site = await createSqliteSite(t);
  await site.execute(
    "CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO pages VALUES (1, 'a')",
  );
  const first = await site.database.scan({});
  const backup = join(site.folder, 'backup.db');
  await copyFile(site.path, backup);
  await site.execute("UPDATE pages SET title = 'b'");
  await site.database.scan({});
  // Into its place while the agent runs.
  await rename(backup, site.path);
  const restored = await site.database.scan({});
  t.not(restored.replica, first.replica);
  t.not(restored.epoch, first.epoch);
  t.is(restored.lineage, first.lineage);
  t.regex(restored.warnings.join(), /restored/);
  t.is((await records(site.database)).get('pages:1')!.vector, `${first.replica}:1`);
  t.is((await site.database.scan({})).replica, restored.replica);
});

test('what the agent remembers decides whether a database is the same or a copy', async t => {
  const site = await createSqliteSite(t);
  await site.execute('CREATE TABLE pages (id INTEGER PRIMARY KEY); INSERT INTO pages VALUES (1)');
  const first = await site.database.scan({});
  const reopen = async (lastKnown: DatabaseMemory | undefined) => {
    const database = await openSiteDatabase(`sqlite:${site.path}`, {exclude: [], lastKnown});
    t.teardown(() => database.close());
    return await database.scan({});
  };
  t.is((await reopen(site.memory())).replica, first.replica);
  const copy = await reopen({replica: 'another0another0', epoch: 'e', seq: 1});
  t.not(copy.replica, first.replica);
  t.is(copy.lineage, first.lineage);
});

test('the site’s own triggers do not fire for what is applied, and are the same afterwards', async t => {
  const [a, b] = [await createSqliteSite(t), await createSqliteSite(t)];
  const schema = `CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT, stamp TEXT);
    CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT);
    CREATE TRIGGER stamped AFTER UPDATE ON pages BEGIN UPDATE pages SET stamp = 'site' WHERE id = NEW.id; END;
    CREATE TRIGGER "audited it" AFTER INSERT ON pages BEGIN INSERT INTO audit(what) VALUES ('inserted "' || NEW.title || '"'); END`;
  for (const site of [a, b]) await site.execute(schema);
  await a.execute("INSERT INTO pages VALUES (1, 'x', 'mine')");
  await b.database.scan({});
  const triggers = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name";
  const before = await b.query(triggers);
  await bring(a.database, b.database);
  t.deepEqual(await b.query('SELECT * FROM pages'), [[1n, 'x', 'mine']]);
  t.is((await b.query('SELECT * FROM audit')).length, 1);
  t.deepEqual(await b.query(triggers), before);
  await b.execute("UPDATE pages SET title = 'y'");
  t.deepEqual(await b.query('SELECT stamp FROM pages'), [['site']]);
  await b.execute("INSERT INTO audit(what) VALUES ('next')");
  t.deepEqual(await b.query('SELECT max(id) FROM audit'), [[2n]]);
});

test('a locked database refuses a commit after the time limit and stays as it was', async t => {
  const [a, b] = [await createSqliteSite(t), await createSqliteSite(t, {lockTimeoutMs: 100})];
  for (const site of [a, b]) await site.execute('CREATE TABLE pages (id INTEGER PRIMARY KEY)');
  await a.execute('INSERT INTO pages VALUES (1)');
  await a.database.scan({});
  await b.database.scan({});
  const record = (await records(a.database)).get('pages:1') as RowRecord;
  const rows = await stagedRows(a.database, [row('pages', '1')]);
  const before = await b.dump();
  await b.execute('BEGIN IMMEDIATE');
  const error = await t.throwsAsync(
    commit(b.database, [{op: 'put', record, expect: {state: 'absent'}}], {rows}),
  );
  t.is((error as Error & {code?: string}).code, 'DATABASE_LOCKED');
  await b.execute('ROLLBACK');
  t.is(await b.dump(), before);
  const {outcomes} = await commit(b.database, [{op: 'put', record, expect: {state: 'absent'}}], {rows});
  t.is(outcomes[0]!.outcome, 'applied');
});

test('a commit waits for a transaction of the site and sees what it did', async t => {
  const site = await createSqliteSite(t);
  await site.execute(
    "CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO pages VALUES (1, 'a')",
  );
  await site.database.scan({});
  const record = (await records(site.database)).get('pages:1')!;
  await site.execute("BEGIN IMMEDIATE; UPDATE pages SET title = 'site'");
  const committing = commit(site.database, [
    {op: 'delete', item: row('pages', '1'), expect: expectation(record), vector: 'zz:1'},
  ]);
  await site.execute('COMMIT');
  t.is((await committing).outcomes[0]!.conflict, 'delete_recently_updated');
});

test('a transaction that was open during a scan is in the next one', async t => {
  const site = await createSqliteSite(t, {lockTimeoutMs: 5000});
  await site.execute(
    "PRAGMA journal_mode = WAL; CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO pages VALUES (1, 'a'), (2, 'b')",
  );
  await site.database.scan({});
  await site.execute("BEGIN IMMEDIATE; UPDATE pages SET title = 'late' WHERE id = 1");
  const scanning = site.database.scan({});
  await site.execute('COMMIT');
  await scanning;
  const after = await site.database.scan({});
  t.is((await records(site.database)).get('pages:1')!.vector, `${after.replica}:2`);
});

test('views, virtual tables and what those are made of are left out', async t => {
  const site = await createSqliteSite(t);
  await site.execute(`CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT); CREATE VIEW titles AS SELECT title FROM pages;
    CREATE VIRTUAL TABLE search USING fts5(title); INSERT INTO search VALUES ('x'); INSERT INTO pages VALUES (1, 'a')`);
  const {tables} = await site.database.scan({});
  t.deepEqual(
    tables.map(({table}) => table),
    ['pages'],
  );
});

test('a row whose key holds a NULL is left out with a warning', async t => {
  const site = await createSqliteSite(t);
  await site.execute(
    "CREATE TABLE loose (k TEXT PRIMARY KEY, v); INSERT INTO loose VALUES (NULL, 1), ('a', 2)",
  );
  const scan = await site.database.scan({});
  t.regex(scan.warnings.join(), /1 row of table loose/);
  await site.execute('INSERT INTO loose VALUES (NULL, 3); DELETE FROM loose WHERE v = 1');
  await site.database.scan({});
  t.deepEqual([...(await records(site.database)).keys()], ['loose:a']);
});

test('a value that a column would store otherwise is skipped and nothing is left of it', async t => {
  const [a, b] = [await createSqliteSite(t), await createSqliteSite(t)];
  await a.execute(
    "CREATE TABLE pages (id INTEGER PRIMARY KEY, v); INSERT INTO pages VALUES (1, '12'), (2, 'text')",
  );
  await b.execute('CREATE TABLE pages (id INTEGER PRIMARY KEY, v INTEGER)');
  const {outcomes} = await bring(a.database, b.database);
  t.regex(outcomes[0]!.error!, /pages\.v would store another value/);
  t.is(outcomes[1]!.outcome, 'applied');
  t.deepEqual(await b.query('SELECT * FROM pages'), [[2n, 'text']]);
});

test('a conflict clause of the table does not delete a row in the way', async t => {
  const [a, b] = [await createSqliteSite(t), await createSqliteSite(t)];
  for (const site of [a, b])
    await site.execute(
      'CREATE TABLE pages (id INTEGER PRIMARY KEY ON CONFLICT REPLACE, slug TEXT UNIQUE ON CONFLICT REPLACE)',
    );
  await a.execute("INSERT INTO pages VALUES (1, 'same')");
  await b.execute("INSERT INTO pages VALUES (2, 'same')");
  t.is((await bring(a.database, b.database)).outcomes[0]!.outcome, 'skipped');
  t.deepEqual(await b.query('SELECT id FROM pages'), [[2n]]);
});

test('a file that is missing or no database is unavailable', async t => {
  const missing = await openSiteDatabase('sqlite:/nowhere/at-all.db', {exclude: []});
  t.is(((await t.throwsAsync(missing.scan({}))) as Error & {code?: string}).code, 'DATABASE_UNAVAILABLE');
  const other = await openSiteDatabase(`sqlite:${import.meta.filename}`, {exclude: []});
  t.teardown(() => other.close());
  t.is(((await t.throwsAsync(other.scan({}))) as Error & {code?: string}).code, 'DATABASE_UNAVAILABLE');
});

test('closing takes an unfinished commit back', async t => {
  const site = await createSqliteSite(t);
  await site.execute('CREATE TABLE pages (id INTEGER PRIMARY KEY); INSERT INTO pages VALUES (1)');
  await site.database.scan({});
  const record = (await records(site.database)).get('pages:1')!;
  const participant = site.database.beginCommit({
    runId: '20261121-000000-closed',
    step: 'main',
    operations: (async function* () {
      yield {
        index: 0,
        operation: {
          op: 'delete' as const,
          item: row('pages', '1'),
          expect: expectation(record),
          vector: 'z:1',
        },
      };
    })(),
    tables: new Set(['pages']),
    stagedRow: async () => undefined,
    async *stagedTable() {},
    async history() {},
  });
  await participant.prepare({strict: true});
  await site.database.close();
  t.deepEqual(await site.query('SELECT id FROM pages'), [[1n]]);
});

test('a table is read whole while the site goes on writing', async t => {
  const site = await createSqliteSite(t);
  await site.execute(`CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT);
    INSERT INTO pages WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT i, 'p' || i FROM n`);
  await site.database.scan({});
  let rows = 0;
  for await (const _ of site.database.readTable('pages')) {
    rows++;
    if (rows === 10) await site.execute("UPDATE pages SET title = 'x' WHERE id = 3000");
  }
  t.is(rows, 3000);
  t.is((await readTable(site.database, 'pages')).length, 3000);
});

test('a database that stores UTF-16 exchanges text with one that stores UTF-8', async t => {
  const [a, b] = [await createSqliteSite(t), await createSqliteSite(t)];
  await a.execute("PRAGMA encoding = 'UTF-16le'");
  for (const site of [a, b]) await site.execute('CREATE TABLE texts (k TEXT PRIMARY KEY, v) WITHOUT ROWID');
  await a.execute("INSERT INTO texts VALUES ('ü𝄞', 'ünï 𝄞'), ('k', '�')");
  t.true((await bring(a.database, b.database)).outcomes.every(({outcome}) => outcome === 'applied'));
  await b.execute("UPDATE texts SET v = v || '!'");
  t.true((await bring(b.database, a.database)).outcomes.every(({outcome}) => outcome === 'applied'));
  t.deepEqual(
    await a.query('SELECT * FROM texts ORDER BY v'),
    await b.query('SELECT * FROM texts ORDER BY v'),
  );
});

test('a generated column that is unique does not disturb the site', async t => {
  const site = await createSqliteSite(t);
  await site.execute(`CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT, slug TEXT AS (lower(title)) UNIQUE, code TEXT UNIQUE);
    INSERT INTO pages(id, title, code) VALUES (1, 'A', 'x')`);
  await site.database.scan({});
  await site.execute(
    "INSERT INTO pages(id, title, code) VALUES (2, 'B', 'y'); UPDATE pages SET title = 'C' WHERE id = 1; REPLACE INTO pages(id, title, code) VALUES (3, 'D', 'y')",
  );
  await site.database.scan({});
  t.deepEqual(
    [...(await records(site.database))].map(([id, {deleted}]) => [id, deleted]),
    [
      ['pages:1', false],
      ['pages:3', false],
    ],
  );
});

function triggersOf(dump: string): number {
  return dump.split('CREATE TRIGGER').length;
}
