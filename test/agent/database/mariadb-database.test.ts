import {setTimeout} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import type {SiteDatabaseOptions} from '../../../source/agent/database/database-options.js';
import {openSiteDatabase} from '../../../source/agent/database/open-site-database.js';
import type {RowRecord} from '../../../source/core/item.js';
import {OperatorError} from '../../../source/core/operator-error.js';
import {hasServer, takeTurn} from '../../helpers/database-server.js';
import {databaseContract} from './contract.js';
import {createMariadbSite, type MariadbSite} from './mariadb-site.js';
import {bring, commit, expectation, readTable, records, row, stagedRows} from './test-site.js';

const escaping = "UPDATE pages SET title = 'changed' WHERE id = 1; DELETE FROM pages WHERE id = 2";

const isServed = await hasServer('mysql');
if (isServed)
  databaseContract({
    name: 'mariadb',
    idTable: 'CREATE TABLE notes (id BIGINT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(100))',
    turn: takeTurn,
    fullDisk: `CREATE TRIGGER full_disk BEFORE INSERT ON pages FOR EACH ROW BEGIN
      IF NEW.title = 'too much' THEN SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1021, MESSAGE_TEXT = 'Disk full'; END IF; END`,
    concurrent: true,
    escapes: [
      {
        title: 'TRUNCATE',
        noticed: 'by every scan',
        change: site =>
          site.execute("TRUNCATE pages; INSERT INTO pages VALUES (1, 'changed', 'a'), (3, 'c', 'c')"),
      },
      {
        title: 'a trigger that was dropped',
        noticed: 'by every scan',
        change: site =>
          site.execute(`DROP TRIGGER lockstep_1_update; DROP TRIGGER lockstep_1_delete; ${escaping}`),
      },
      {
        title: 'a trigger that was altered',
        noticed: 'by every scan',
        change: site =>
          site.execute(
            `CREATE OR REPLACE TRIGGER lockstep_1_update AFTER UPDATE ON pages FOR EACH ROW SET @x = 1; DROP TRIGGER lockstep_1_delete; ${escaping}`,
          ),
      },
      {
        title: 'a log that was dropped',
        noticed: 'by every scan',
        change: site => site.execute(`DROP TABLE lockstep_log; ${escaping}`),
      },
      {
        title: 'writes of a session that silences the triggers',
        noticed: 'by a scan that verifies',
        change: site => site.execute(`SET @lockstep_off = 1; ${escaping}; SET @lockstep_off = NULL`),
      },
    ],
    create: createMariadbSite,
  });

const rule = (title: string, body: (t: ExecutionContext) => Promise<void>) =>
  (isServed ? test : test.skip)(`mariadb: ${title}`, async t => {
    await takeTurn(t);
    await body(t);
  });

async function two(
  t: ExecutionContext,
  schema: string,
  options: Partial<SiteDatabaseOptions> = {},
): Promise<[MariadbSite, MariadbSite]> {
  const sites = await Promise.all([createMariadbSite(t, options), createMariadbSite(t, options)]);
  for (const site of sites) await site.execute(schema);
  return sites as [MariadbSite, MariadbSite];
}

/** Brings everything and expects that nothing is in the way. */
async function bringAll(t: ExecutionContext, from: MariadbSite, to: MariadbSite): Promise<number> {
  const {outcomes} = await bring(from.database, to.database);
  t.deepEqual(
    outcomes.filter(({outcome}) => outcome !== 'applied'),
    [],
  );
  return outcomes.length;
}

const refused = async (t: ExecutionContext, promise: Promise<unknown>): Promise<OperatorError> =>
  (await t.throwsAsync(promise, {instanceOf: OperatorError}))!;

const codeOf = async (t: ExecutionContext, promise: Promise<unknown>) => (await refused(t, promise)).code;

const found = async (site: MariadbSite) =>
  [...(await records(site.database))].map(([id, {deleted}]) => `${deleted ? '-' : '+'}${id}`);

const exactColumns = `id INT PRIMARY KEY, tiny TINYINT, big BIGINT, ubig BIGINT UNSIGNED, zero INT(6) ZEROFILL, years YEAR,
  dec1 DECIMAL(65,30), dec2 DECIMAL(10,2), f FLOAT, d DOUBLE, fixed DOUBLE(20,3), bits BIT(64), flag BIT(1),
  c CHAR(10), v VARCHAR(100), latin VARCHAR(50) CHARACTER SET latin1, bin BINARY(4), vbin VARBINARY(20), b LONGBLOB, txt LONGTEXT,
  j JSON, e ENUM('a', 'B', 'ü,'), s SET('x', 'y', 'z'), day DATE, t TIME(6), dt DATETIME(6), dt0 DATETIME, ts TIMESTAMP(6) NULL, ts0 TIMESTAMP NULL,
  place POINT, \`select\` VARCHAR(10), twice INT AS (id * 2) VIRTUAL, thrice INT AS (id * 3) STORED`;

