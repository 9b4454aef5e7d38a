import test, {type ExecutionContext} from 'ava';
import {openSiteDatabase} from '../../../source/agent/database/open-site-database.js';
import type {RowRecord} from '../../../source/core/item.js';
import {createServerDatabase, hasServer, serverUrl, takeTurn} from '../../helpers/database-server.js';
import {runSql} from '../../helpers/run-sql.js';
import {createOwnedPostgresSite, createPostgresSite, type PostgresSite} from './postgres-site.js';
import {bring, commit, expectation, readTable, records, row, stagedRows} from './test-site.js';

/* What only PostgreSQL has, beside the contract of all engines. */

const here = await hasServer('postgres');
const rule = (title: string, body: (t: ExecutionContext) => Promise<void>) =>
  here
    ? test(title, async t => {
        await takeTurn(t);
        await body(t);
      })
    : test.skip(title, () => {});

const two = async (t: ExecutionContext, schema: string, create = createPostgresSite) => {
  const sites = [await create(t), await create(t)] as const;
  for (const site of sites) await site.execute(schema);
  return sites;
};
const refused = (outcomes: readonly {outcome: string; error?: string}[]) =>
  outcomes.filter(({outcome}) => outcome !== 'applied');
const codeOf = async (t: ExecutionContext, task: Promise<unknown>) =>
  (await t.throwsAsync(task)) as Error & {code?: string; hint?: string};

