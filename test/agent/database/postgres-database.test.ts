import test from 'ava';
import {hasServer, takeTurn} from '../../helpers/database-server.js';
import {databaseContract, type TestEngine} from './contract.js';
import {createOwnedPostgresSite, createPostgresSite} from './postgres-site.js';

const escaping = "UPDATE pages SET title = 'changed' WHERE id = 1; DELETE FROM pages WHERE id = 2";

if (await hasServer('postgres')) {
  const engine: Omit<TestEngine, 'name' | 'create'> = {
    idTable: 'CREATE TABLE notes (id BIGSERIAL PRIMARY KEY, text VARCHAR(100))',
    turn: takeTurn,
    fullDisk: `CREATE FUNCTION fits(title text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
        IF title = 'too much' THEN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END IF;
        RETURN true; END $$;
      ALTER TABLE pages ADD CONSTRAINT fits CHECK (fits(title))`,
    concurrent: true,
    ownTrigger: `CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.title := 'site'; RETURN NEW; END $$;
      CREATE TRIGGER stamped BEFORE INSERT OR UPDATE ON pages FOR EACH ROW EXECUTE FUNCTION stamp()`,
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
        change: site => site.execute(`DROP TRIGGER lockstep_capture ON pages; ${escaping}`),
      },
      {
        title: 'triggers that were switched off',
        noticed: 'by every scan',
        change: site => site.execute(`ALTER TABLE pages DISABLE TRIGGER ALL; ${escaping}`),
      },
      {
        title: 'triggers that were switched off and on again',
        noticed: 'by a scan that verifies',
        change: site =>
          site.execute(
            `ALTER TABLE pages DISABLE TRIGGER lockstep_capture; ${escaping}; ALTER TABLE pages ENABLE ALWAYS TRIGGER lockstep_capture`,
          ),
      },
      {
        title: 'a function that was replaced',
        noticed: 'by every scan',
        change: site =>
          site.execute(
            `CREATE OR REPLACE FUNCTION lockstep.log_1() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; ${escaping}`,
          ),
      },
    ],
  };
  databaseContract({...engine, name: 'postgres', create: createPostgresSite});
  databaseContract({
    ...engine,
    name: 'postgres, as an owner without more rights',
    create: createOwnedPostgresSite,
  });
} else test.skip('postgres: no server', () => {});