rule('every value survives exactly', async t => {
  const [a, b] = [await createMariadbSite(t), await createMariadbSite(t)];
  await a.execute(`CREATE TABLE exact (${exactColumns})`);
  // The same columns in another order.
  await b.execute(
    `CREATE TABLE exact (${exactColumns
      .split(/,(?![^(]*\))/)
      .reverse()
      .join(',')})`,
  );
  await a.execute(`SET time_zone = '+05:30', sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'`);
  await a.execute(`INSERT INTO exact (id) VALUES (0);
    INSERT INTO exact VALUES (1, -128, -9223372036854775808, 18446744073709551615, 42, 1901,
      12345678901234567890123456789012345.123456789012345678901234567890, -0.10, 0.1, 0.1, 0.125, 0xffffffffffffffff, 1,
      'pad ', '', 'Ünïcöde €', 'ab', x'00ff5c27', x'00ff', '𝄞 line\\n''quoted\\\\ \\0 nul', '{"big": 9007199254740993, "a":  1}', 'ü,', 'x,z', '2026-02-31', '-838:59:58.000001',
      '2026-11-21 23:59:59.999999', '0000-00-00 00:00:00', '2026-11-21 01:02:03.000004', '0000-00-00 00:00:00', ST_GeomFromText('POINT(1.5 -2.25)', 4326), '$1 :name ?', DEFAULT, DEFAULT);
    INSERT INTO exact (id, big, ubig, f, d, dec1, v, b, txt, dt, s, e, years, day) VALUES
      (2, 9007199254740993, 9223372036854775808, 3.4028234e38, 1.7976931348623157e308, -1e-30, 'a', x'', '', '9999-12-31 23:59:59.123456', '', NULL, 0, '0000-00-00'),
      (3, 9223372036854775807, 0, 16777217, 5e-324, 0, ' lead', x'27', '\uFEFFbom \uFFFD', '1000-01-01 00:00:00', 'y', 'B', 2155, '2026-00-10'),
      (-4, 1, 1, 1.17549435e-38, 123456789.123456789, 1, 'tab\\t', x'5c', '%_', NULL, NULL, 'a', 1970, NULL)`);
  await bringAll(t, a, b);
  await a.execute("SET time_zone = '+00:00'");
  const all =
    'SELECT *, HEX(txt), HEX(b), f * 1e0, bits + 0, HEX(latin), ST_AsText(place), ST_SRID(place) FROM exact ORDER BY id';
  const columns = (
    await a.query(
      "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'exact' ORDER BY 1",
    )
  )
    .map(([name]) => `\`${name}\``)
    .join(', ');
  const exactly = all.replace('*', columns);
  t.deepEqual(await b.query(exactly), await a.query(exactly));
  t.deepEqual((await bring(a.database, b.database)).outcomes, []);
  t.deepEqual((await bring(b.database, a.database)).outcomes, []);
  const [wire] = await a.database.readRows([row('exact', '1')]);
  t.like(wire!.row, {
    big: 'i-9223372036854775808',
    ubig: 't18446744073709551615',
    f: 'r0.10000000149011612',
    zero: 'i42',
    bits: 't18446744073709551615',
    ts: 't2026-11-20 19:32:03.000004',
    dt0: 't0000-00-00 00:00:00',
    v: 't',
    j: 't{"big": 9007199254740993, "a":  1}',
  });
  t.false(Object.hasOwn(wire!.row, 'twice'));
  // The same through a copy of the whole table.
  await commit(b.database, [{op: 'copy-table', table: 'exact', keyed: true}], {
    tables: {exact: await readTable(a.database, 'exact')},
  });
  t.deepEqual(await b.query(exactly), await a.query(exactly));
});