rule('every value survives exactly', async t => {
  const types =
    "CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE DOMAIN small AS integer CHECK (value < 1000)";
  const columns = [
    'id INTEGER PRIMARY KEY, n BIGINT, d NUMERIC, dd NUMERIC(12, 4), r DOUBLE PRECISION, f REAL, t TEXT, c CHAR(4), v VARCHAR(20)',
    'b BYTEA, ts TIMESTAMP, tz TIMESTAMPTZ, day DATE, tod TIME, todz TIMETZ, iv INTERVAL, j JSON, jb JSONB, u UUID, ok BOOLEAN',
    'a INTEGER[], at TIMESTAMPTZ[], money MONEY, ip INET, bits BIT VARYING(9), range TSTZRANGE, mood mood, place POINT, s small, x XML',
    'half BIGINT GENERATED ALWAYS AS (n / 2) STORED',
  ];
  const [a, b] = [await createPostgresSite(t), await createPostgresSite(t)];
  await a.execute(`${types}; CREATE TABLE exact (${columns.join(', ')})`);
  // The same columns in another order, and a database that writes dates and floats otherwise.
  await b.execute(`${types}; CREATE TABLE exact (${columns.toReversed().join(', ')})`);
  await b.execute("SET timezone = 'America/New_York'; SET datestyle = 'German'; SET extra_float_digits = 0");
  await a.execute("SET timezone = 'Asia/Kathmandu'; SET datestyle = 'SQL, DMY'; SET bytea_output = 'escape'");
  await a.execute(`INSERT INTO exact (id) VALUES (1)`);
  await a.execute(`INSERT INTO exact (id, n, d, dd, r, f, t, c, v, b, ts, tz, day, tod, todz, iv, j, jb, u, ok, a, at, money, ip, bits, range, mood, place, s, x) VALUES
    (2, 0, 0, 0, 0, 0, '', '', '', '', '-infinity', 'infinity', 'infinity', '00:00', '00:00+00', '0', 'null', 'null', '00000000-0000-0000-0000-000000000000', false, '{}', '{}', 0, '::1', '', 'empty', 'sad', '(0,0)', 0, ''),
    (3, 9007199254740993, 1.50, 1.5, 0.1, 0.1, '𝄞 ünï\n\t\\', 'ab', 'a\\b''c"', '\\x00ff5c', '2026-11-21 07:13:28.123456', '2026-03-29 02:30:00.000001+02', '0044-03-15 BC', '24:00', '12:34:56.789012+05:45', '1 year 2 mons -3 days 04:05:06.000007',
      '{"b": 1, "a": 12345678901234567890.0000001, "b": 2}', '{"b": 1, "a": 12345678901234567890.0000001}', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', true, '[2:3]={1,NULL}', '{"2026-01-01 00:00:00.000001+00",infinity,NULL}', 12.34, '10.0.0.0/8', '10101', '[2026-01-01 00:00+00,infinity)', 'glad', '(0.1,1e300)', 999, '<a>ü</a>'),
    (4, -9223372036854775808, 'NaN', -0.0001, 'NaN', '-infinity', 'tab\u0001', '    ', ' x ', '\\x', '294276-12-31 23:59:59.999999', '4713-01-01 00:00:00+00 BC', '5874897-12-31', '00:00:00.000001', '23:59:59-15:59', '-178000000 years', '[]', '[1e-400, 1.10]', NULL, NULL, '{{1,2},{3,4}}', '{NULL}', -1, '2001:db8::/32', '1', '(,)', 'sad', '(-0,NaN)', -5, NULL),
    (5, 4611686018427387903, 1e300, 12345678.9999, 5e-324, 1e-45, '${'x'.repeat(100_000)}', 'ü𝄞', 'é', '\\xdeadbeef', NULL, NULL, NULL, NULL, NULL, NULL, '"\\u0041"', '"A"', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (6, 1, 123456789012345678901234567890.123456789012345678901234567890, 1, 1.7976931348623157e308, 3.4028235e38, '\\N', '\\N', '\\.', '\\x5c4e', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`);
  t.deepEqual(refused((await bring(a.database, b.database)).outcomes), []);
  const plain = columns
    .join(', ')
    .split(/, (?=\w+ [A-Zms])/)
    .map(column => column.split(' ')[0]!);
  const exact = async (site: PostgresSite) => {
    const setting =
      "SET timezone = 'UTC'; SET datestyle = 'ISO'; SET extra_float_digits = 1; SET bytea_output = 'hex'";
    await site.execute(setting);
    return await site.query(`SELECT ${plain.join(', ')} FROM exact ORDER BY id`);
  };
  t.is(plain.length, 31);
  t.deepEqual(await exact(b), await exact(a));
  t.deepEqual((await bring(a.database, b.database)).outcomes, []);
  t.deepEqual((await bring(b.database, a.database)).outcomes, []);
  // And as a whole table, through COPY.
  await b.execute('UPDATE exact SET n = 0; DELETE FROM exact WHERE id = 3');
  await b.database.scan({});
  const {outcomes} = await commit(b.database, [{op: 'copy-table', table: 'exact', keyed: true}], {
    tables: {exact: await readTable(a.database, 'exact')},
  });
  t.deepEqual(outcomes, [{index: 0, outcome: 'applied', rows: 6}]);
  t.deepEqual(await exact(b), await exact(a));
  t.deepEqual((await b.database.scan({verify: true})).warnings, []);
});

