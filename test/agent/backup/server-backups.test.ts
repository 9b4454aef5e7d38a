import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test from 'ava';
import {mariadbBackup} from '../../../source/agent/database/mariadb/mariadb-backup.js';
import {postgresBackup} from '../../../source/agent/database/postgres/postgres-backup.js';
import {OperatorError} from '../../../source/core/operator-error.js';
import {createServerDatabase, hasServer, serverUrl} from '../../helpers/database-server.js';
import {runSql} from '../../helpers/run-sql.js';
import {type BackupEngine, backupContract} from './backup-contract.js';

const create =
  (engine: 'postgres' | 'mysql', backupOf: typeof postgresBackup): BackupEngine['create'] =>
  async t => {
    const {url, drop} = await createServerDatabase(engine);
    t.teardown(drop);
    return {
      url,
      backup: backupOf(url),
      async execute(statements) {
        for (const sql of statements) await runSql(url, sql);
      },
      query: async sql => (await runSql(url, sql)).map(row => row.map(String)),
    };
  };

// Tests are declared together, once it is known which there are.
const [postgres, mysql] = await Promise.all([hasServer('postgres'), hasServer('mysql')]);

if (postgres)
  backupContract({
    name: 'PostgreSQL',
    create: create('postgres', postgresBackup),
    blob: hex => `'\\x${hex}'::bytea`,
    blobType: 'BYTEA',
    trigger: [
      "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES ((SELECT coalesce(max(id), 0) + 1 FROM log), new.title); RETURN new; END'",
      'CREATE TRIGGER page_title AFTER UPDATE ON page FOR EACH ROW EXECUTE FUNCTION note()',
    ],
    beside: {
      made: [
        "CREATE TYPE mood AS ENUM ('calm', 'busy')",
        'CREATE SEQUENCE orders START 100',
        "SELECT nextval('orders')",
        "CREATE TABLE \"Mixed case\" (id INTEGER PRIMARY KEY DEFAULT nextval('orders'), mood mood DEFAULT 'calm', CHECK (id > 5))",
        'INSERT INTO "Mixed case" DEFAULT VALUES',
        'CREATE INDEX mixed_mood ON "Mixed case" (mood) WHERE id > 10',
        "CREATE FUNCTION shout(given text) RETURNS text LANGUAGE sql AS 'SELECT upper(given)'",
        "CREATE PROCEDURE tidy() LANGUAGE sql AS 'DELETE FROM log'",
        'CREATE MATERIALIZED VIEW loud AS SELECT id, shout(name) AS name FROM folder',
        'CREATE VIEW louder AS SELECT name FROM loud',
        'CREATE RULE quiet AS ON DELETE TO log DO INSTEAD NOTHING',
        'CREATE SCHEMA "other one"',
        'CREATE TABLE "other one".page (id INTEGER PRIMARY KEY)',
        'CREATE COLLATION exact FROM "C"',
      ],
      changed: [
        'DROP VIEW louder',
        'DROP MATERIALIZED VIEW loud',
        "CREATE OR REPLACE FUNCTION shout(given text) RETURNS text LANGUAGE sql AS 'SELECT lower(given)'",
        'CREATE VIEW added AS SELECT shout(title) AS title FROM page',
        'DROP PROCEDURE tidy',
        "CREATE FUNCTION more() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "SELECT nextval('orders')",
        'DROP TABLE "Mixed case"',
        "ALTER TYPE mood ADD VALUE 'glad'",
        'DROP RULE quiet ON log',
        'ALTER TABLE page DISABLE TRIGGER page_title',
        'DROP SCHEMA "other one" CASCADE',
        'CREATE SCHEMA third',
        'CREATE COLLATION added_collation FROM "C"',
      ],
      shown: [
        "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY 1",
        'SELECT matviewname, definition FROM pg_matviews ORDER BY 1',
        "SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1",
        'SELECT tgrelid::regclass::text, tgname, tgenabled, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2',
        "SELECT sequencename, last_value::text FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1",
        'SELECT enumlabel FROM pg_enum ORDER BY enumsortorder',
        "SELECT tablename, rulename FROM pg_rules WHERE schemaname = 'public' ORDER BY 1, 2",
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
        "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1",
        "SELECT collname FROM pg_collation WHERE collnamespace = 'public'::regnamespace ORDER BY 1",
      ],
    },
    tools: true,
  });