rule('keys of every kind keep their identity', async t => {
  const [a, b] = await two(
    t,
    `CREATE TABLE ci (k VARCHAR(20) PRIMARY KEY, v INT); CREATE TABLE cs (k VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, v INT);
     CREATE TABLE bins (k VARBINARY(20), f BINARY(3), v INT, PRIMARY KEY (f, k)); CREATE TABLE moments (k TIMESTAMP(3) PRIMARY KEY, v INT);
     CREATE TABLE days (k DATETIME(6), d DATE, v INT, PRIMARY KEY (k, d)); CREATE TABLE reals (k DOUBLE, f FLOAT, v INT, PRIMARY KEY (k, f));
     CREATE TABLE wide (k BIGINT UNSIGNED, d DECIMAL(30,10), e ENUM('z', 'a'), b BIT(8), y YEAR, v INT, PRIMARY KEY (k, d, e, b, y));
     CREATE TABLE latin (k VARCHAR(20) CHARACTER SET latin1 PRIMARY KEY, v INT); CREATE TABLE \`odd \`\`name'\` (\`a"b\` INT PRIMARY KEY, v INT);
     CREATE TABLE nine (a INT, b INT, c INT, d INT, e INT, f INT, g INT, h INT, i INT, v INT, PRIMARY KEY (a, b, c, d, e, f, g, h, i))`,
  );
  const session = await a.connect();
  await session.execute(
    `SET time_zone = 'SYSTEM', sql_mode = ''; SET NAMES latin1; SET time_zone = '+03:00'`,
  );
  await session.execute(`INSERT INTO ci VALUES ('Abc', 1), ('other', 2); INSERT INTO cs VALUES ('abc', 1), ('ABC', 2), ('\\\\x41', 3), ('', 4);
    INSERT INTO bins VALUES (x'00ff', 'ab', 1), (x'', 'abc', 2), ('A', 'a', 3), ('a', 'a', 4);
    INSERT INTO moments VALUES ('2026-11-21 03:00:00.123', 1), ('2026-11-21 03:00:00.5', 2), ('0000-00-00 00:00:00', 3);
    INSERT INTO days VALUES ('2026-11-21 03:00:00.123456', '2026-01-01', 1), ('0000-00-00 00:00:00', '0000-00-00', 2);
    INSERT INTO reals VALUES (0.1, 0.1, 1), (1e300, 1, 2), (0, 3.4028234e38, 3);
    INSERT INTO wide VALUES (18446744073709551615, 1.5, 'z', 5, 2026, 1), (1, -0.0000000001, 'a', 255, 0, 2);
    INSERT INTO latin VALUES (x'fc80', 1), ('e', 2); INSERT INTO \`odd \`\`name'\` VALUES (1, 1);
    INSERT INTO nine VALUES (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)`);
  const tables = ['ci', 'cs', 'bins', 'moments', 'days', 'reals', 'wide', 'latin', "`odd ``name'`", 'nine'];
  const equal = async () => {
    for (const table of tables)
      t.deepEqual(await b.query(`SELECT * FROM ${table}`), await a.query(`SELECT * FROM ${table}`), table);
  };
  t.is(await bringAll(t, a, b), 2 + 4 + 4 + 3 + 2 + 3 + 2 + 2 + 1 + 1);
  await equal();
  for (const table of tables) await session.execute(`UPDATE ${table} SET v = v + 10`);
  await session.execute(
    "UPDATE ci SET k = 'ABC' WHERE k = 'abc'; DELETE FROM bins WHERE v = 14; UPDATE moments SET k = '2027-01-01 00:00:00' WHERE v = 11; UPDATE reals SET f = 0.2 WHERE v = 11; UPDATE cs SET k = 'aBc' WHERE v = 11",
  );
  // Four changed keys are a deletion and an addition each.
  t.is(await bringAll(t, a, b), 24 + 4);
  await equal();
  t.deepEqual((await bring(b.database, a.database)).outcomes, []);
});