rule('keys of every kind keep their identity, whatever the settings of who writes them', async t => {
  const schema = `CREATE TABLE texts (k TEXT PRIMARY KEY, v INTEGER); CREATE TABLE blobs (k BYTEA PRIMARY KEY, v INTEGER);
    CREATE TABLE times (k TIMESTAMPTZ, f DOUBLE PRECISION, v INTEGER, PRIMARY KEY (f, k)); CREATE TABLE codes (k CHAR(4), ok BOOLEAN, v INTEGER, PRIMARY KEY (k, ok));
    CREATE TABLE uuids (k UUID PRIMARY KEY, v INTEGER); CREATE TABLE numbers (k NUMERIC(20, 2) PRIMARY KEY, v INTEGER);
    CREATE TABLE "Odd ""name'" ("select" SMALLINT, "a ""b" TEXT, PRIMARY KEY ("select")); CREATE TABLE days (k DATE PRIMARY KEY, v INTEGER)`;
  const [a, b] = await two(t, schema);
  for (const site of [a, b])
    await site.execute("SET timezone = 'Asia/Tokyo'; SET datestyle = 'German'; SET extra_float_digits = 0");
  for (const site of [a, b]) await site.database.scan({});
  await a.execute(`INSERT INTO texts VALUES ('1', 1), ('\\x31', 2), ('\\', 3), ('𝄞', 4), ('', 5), ('a b', 6); INSERT INTO blobs VALUES ('\\x', 1), ('\\x31ff', 2);
    INSERT INTO times VALUES ('2026-01-01 00:00:00.000001+00', 0.1, 1), ('infinity', 'NaN', 2), ('-infinity', '-0', 3); INSERT INTO codes VALUES ('a', true, 1), ('a b', false, 2);
    INSERT INTO uuids VALUES ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 1); INSERT INTO numbers VALUES (1.5, 1), (-0.01, 2); INSERT INTO "Odd ""name'" VALUES (-1, 'x'); INSERT INTO days VALUES ('2026-02-01', 1)`);
  const first = await bring(a.database, b.database);
  t.deepEqual(refused(first.outcomes), []);
  t.is(first.outcomes.length, 18);
  await a.execute(
    `UPDATE texts SET v = v + 1; UPDATE blobs SET v = 9; UPDATE times SET v = 9; UPDATE codes SET v = 9; DELETE FROM uuids; UPDATE numbers SET k = k + 1; UPDATE days SET v = 3`,
  );
  const second = await bring(a.database, b.database);
  t.deepEqual(refused(second.outcomes), []);
  t.is(second.outcomes.length, 6 + 2 + 3 + 2 + 1 + 4 + 1);
  for (const table of ['texts', 'blobs', 'times', 'codes', 'uuids', 'numbers', 'days', '"Odd ""name\'"'])
    t.deepEqual(
      await b.query(`SELECT * FROM ${table} ORDER BY 1, 2`),
      await a.query(`SELECT * FROM ${table} ORDER BY 1, 2`),
    );
  for (const site of [a, b]) t.deepEqual((await site.database.scan({verify: true})).warnings, []);
  t.deepEqual(
    [...(await records(a.database)).keys()].filter(id => /^(times|codes)/.test(id)),
    [
      'codes:a   |t',
      'codes:a b |f',
      'times:-0|-infinity',
      'times:0.1|2026-01-01 00:00:00.000001+00',
      'times:NaN|infinity',
    ],
  );
});

rule('ids that are generated always are written as they come', async t => {
  const [a, b] = await two(
    t,
    'CREATE TABLE pages (id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title TEXT); CREATE TABLE notes (id INTEGER PRIMARY KEY, nr BIGINT GENERATED ALWAYS AS IDENTITY, text TEXT)',
  );
  await b.execute("INSERT INTO notes (id, text) VALUES (1, 'x'), (2, 'y'), (3, 'z')");
  await a.execute(
    "INSERT INTO pages (title) VALUES ('a'), ('b'); INSERT INTO notes (id, text) VALUES (3, 'c'), (2, 'b')",
  );
  t.deepEqual(refused((await bring(a.database, b.database)).outcomes), []);
  t.deepEqual(await b.query('SELECT * FROM pages ORDER BY id'), [
    ['1', 'a'],
    ['2', 'b'],
  ]);
  t.deepEqual(await b.query('SELECT * FROM notes ORDER BY id'), [
    ['1', '1', 'x'],
    ['2', '2', 'b'],
    ['3', '1', 'c'],
  ]);
});