if (mysql)
  test('MariaDB: any password will do, and a right that a restore needs is asked for before', async t => {
    const {url, name, drop} = await createServerDatabase('mysql');
    const server = serverUrl('mysql');
    const user = `ls_${name.slice(-12)}`;
    const password = `p"a\\s'#s w`;
    t.teardown(async () => {
      await runSql(server, `DROP USER IF EXISTS ${user}@'%'`);
      await drop();
    });
    await runSql(url, 'CREATE TABLE page (id INTEGER PRIMARY KEY)');
    await runSql(server, `CREATE USER ${user}@'%' IDENTIFIED BY ?`, [password]);
    await runSql(server, `GRANT ALL ON \`${name}\`.* TO ${user}@'%'`);
    const login = new URL(url);
    login.username = user;
    login.password = encodeURIComponent(password);
    const backup = mariadbBackup(login.href);
    const refused = await t.throwsAsync(backup.mustBePossible(), {instanceOf: OperatorError});
    t.is(refused?.code, 'BACKUP_FAILED');
    t.regex(refused?.hint ?? '', /GRANT ALL ON `lockstep\\_%`/);
    await runSql(server, `GRANT ALL ON \`lockstep\\_%\`.* TO ${user}@'%'`);
    await backup.mustBePossible();
    const folder = mkdtempSync(path.join(tmpdir(), 'lockstep-backup-'));
    t.teardown(() => rmSync(folder, {recursive: true, force: true}));
    const work = {signal: new AbortController().signal};
    await backup.write(path.join(folder, 'x'), work);
    await runSql(url, 'INSERT INTO page VALUES (1)');
    await backup.restore(path.join(folder, 'x'), work);
    t.deepEqual(await runSql(url, 'SELECT id FROM page'), []);
  });