rule('what foreign keys do by themselves is noticed, by following the keys through all levels', async t => {
  const [a, b] = await two(
    t,
    `CREATE TABLE a_sites (id INT PRIMARY KEY, code VARCHAR(10) UNIQUE);
     CREATE TABLE folders (id INT PRIMARY KEY, site INT, up INT, FOREIGN KEY (site) REFERENCES a_sites (id) ON DELETE CASCADE,
       FOREIGN KEY (up) REFERENCES folders (id) ON DELETE CASCADE);
     CREATE TABLE pages (folder INT, n INT, t VARCHAR(10), PRIMARY KEY (folder, n), FOREIGN KEY (folder) REFERENCES folders (id) ON DELETE CASCADE ON UPDATE CASCADE);
     CREATE TABLE notes (id INT PRIMARY KEY, folder INT, code VARCHAR(10), FOREIGN KEY (folder) REFERENCES folders (id) ON DELETE SET NULL ON UPDATE CASCADE,
       FOREIGN KEY (code) REFERENCES a_sites (code) ON UPDATE CASCADE ON DELETE SET NULL);
     CREATE TABLE hidden_links (id INT PRIMARY KEY, folder INT, FOREIGN KEY (folder) REFERENCES folders (id) ON DELETE CASCADE);
     CREATE TABLE below (id INT PRIMARY KEY, link INT, FOREIGN KEY (link) REFERENCES hidden_links (id) ON DELETE CASCADE)`,
    {exclude: ['hidden_*']},
  );
  for (const site of [a, b])
    await site.execute(
      'INSERT INTO a_sites VALUES (1, "x"), (2, "y"); INSERT INTO folders VALUES (1, 1, NULL), (2, NULL, 1), (3, NULL, 2), (4, 2, NULL), (5, NULL, 3); INSERT INTO pages VALUES (3, 1, "p"), (3, 2, "q"), (4, 1, "r"); INSERT INTO notes VALUES (1, 3, "y"), (2, 4, "x"); INSERT INTO hidden_links VALUES (1, 5); INSERT INTO below VALUES (1, 1), (2, NULL)',
    );
  await bring(a.database, b.database);
  const position = await a.database.position();
  await a.execute(
    'DELETE FROM a_sites WHERE id = 1; INSERT INTO folders VALUES (9, 2, NULL); UPDATE a_sites SET code = "z" WHERE id = 2',
  );
  await a.execute('UPDATE folders SET id = 40 WHERE id = 4');
  await a.database.scan({});
  t.deepEqual(await found(a), [
    '-a_sites:1',
    '+a_sites:2',
    '-below:1',
    '+below:2',
    '-folders:1',
    '-folders:2',
    '-folders:3',
    '-folders:4',
    '+folders:40',
    '-folders:5',
    '+folders:9',
    '+notes:1',
    '+notes:2',
    '-pages:3|1',
    '-pages:3|2',
    '-pages:4|1',
    '+pages:40|1',
  ]);
  const {seq} = await a.database.position();
  // Each once, and nothing besides: below:2 and, without its folder, notes:2 …
  t.is(seq - position.seq, 16);
  await b.execute('SET foreign_key_checks = 0; DELETE FROM hidden_links; SET foreign_key_checks = 1');
  await bringAll(t, a, b);
  for (const table of ['a_sites', 'folders', 'pages', 'notes', 'below'])
    t.deepEqual(await b.query(`SELECT * FROM ${table}`), await a.query(`SELECT * FROM ${table}`));
  // The site's migrations are not in the way of our triggers, nor they in its way.
  await a.execute(
    'DROP TABLE notes; ALTER TABLE pages DROP FOREIGN KEY pages_ibfk_1; ALTER TABLE pages RENAME COLUMN t TO u; DROP TABLE below; DROP TABLE hidden_links; DELETE FROM folders WHERE id = 9; DROP TABLE lockstep_log; DELETE FROM folders WHERE id = 40',
  );
  await a.database.scan({});
  t.true((await found(a)).includes('-folders:40'));
});

rule('a table that was emptied by TRUNCATE is noticed, without and with new rows', async t => {
  const site = await createMariadbSite(t);
  await site.execute(
    `CREATE TABLE pages (id INT AUTO_INCREMENT PRIMARY KEY, t VARCHAR(10)); CREATE TABLE words (id INT AUTO_INCREMENT PRIMARY KEY, t VARCHAR(10));
     CREATE TABLE flat (id INT PRIMARY KEY) ENGINE=MyISAM; CREATE TABLE keyless (n INT);
     INSERT INTO pages (t) VALUES ('a'), ('b'), ('c'); INSERT INTO words (t) VALUES ('a'), ('b'), ('c'); INSERT INTO flat VALUES (1), (2); INSERT INTO keyless VALUES (1)`,
  );
  await site.database.scan({});
  const before = (await records(site.database)).get('keyless')!;
  await site.execute(
    "TRUNCATE pages; TRUNCATE words; INSERT INTO words (t) VALUES ('a'), ('new'); TRUNCATE flat; TRUNCATE keyless",
  );
  await site.database.scan({});
  t.deepEqual(
    (await found(site)).filter(id => !id.includes('keyless')),
    ['-flat:1', '-flat:2', '-pages:1', '-pages:2', '-pages:3', '+words:1', '+words:2', '-words:3'],
  );
  t.not((await records(site.database)).get('keyless')!.digest, before.digest);
});