const family = `CREATE TABLE folders (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE content (id INTEGER PRIMARY KEY, folder INTEGER CONSTRAINT in_folder REFERENCES folders ON DELETE CASCADE ON UPDATE CASCADE);
  CREATE TABLE notes (id INTEGER PRIMARY KEY, folder INTEGER REFERENCES folders ON DELETE SET NULL);
  CREATE TABLE labels (id INTEGER PRIMARY KEY, folder INTEGER NOT NULL REFERENCES folders ON DELETE RESTRICT, UNIQUE (folder) DEFERRABLE INITIALLY DEFERRED);
  CREATE TABLE links (id INTEGER PRIMARY KEY, folder INTEGER REFERENCES folders DEFERRABLE INITIALLY IMMEDIATE);
  INSERT INTO folders VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e');
  INSERT INTO content VALUES (1, 1); INSERT INTO notes VALUES (1, 2); INSERT INTO labels VALUES (1, 3); INSERT INTO links VALUES (1, 4)`;

for (const [who, create] of [
  ['whoever may set session_replication_role', createPostgresSite],
  ['an owner without more rights', createOwnedPostgresSite],
] as const)
  rule(`actions of foreign keys take no row that did not come with the plan, for ${who}`, async t => {
    const [a, b] = await two(t, family, create);
    const rules = `SELECT conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint WHERE contype = 'f'
      UNION ALL SELECT tgname, tgenabled::text, true FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1`;
    await b.execute(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fired'; END $$;
      CREATE TRIGGER a_usual BEFORE DELETE ON content FOR EACH ROW EXECUTE FUNCTION fail(); CREATE TRIGGER b_always BEFORE DELETE ON content FOR EACH ROW EXECUTE FUNCTION fail();
      CREATE TRIGGER c_replica BEFORE DELETE ON content FOR EACH ROW EXECUTE FUNCTION fail(); CREATE TRIGGER d_off BEFORE DELETE ON content FOR EACH ROW EXECUTE FUNCTION fail();
      ALTER TABLE content ENABLE ALWAYS TRIGGER b_always, ENABLE REPLICA TRIGGER c_replica, DISABLE TRIGGER d_off`);
    for (const site of [a, b]) await site.database.scan({});
    const before = await b.query(rules);
    // Added where nobody knows yet that the folder goes.
    await b.execute(
      'INSERT INTO content VALUES (100, 1); INSERT INTO notes VALUES (100, 2); INSERT INTO labels VALUES (100, 5)',
    );
    await a.execute('DELETE FROM labels; DELETE FROM links; DELETE FROM folders');
    const {outcomes} = await bring(a.database, b.database);
    t.deepEqual(
      outcomes.map(({error}) => error).filter(error => error !== undefined),
      [
        'is still referenced by content 100',
        'is still referenced by notes 100',
        'is still referenced by labels 100',
      ],
    );
    t.deepEqual((await b.query('SELECT id FROM folders ORDER BY id')).flat(), ['1', '2', '5']);
    t.deepEqual(await b.query('SELECT id, folder FROM content'), [['100', '1']]);
    t.deepEqual(await b.query('SELECT id, folder FROM notes ORDER BY id'), [
      ['1', null],
      ['100', '2'],
    ]);
    t.deepEqual(await b.query(rules), before, 'triggers and foreign keys are as they were');
    await t.throwsAsync(b.execute('DELETE FROM content'), {message: 'fired'});
    await t.throwsAsync(b.execute('INSERT INTO links VALUES (9, 9)'), {message: /foreign key/});
    t.deepEqual((await b.database.scan({verify: true})).warnings, []);
  });

rule('rows swap values under a constraint that is deferrable', async t => {
  const [a, b] = await two(
    t,
    'CREATE TABLE pages (id INTEGER PRIMARY KEY, place INTEGER UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO pages VALUES (1, 1), (2, 2), (3, 3)',
  );
  for (const site of [a, b]) await site.database.scan({});
  await a.execute('UPDATE pages SET place = 4 - place WHERE id <> 2; INSERT INTO pages VALUES (4, 9)');
  await b.execute('INSERT INTO pages VALUES (8, 9)');
  const {outcomes} = await bring(a.database, b.database);
  t.deepEqual(
    outcomes.map(({outcome, conflict}) => conflict ?? outcome),
    ['applied', 'applied', 'insert_exists'],
  );
  t.deepEqual(await b.query('SELECT * FROM pages ORDER BY id'), [
    ['1', '3'],
    ['2', '2'],
    ['3', '1'],
    ['8', '9'],
  ]);
});

rule(
  'partitions belong to their table, heirs to themselves; views, foreign schemas and extensions take no part',
  async t => {
    const [a, b] = await two(
      t,
      `CREATE TABLE visits (id INTEGER, day DATE, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
     CREATE TABLE visits_25 PARTITION OF visits FOR VALUES FROM ('2025-01-01') TO ('2026-01-01'); CREATE TABLE visits_26 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
     CREATE TABLE base (id INTEGER PRIMARY KEY); CREATE TABLE heir (extra TEXT, PRIMARY KEY (id)) INHERITS (base); CREATE VIEW seen AS SELECT * FROM visits;
     CREATE SCHEMA other; CREATE TABLE other.elsewhere (id INTEGER PRIMARY KEY); CREATE UNLOGGED TABLE quick (id INTEGER PRIMARY KEY)`,
    );
    const {tables} = await a.database.scan({});
    t.deepEqual(
      tables.map(({table}) => table),
      ['base', 'heir', 'quick', 'visits'],
    );
    await b.database.scan({});
    await a.execute(
      "INSERT INTO visits VALUES (1, '2025-05-05'), (2, '2026-05-05'); INSERT INTO visits_26 VALUES (3, '2026-06-06'); INSERT INTO base VALUES (1); INSERT INTO heir VALUES (2, 'x')",
    );
    t.deepEqual(refused((await bring(a.database, b.database)).outcomes), []);
    await a.execute("UPDATE visits SET day = '2026-07-07' WHERE id = 1; DELETE FROM visits_26 WHERE id = 3");
    t.is((await bring(a.database, b.database)).outcomes.length, 3);
    t.deepEqual(await b.query('SELECT id, day FROM visits ORDER BY id'), [
      ['1', '2026-07-07'],
      ['2', '2026-05-05'],
    ]);
    t.deepEqual(await b.query('SELECT id FROM ONLY base'), [['1']]);
    t.deepEqual(await b.query('SELECT id, extra FROM heir'), [['2', 'x']]);
    for (const site of [a, b]) t.deepEqual((await site.database.scan({verify: true})).warnings, []);
  },
);

rule('a key column that was renamed does not keep the site from writing', async t => {
  const [a, b] = await two(
    t,
    "CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO pages VALUES (1, 'a'), (2, 'b')",
  );
  for (const site of [a, b]) await site.database.scan({});
  for (const site of [a, b]) await site.execute('ALTER TABLE pages RENAME COLUMN id TO nr');
  await a.execute(
    "UPDATE pages SET title = 'A' WHERE nr = 1; INSERT INTO pages VALUES (3, 'c'); DELETE FROM pages WHERE nr = 2",
  );
  t.deepEqual(refused((await bring(a.database, b.database)).outcomes), []);
  t.deepEqual(
    await b.query('SELECT nr, title FROM pages ORDER BY nr'),
    await a.query('SELECT nr, title FROM pages ORDER BY nr'),
  );
});

rule('what does not fit a column is skipped alone, whatever it is', async t => {
  const [a, b] = [await createPostgresSite(t), await createPostgresSite(t)];
  await a.execute(
    "CREATE TABLE pages (id TEXT PRIMARY KEY, v TEXT); INSERT INTO pages VALUES ('1', '5'), ('2', 'five'), ('x', '6'), ('3', ' 7 '), ('99999999999999999999', '8')",
  );
  await b.execute('CREATE TABLE pages (id INTEGER PRIMARY KEY, v INTEGER)');
  const {outcomes} = await bring(a.database, b.database);
  t.is(outcomes.length, 5);
  t.deepEqual(refused(outcomes).length, 5);
  t.regex(outcomes.map(({error}) => error).join(), /would store another value/);
  t.regex(outcomes.map(({error}) => error).join(), /invalid input syntax for type integer/);
  t.deepEqual(await b.query('SELECT * FROM pages'), []);
});

rule('a drain looks at nothing but what was logged', async t => {
  const site = await createPostgresSite(t);
  await site.execute(
    "CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO pages SELECT i, 'p' || i FROM generate_series(1, 10000) AS i",
  );
  await site.database.scan({});
  const {seq} = await site.database.position();
  await site.execute(
    "BEGIN; SELECT set_config('lockstep.off', '1', true); UPDATE pages SET title = 'unseen'; COMMIT; UPDATE pages SET title = 'seen' WHERE id % 100 = 0",
  );
  await site.database.scan({});
  t.is((await site.database.position()).seq - seq, 100);
  t.deepEqual(await site.query('SELECT count(*) FROM lockstep.log'), [['0']]);
});

rule('a table is read whole, in one snapshot, while the site goes on writing', async t => {
  const site = await createPostgresSite(t);
  await site.execute(
    "CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO pages SELECT i, 'p' FROM generate_series(1, 3000) AS i",
  );
  await site.database.scan({});
  const titles = new Set<string | null>();
  let rows = 0;
  for await (const {row} of site.database.readTable('pages')) {
    if (++rows === 10) await site.execute("UPDATE pages SET title = 'x'");
    titles.add(row.title!);
  }
  t.is(rows, 3000);
  t.deepEqual([...titles], ['tp']);
  // One that is left in the middle does not keep its connection.
  for (let count = 0; count < 10; count++) for await (const _ of site.database.readTable('pages')) break;
  t.is(await site.database.count(), 3000);
});

rule('E25: sequences of every kind keep to the range of their server, whatever rows arrive', async t => {
  let number: number | undefined;
  const [a, b] = [await createPostgresSite(t), await createPostgresSite(t, {serverNumber: () => number})];
  const schema = `CREATE TABLE wide (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v TEXT); CREATE TABLE narrow (id SERIAL PRIMARY KEY, v TEXT);
    CREATE SEQUENCE loose_ids; CREATE TABLE loose (id BIGINT PRIMARY KEY DEFAULT nextval('loose_ids'), v TEXT); CREATE TABLE tiny (id SMALLSERIAL PRIMARY KEY, v TEXT)`;
  for (const site of [a, b]) await site.execute(schema);
  await a.execute(
    "INSERT INTO wide (v) VALUES ('a'), ('b'); INSERT INTO narrow (v) VALUES ('a'); INSERT INTO loose (v) VALUES ('a'); INSERT INTO narrow VALUES (2000000000, 'high')",
  );
  await bring(a.database, b.database);
  number = 2;
  await b.database.scan({});
  await b.execute(
    "INSERT INTO wide (v) VALUES ('x'); INSERT INTO narrow (v) VALUES ('x'); INSERT INTO loose (v) VALUES ('x')",
  );
  const issued = async (table: string) => (await b.query(`SELECT id FROM ${table} WHERE v = 'x'`)).flat();
  t.deepEqual(await issued('wide'), ['1000000000001']);
  t.deepEqual(await issued('narrow'), ['10737419']);
  t.deepEqual(await issued('loose'), ['1000000000001']);
  const columns = await b.database.idColumns();
  t.deepEqual(columns.map(({table, next, limit}) => [table, next, limit]).sort(), [
    ['loose', '1000000000002', '9223372036854775807'],
    ['narrow', '10737420', '2147483647'],
    ['tiny', '164', '32767'],
    ['wide', '1000000000002', '9223372036854775807'],
  ]);
});

rule('a copy of a database goes on as a new replica with its old versions', async t => {
  const site = await createPostgresSite(t);
  await site.execute('CREATE TABLE pages (id INTEGER PRIMARY KEY); INSERT INTO pages VALUES (1)');
  const first = await site.database.scan({});
  const copy = await site.reopen({lastKnown: {replica: 'another0another0', epoch: 'e', seq: 1}});
  const scan = await copy.database.scan({});
  t.not(scan.replica, first.replica);
  t.is(scan.lineage, first.lineage);
  t.regex(scan.warnings.join(), /new replica/);
  t.is((await records(copy.database)).get('pages:1')!.vector, `${first.replica}:1`);
});

rule('closing takes an unfinished commit back', async t => {
  const site = await createPostgresSite(t);
  await site.execute('CREATE TABLE pages (id INTEGER PRIMARY KEY); INSERT INTO pages VALUES (1)');
  await site.database.scan({});
  const record = (await records(site.database)).get('pages:1') as RowRecord;
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
  t.deepEqual(await site.query('SELECT id FROM pages'), [['1']]);
});

rule('a commit whose connection is ended by the server changes nothing and is told', async t => {
  const [a, b] = await two(t, 'CREATE TABLE pages (id INTEGER PRIMARY KEY)');
  await a.execute('INSERT INTO pages VALUES (1)');
  await a.database.scan({});
  await b.database.scan({});
  const record = (await records(a.database)).get('pages:1') as RowRecord;
  const rows = await stagedRows(a.database, [row('pages', '1')]);
  const participant = b.database.beginCommit({
    runId: '20261121-000000-ended',
    step: 'main',
    operations: (async function* () {
      yield {index: 0, operation: {op: 'put' as const, record, expect: {state: 'absent' as const}}};
    })(),
    tables: new Set(['pages']),
    stagedRow: async () => rows.get('pages:1'),
    async *stagedTable() {},
    async history() {},
  });
  await participant.prepare({strict: true});
  await b.execute(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lockstep' AND datname = current_database()",
  );
  t.is((await codeOf(t, participant.apply())).code, 'DATABASE_UNAVAILABLE');
  t.false(await b.database.wasCommitted('20261121-000000-ended', 'main'));
  await participant.undo();
  t.deepEqual(refused((await bring(a.database, b.database)).outcomes), []);
});

rule('what keeps a database from being used is named', async t => {
  const {url, name, drop} = await createServerDatabase('postgres');
  const role = `${name}_guest`;
  await runSql(
    url,
    `CREATE TABLE pages (id INTEGER PRIMARY KEY); CREATE ROLE ${role}; GRANT CREATE ON DATABASE ${name} TO ${role}; GRANT ALL ON pages TO ${role}; REVOKE TRIGGER ON pages FROM ${role}`,
  );
  t.teardown(async () => {
    await drop();
    await runSql(serverUrl('postgres'), `DROP ROLE ${role}`);
  });
  const scanning = async (change: (url: URL) => void) => {
    const changed = new URL(url);
    change(changed);
    const database = await openSiteDatabase(changed.href, {exclude: []});
    try {
      return await codeOf(t, database.scan({}));
    } finally {
      await database.close();
    }
  };
  const closed = await scanning(place => {
    place.host = '127.0.0.1:1';
  });
  t.is(closed.code, 'DATABASE_UNAVAILABLE');
  t.regex(closed.message, /refused/);
  const missing = await scanning(place => {
    place.pathname = '/lockstep_no_such_database';
  });
  t.is(missing.code, 'DATABASE_UNAVAILABLE');
  t.regex(missing.message, /does not exist/);
  const noLogin = await scanning(place => {
    place.username = role;
    place.password = 'secret';
  });
  t.is(noLogin.code, 'DATABASE_UNAVAILABLE');
  t.regex(noLogin.message, /refuses the user/);
  t.notRegex(noLogin.message, /secret/);
  await runSql(url, `ALTER ROLE ${role} LOGIN`);
  const noRight = await scanning(place => {
    place.username = role;
  });
  t.is(noRight.code, 'DATABASE_UNAVAILABLE');
  t.regex(noRight.message, /permission denied for table pages/);
  t.regex(noRight.hint!, /own the tables/);
  await t.throwsAsync(openSiteDatabase('postgres://host', {exclude: []}), {message: /name of the database/});
});