if (mysql)
  test('MariaDB: what cannot be made again takes the whole restore back; what belongs to others is left alone', async t => {
    const {url, name, drop} = await createServerDatabase('mysql');
    const server = serverUrl('mysql');
    const user = `ls_${name.slice(-12)}`;
    t.teardown(async () => {
      await runSql(server, `DROP USER IF EXISTS ${user}@'%'`);
      await drop();
    });
    await runSql(server, `CREATE USER ${user}@'%' IDENTIFIED BY 'x'`);
    for (const on of [name, 'lockstep\\_%']) await runSql(server, `GRANT ALL ON \`${on}\`.* TO ${user}@'%'`);
    await runSql(url, 'CREATE FUNCTION theirs() RETURNS INT DETERMINISTIC RETURN 1');
    const login = new URL(url);
    login.username = user;
    login.password = 'x';
    const make = (sql: string) => runSql(login.href, sql);
    await make('CREATE TABLE page (id INTEGER PRIMARY KEY, title VARCHAR(20)); CREATE TABLE log (n INTEGER)');
    await make('CREATE TRIGGER noted AFTER INSERT ON page FOR EACH ROW INSERT INTO log VALUES (NEW.id)');
    await make('CREATE FUNCTION ours() RETURNS INT DETERMINISTIC RETURN 1');
    await make(
      "CREATE VIEW titles AS SELECT title, ours() AS n FROM page; INSERT INTO page VALUES (1, 'old')",
    );
    const folder = mkdtempSync(path.join(tmpdir(), 'lockstep-backup-'));
    t.teardown(() => rmSync(folder, {recursive: true, force: true}));
    const file = path.join(folder, 'x');
    const work = {signal: new AbortController().signal};
    const backup = mariadbBackup(login.href);
    await backup.mustBePossible();
    await backup.write(file, work);

    await make("DELETE FROM page; INSERT INTO page VALUES (2, 'new'); DROP VIEW titles; DROP FUNCTION ours");
    await make(
      'CREATE FUNCTION ours() RETURNS INT DETERMINISTIC RETURN 2; CREATE VIEW later AS SELECT ours() AS n',
    );
    const shown = async () =>
      Promise.all(
        [
          'SELECT id, title FROM page',
          'SELECT n FROM log ORDER BY n',
          'SELECT n FROM later',
          'SELECT theirs(), ours()',
          'SELECT trigger_name, action_statement FROM information_schema.triggers WHERE trigger_schema = DATABASE()',
        ].map(make),
      );
    const before = await shown();
    const damaged = path.join(folder, 'damaged');
    const text = readFileSync(file, 'utf8');
    const broken = text.replace(/(VIEW `titles` AS select )/i, '$1no_such_column, ');
    t.not(broken, text);
    writeFileSync(damaged, broken);
    const error = await t.throwsAsync(backup.restore(damaged, work), {instanceOf: OperatorError});
    t.is(error?.code, 'BACKUP_FAILED');
    t.regex(error?.message ?? '', /no_such_column/);
    t.is(error?.hint, 'The database is as it was.');
    t.deepEqual(await shown(), before);

    await backup.restore(file, work);
    t.deepEqual(await make('SELECT title, n FROM titles'), [['old', '1']]);
    t.deepEqual(await make('SELECT theirs(), ours()'), [['1', '1']]);
    await t.throwsAsync(make('SELECT n FROM later'));
    await make("INSERT INTO page VALUES (3, 'noted')");
    t.deepEqual(await make('SELECT n FROM log ORDER BY n'), [['1'], ['3']]);

    // A backup from before there were definitions says nothing of them, so they stay as they are.
    const older = path.join(folder, 'older');
    writeFileSync(older, text.replace(/\n-- lockstep: the definitions follow\n(?:-- \{.*\n)*/, ''));
    t.true(readFileSync(older).length < text.length - 100);
    await backup.verify(older, work);
    await make('DROP VIEW titles; CREATE VIEW titles AS SELECT id FROM page');
    await backup.restore(older, work);
    t.deepEqual(await make('SELECT id FROM titles'), [['1']]);
  });

if (mysql)
  backupContract({
    name: 'MariaDB',
    create: create('mysql', mariadbBackup),
    blob: hex => `x'${hex}'`,
    blobType: 'BLOB',
    trigger: [
      'CREATE TRIGGER page_title AFTER UPDATE ON page FOR EACH ROW INSERT INTO log SELECT coalesce(max(id), 0) + 1, new.title FROM log',
    ],
    beside: {
      made: [
        'CREATE SEQUENCE orders START WITH 100',
        'SELECT NEXTVAL(orders)',
        'CREATE TABLE kept (id INTEGER PRIMARY KEY, title VARCHAR(100)) WITH SYSTEM VERSIONING',
        "INSERT INTO kept VALUES (1, 'first')",
        'CREATE FUNCTION shout(given VARCHAR(100)) RETURNS VARCHAR(100) DETERMINISTIC /* why; ;; */ RETURN UPPER(given)',
        "CREATE PROCEDURE tidy() COMMENT 'd''or' BEGIN DELETE FROM log; -- all; of it\n SELECT 'Grüße 日本'; END",
        'CREATE VIEW loud AS SELECT id, shout(name) AS name FROM folder',
        'CREATE VIEW a_loud AS SELECT name FROM loud',
        "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 03:00:00' DISABLE DO CALL tidy()",
      ],
      changed: [
        'DROP FUNCTION shout',
        'CREATE FUNCTION shout(given VARCHAR(100)) RETURNS VARCHAR(100) DETERMINISTIC RETURN LOWER(given)',
        'DROP VIEW a_loud',
        'CREATE VIEW added AS SELECT shout(title) AS title FROM page',
        'DROP PROCEDURE tidy',
        'CREATE PROCEDURE more() SELECT 1',
        'DROP EVENT nightly',
        'CREATE EVENT hourly ON SCHEDULE EVERY 1 HOUR DISABLE DO DELETE FROM log',
        'SELECT SETVAL(orders, 5000)',
        "UPDATE kept SET title = 'second'",
        'DROP TRIGGER page_title',
      ],
      shown: [
        'SELECT table_name, view_definition, check_option, security_type FROM information_schema.views WHERE table_schema = DATABASE() ORDER BY 1',
        'SELECT routine_name, routine_type, routine_definition, sql_mode, routine_comment, definer, dtd_identifier FROM information_schema.routines WHERE routine_schema = DATABASE() ORDER BY 1',
        'SELECT event_name, event_definition, interval_value, interval_field, starts, status, sql_mode, time_zone FROM information_schema.events WHERE event_schema = DATABASE() ORDER BY 1',
        'SELECT trigger_name, event_object_table, action_timing, event_manipulation, action_statement, sql_mode FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY 1',
        'SELECT next_not_cached_value FROM orders',
        'SELECT id, title FROM kept',
      ],
    },
    tools: true,
  });