rule('a drain looks at nothing but what was logged', async t => {
  const site = await createMariadbSite(t);
  await site.execute(
    "CREATE TABLE pages (id INT PRIMARY KEY, t VARCHAR(10)); INSERT INTO pages SELECT seq, CONCAT('p', seq) FROM seq_1_to_5000",
  );
  await site.database.scan({});
  const position = await site.database.position();
  await site.execute(
    "SET @lockstep_off = 1; UPDATE pages SET t = 'unseen'; SET @lockstep_off = NULL; UPDATE pages SET t = 'seen' WHERE id % 100 = 0",
  );
  await site.database.scan({});
  t.is((await site.database.position()).seq - position.seq, 50);
  // Comparing every row finds the others.
  const {warnings} = await site.database.scan({verify: true});
  t.regex(warnings.join(), /Verify: 4950 changes of table pages/);
  t.is((await site.database.position()).seq - position.seq, 5000);
  t.deepEqual((await site.database.scan({verify: true})).warnings, []);
});

rule('REPLACE, INSERT … ON DUPLICATE KEY and a rebuilt table are seen row by row', async t => {
  const site = await createMariadbSite(t);
  await site.execute(`CREATE TABLE options (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(10) UNIQUE, v INT);
    INSERT INTO options VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)`);
  const {replica} = await site.database.scan({});
  await site.execute(
    "REPLACE INTO options (name, v) VALUES ('a', 9); INSERT INTO options VALUES (2, 'b', 0) ON DUPLICATE KEY UPDATE v = 5; ALTER TABLE options ENGINE = InnoDB",
  );
  await site.database.scan({});
  t.deepEqual(
    [...(await records(site.database))].map(([id, {deleted, vector}]) => [id, deleted, vector]),
    [
      ['options:1', true, `${replica}:2`],
      ['options:2', false, `${replica}:2`],
      ['options:3', false, `${replica}:1`],
      ['options:4', false, `${replica}:1`],
    ],
  );
});

rule('a database that the site keeps locked is a clear outcome, and stays as it was', async t => {
  const [a, b] = await two(
    t,
    "CREATE TABLE pages (id INT PRIMARY KEY, t VARCHAR(10)); INSERT INTO pages VALUES (1, 'a'), (2, 'b')",
    {
      lockTimeoutMs: 1000,
    },
  );
  await a.database.scan({});
  await b.database.scan({});
  await a.execute("UPDATE pages SET t = 'A'");
  const before = await b.dump();
  const site = await b.connect();
  await site.execute('START TRANSACTION; SELECT * FROM pages WHERE id = 2 FOR UPDATE');
  t.is(await codeOf(t, bring(a.database, b.database)), 'DATABASE_LOCKED');
  await site.execute('ROLLBACK');
  t.is(await b.dump(), before);
  // New triggers have to wait as well.
  await site.execute(
    'CREATE TABLE fresh (id INT PRIMARY KEY); START TRANSACTION; INSERT INTO fresh VALUES (1)',
  );
  t.is(await codeOf(t, b.database.scan({})), 'DATABASE_LOCKED');
  await site.execute('COMMIT');
  await bringAll(t, a, b);
  await site.execute('LOCK TABLES pages WRITE');
  await a.execute("UPDATE pages SET t = 'B'");
  t.is(await codeOf(t, bring(a.database, b.database)), 'DATABASE_LOCKED');
});

rule('a child that the site adds while its parent is being deleted keeps it', async t => {
  const [a, b] = await two(
    t,
    'CREATE TABLE a_parents (id INT PRIMARY KEY); CREATE TABLE kids (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES a_parents (id)); INSERT INTO a_parents VALUES (1), (2)',
  );
  await bring(a.database, b.database);
  await a.execute('DELETE FROM a_parents WHERE id = 1; INSERT INTO kids VALUES (5, 2)');
  const site = await b.connect();
  // One child of a parent that is about to go, and one parent away from under a child that is about to come.
  await site.execute('START TRANSACTION; INSERT INTO kids VALUES (7, 1); DELETE FROM a_parents WHERE id = 2');
  const bringing = bring(a.database, b.database);
  const waiting = `SELECT 1 FROM information_schema.INNODB_TRX AS t JOIN information_schema.PROCESSLIST AS p
    ON p.ID = t.trx_mysql_thread_id WHERE t.trx_state = 'LOCK WAIT' AND p.DB = DATABASE()`;
  // The server answers anew only when it was not asked for a tenth of a second.
  while ((await b.query(waiting)).length === 0) await setTimeout(200);
  await site.execute('COMMIT');
  const {outcomes} = await bringing;
  t.deepEqual(
    outcomes.map(({error}) => error),
    ['is still referenced by kids 7', 'parent missing: there is no a_parents 2 here'],
  );
  t.deepEqual(await b.query('SELECT id FROM a_parents UNION ALL SELECT id FROM kids'), [[1], [7]]);
});

rule('the site’s own triggers fire, what they do is not taken for an edit, and nothing loops', async t => {
  const [a, b] = await two(
    t,
    `CREATE TABLE pages (id INT PRIMARY KEY, t VARCHAR(50), stamp VARCHAR(10) DEFAULT 'none', changed TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6));
     CREATE TABLE z_log (id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(50));
     CREATE TRIGGER logged AFTER INSERT ON pages FOR EACH ROW INSERT INTO z_log (what) VALUES (CONCAT('page ', NEW.id));
     CREATE TRIGGER refusing BEFORE INSERT ON pages FOR EACH ROW BEGIN IF NEW.t = 'bad' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'bad is not wanted here'; END IF; END`,
    {exclude: ['z_*']},
  );
  await a.execute('DROP TRIGGER refusing');
  await a.execute("INSERT INTO pages (id, t) VALUES (1, 'x'), (2, 'bad'), (3, 'y')");
  const {outcomes} = await bring(a.database, b.database);
  t.deepEqual(
    outcomes.map(({outcome, error}) => error ?? outcome),
    ['applied', 'bad is not wanted here', 'applied'],
  );
  t.deepEqual(await b.query('SELECT * FROM pages'), await a.query('SELECT * FROM pages WHERE id <> 2'));
  t.deepEqual(await b.query('SELECT what FROM z_log'), [['page 1'], ['page 3']]);
  // A trigger that changes the row itself cannot be right on both sides; the row says so and is left as it was.
  await b.execute("CREATE TRIGGER stamped BEFORE UPDATE ON pages FOR EACH ROW SET NEW.stamp = 'b'");
  await a.execute("UPDATE pages SET t = 'z' WHERE id = 1");
  const before = await b.query('SELECT * FROM pages');
  const stamped = await bring(a.database, b.database);
  t.regex(stamped.outcomes[0]!.error!, /pages\.stamp .*trigger/);
  t.deepEqual(await b.query('SELECT * FROM pages'), before);
  const position = await b.database.position();
  await b.database.scan({});
  t.deepEqual(await b.database.position(), position);
});

const direct = `CREATE TABLE pages (id INT PRIMARY KEY, slug VARCHAR(20) UNIQUE);
  CREATE TABLE flat (id INT PRIMARY KEY, slug VARCHAR(20) UNIQUE) ENGINE=MyISAM; CREATE TABLE crash (id INT PRIMARY KEY, t VARCHAR(20)) ENGINE=Aria;
  CREATE TABLE strokes (n INT, t VARCHAR(20)) ENGINE=MyISAM;
  INSERT INTO pages VALUES (1, 'a'); INSERT INTO flat VALUES (1, 'a'), (2, 'b'), (3, 'c'); INSERT INTO crash VALUES (1, 'x'); INSERT INTO strokes VALUES (1, 'l')`;

rule('tables without transactions take part, named, and a commit that is undone puts them back', async t => {
  const [a, b] = await two(t, direct);
  const {warnings} = await a.database.scan({});
  t.regex(
    warnings.join(),
    /Tables without transactions: crash \(Aria\), flat \(MyISAM\), strokes \(MyISAM\)/,
  );
  await bring(a.database, b.database);
  await a.execute(
    "UPDATE flat SET slug = 'tmp' WHERE id = 1; UPDATE flat SET slug = 'a' WHERE id = 2; UPDATE flat SET slug = 'b' WHERE id = 1; DELETE FROM flat WHERE id = 3; INSERT INTO flat VALUES (4, 'd'); UPDATE crash SET t = 'y'; UPDATE pages SET slug = 'A'; INSERT INTO strokes VALUES (2, 'm')",
  );
  await a.database.scan({});
  await b.database.scan({});
  const before = await b.dump();
  const [here, there] = [await records(a.database), await records(b.database)];
  const operations = [...here.values()].map(record =>
    record.type === 'table'
      ? {op: 'copy-table' as const, table: 'strokes', keyed: false, expect: expectation(there.get('strokes'))}
      : record.deleted
        ? {
            op: 'delete' as const,
            item: row('flat', '3'),
            expect: expectation(there.get('flat:3')),
            vector: record.vector,
          }
        : {
            op: 'put' as const,
            record: record as RowRecord,
            expect: expectation(
              there.get(`${(record as RowRecord).table}:${(record as RowRecord).key.join()}`),
            ),
          },
  );
  const content = {
    rows: await stagedRows(
      a.database,
      [...here.values()].filter((record): record is RowRecord => record.type === 'row' && !record.deleted),
    ),
    tables: {strokes: await readTable(a.database, 'strokes')},
  };
  await commit(b.database, operations, {...content, undo: true});
  t.is(await b.dump(), before);
  const {outcomes} = await commit(b.database, operations, content);
  t.true(outcomes.every(({outcome}) => outcome === 'applied'));
  for (const table of ['pages', 'flat', 'crash', 'strokes'])
    t.deepEqual(
      await b.query(`SELECT * FROM ${table} ORDER BY 1`),
      await a.query(`SELECT * FROM ${table} ORDER BY 1`),
    );
  t.deepEqual((await bring(b.database, a.database)).outcomes, []);
  t.deepEqual(await b.query('SELECT COUNT(*) FROM lockstep_undo'), [['0']]);
});

rule(
  'a change of a table without transactions is logged although its transaction is rolled back',
  async t => {
    const site = await createMariadbSite(t);
    await site.execute(direct);
    await site.database.scan({});
    await site.execute(
      "START TRANSACTION; UPDATE flat SET slug = 'z' WHERE id = 1; UPDATE pages SET slug = 'z'; ROLLBACK",
    );
    const position = await site.database.position();
    await site.database.scan({});
    const changed: string[] = [];
    for await (const record of site.database.changes(position)) changed.push((record as RowRecord).table);
    t.deepEqual(changed, ['flat']);
  },
);

rule('what a crash left half done in tables without transactions is put back', async t => {
  const [a, b] = await two(t, direct);
  await bring(a.database, b.database);
  await a.execute(
    "DELETE FROM flat WHERE id = 1; UPDATE flat SET slug = 'a' WHERE id = 2; UPDATE pages SET slug = 'A'; UPDATE strokes SET t = 'new'",
  );
  await a.database.scan({});
  const before = await Promise.all(
    ['pages', 'flat', 'strokes'].map(table => b.query(`SELECT * FROM ${table}`)),
  );
  const [here, there] = [await records(a.database), await records(b.database)];
  const operations = [
    {
      op: 'delete' as const,
      item: row('flat', '1'),
      expect: expectation(there.get('flat:1')),
      vector: here.get('flat:1')!.vector,
    },
    {op: 'put' as const, record: here.get('flat:2') as RowRecord, expect: expectation(there.get('flat:2'))},
    {op: 'put' as const, record: here.get('pages:1') as RowRecord, expect: expectation(there.get('pages:1'))},
    {op: 'copy-table' as const, table: 'strokes', keyed: false},
  ];
  const rows = await stagedRows(a.database, [row('flat', '2'), row('pages', '1')]);
  const lines = await readTable(a.database, 'strokes');
  const participant = b.database.beginCommit({
    runId: '20261121-000000-crashed',
    step: 'main',
    operations: (async function* () {
      for (const [index, operation] of operations.entries()) yield {index, operation};
    })(),
    tables: new Set(['pages', 'flat', 'strokes']),
    async stagedRow(index) {
      const operation = operations[index]!;
      return operation.op === 'put'
        ? rows.get(`${operation.record.table}:${operation.record.key.join()}`)
        : undefined;
    },
    async *stagedTable() {
      yield* lines;
    },
    async history() {},
  });
  await participant.prepare({strict: true});
  t.deepEqual(await b.query('SELECT * FROM flat ORDER BY id'), [
    [2, 'a'],
    [3, 'c'],
  ]);
  // The agent dies: its connections end, and nobody has decided.
  for (const [id] of await b.query(
    'SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()',
  ))
    await b.execute(`KILL ${id}`).catch(() => {});
  const again = await openSiteDatabase(b.url, {exclude: [], lastKnown: b.memory()});
  t.teardown(() => again.close());
  // What recovery asks first.
  t.false(await again.wasCommitted('20261121-000000-crashed', 'main'));
  t.deepEqual(
    await Promise.all(
      ['pages', 'flat', 'strokes'].map(table => b.query(`SELECT * FROM ${table} ORDER BY 1`)),
    ),
    before,
  );
  t.deepEqual(
    [...(await records(again)).values()].map(record => record.vector),
    [...there.values()].map(record => record.vector),
  );
});

rule('a database restored from a backup goes on as a new replica with its old versions', async t => {
  const site = await createMariadbSite(t);
  await site.execute(
    "CREATE TABLE pages (id INT PRIMARY KEY, t VARCHAR(10)); INSERT INTO pages VALUES (1, 'a')",
  );
  const first = await site.database.scan({});
  const saved = await site.query('SELECT name, value FROM lockstep_meta');
  await site.execute("UPDATE pages SET t = 'b'");
  await site.database.scan({});
  for (const [name, value] of saved)
    await site.execute(`UPDATE lockstep_meta SET value = '${value}' WHERE name = '${name}'`);
  const restored = await site.database.scan({});
  t.not(restored.replica, first.replica);
  t.not(restored.epoch, first.epoch);
  t.is(restored.lineage, first.lineage);
  t.regex(restored.warnings.join(), /restored/);
  t.is((await site.database.scan({})).replica, restored.replica);
});

rule('values that a column would not hold exactly are skipped and nothing is left of them', async t => {
  const [a, b] = [await createMariadbSite(t), await createMariadbSite(t)];
  await a.execute(
    "CREATE TABLE v (id INT PRIMARY KEY, n DECIMAL(10,4), s VARCHAR(100), b LONGBLOB); INSERT INTO v VALUES (1, 1.5, 'ok', ''), (2, 1.2345, 'round', ''), (3, 1, 'too long for it', ''), (4, 1, 'ünï', NULL), (5, 1, '€𝄞', '')",
  );
  await b.execute(
    'CREATE TABLE v (id INT PRIMARY KEY, n DECIMAL(10,4), s VARCHAR(10) CHARACTER SET latin1, b LONGBLOB NOT NULL)',
  );
  await b.execute('ALTER TABLE v MODIFY n DECIMAL(10,2)');
  await a.execute('UPDATE v SET n = 1.2345 WHERE id = 1');
  const {outcomes} = await bring(a.database, b.database);
  const errors = outcomes.map(({error, outcome}) => error ?? outcome);
  t.regex(errors[0]!, /v\.n would store another value/);
  t.regex(errors[2]!, /too long/i);
  t.regex(errors[3]!, /cannot be null/i);
  t.regex(errors[4]!, /incorrect string/i);
  t.deepEqual(await b.query('SELECT id FROM v'), []);
});

rule('connections that cannot be are named, without the password', async t => {
  const site = await createMariadbSite(t);
  const scan = async (change: (url: URL) => void) => {
    const url = new URL(site.url);
    change(url);
    const database = await openSiteDatabase(url.href, {exclude: []});
    t.teardown(() => database.close());
    return await refused(t, database.scan({}));
  };
  const away = await scan(url => {
    url.port = '1';
    url.password = 'secret';
  });
  t.is(away.code, 'DATABASE_UNAVAILABLE');
  t.notRegex(away.message, /secret/);
  const stranger = await scan(url => {
    url.username = 'nobody-there';
    url.password = 'secret';
  });
  t.regex(stranger.message, /refused the user/);
  t.regex((await scan(url => (url.pathname = '/nowhere-at-all'))).message, /no database nowhere-at-all/i);
  t.regex((await scan(url => (url.hostname = 'host.invalid'))).message, /cannot be reached/);
  for (const url of ['mysql://db/', 'mysql://db/name?color=blue', 'mysql://%zz@db/name'])
    t.is(await codeOf(t, openSiteDatabase(url, {exclude: []})), 'INVALID_CONFIGURATION');
});

rule('an agent survives that its connections are cut', async t => {
  const site = await createMariadbSite(t);
  await site.execute('CREATE TABLE pages (id INT PRIMARY KEY); INSERT INTO pages VALUES (1)');
  await site.database.scan({});
  await site.database.position();
  for (const [id] of await site.query(
    'SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()',
  ))
    await site.execute(`KILL ${id}`).catch(() => {});
  await site.database.scan({});
  t.is(await site.database.count(), 1);
});

rule('a user with rights on the site’s database alone is enough', async t => {
  const site = await createMariadbSite(t);
  const url = new URL(site.url);
  const [name, password] = [`lockstep_${url.pathname.slice(-12)}`, "p@ss:w/ö%'"];
  await site.execute(
    `CREATE USER '${name}'@'%' IDENTIFIED BY '${password.replace("'", "''")}'; GRANT ALL ON \`${url.pathname.slice(1)}\`.* TO '${name}'@'%'`,
  );
  try {
    url.username = name;
    url.password = encodeURIComponent(password);
    const database = await openSiteDatabase(url.href, {exclude: []});
    t.teardown(() => database.close());
    await site.execute(
      "CREATE TABLE pages (id INT PRIMARY KEY, t VARCHAR(10)); INSERT INTO pages VALUES (1, 'a'), (2, 'b'), (3, 'c')",
    );
    await database.scan({});
    // It may not look at what would tell that a table was emptied; looking for rows that were there does.
    await site.execute("TRUNCATE pages; INSERT INTO pages VALUES (2, 'new')");
    await database.scan({});
    t.is(await database.count(), 1);
    await database.close();
  } finally {
    await site.execute(`DROP USER '${name}'@'%'`);
  }
});
