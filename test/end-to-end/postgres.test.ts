import test from 'ava';
import {hasServer} from '../helpers/database-server.js';
import {createWorld, eventually} from '../helpers/lockstep.js';

const schema = `
  CREATE TABLE folders (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES folders (id) ON DELETE CASCADE, name TEXT NOT NULL);
  CREATE TABLE pages (id BIGSERIAL PRIMARY KEY, folder INTEGER NOT NULL REFERENCES folders (id), slug TEXT NOT NULL UNIQUE,
    body JSONB, at TIMESTAMPTZ NOT NULL DEFAULT '2026-01-01 00:00:00.000001+00', price NUMERIC, words INTEGER GENERATED ALWAYS AS (length(slug)) STORED);
  CREATE TABLE visits (day DATE, who TEXT);
  CREATE TABLE sessions (id UUID PRIMARY KEY);
  INSERT INTO folders VALUES (2, 1, 'News'), (1, NULL, 'Root');
  INSERT INTO pages (folder, slug, body, price) VALUES (1, 'a', '{"big": 12345678901234567890.10}', 1.50), (2, 'b', NULL, 'NaN'), (2, 'c', '""', NULL);
  INSERT INTO visits VALUES ('2026-01-01', 'x'), ('2026-01-01', 'x'), (NULL, '');
`;

const scenario = (await hasServer('postgres')) ? test.serial : test.serial.skip;

scenario('X5: two sites with PostgreSQL databases are paired, copied, kept in step and verified', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers(
    {engine: 'postgres', schema, files: {'index.html': 'home'}},
    {engine: 'postgres', schema: schema.replace(/INSERT[\s\S]*/, '')},
  );
  const [here, there] = [local.site, remote.site];
  t.deepEqual(there.tables(), here.tables(), 'the initial sync copies everything');
  await world.profile('pair/all');
  await world.run('pair/all');

  here.sql(`
    INSERT INTO folders VALUES (10, 2, 'New'); INSERT INTO pages (folder, slug, body) VALUES (10, 'new', '{"b": 1, "a": 2}');
    UPDATE pages SET slug = 'tmp' WHERE slug = 'a'; UPDATE pages SET slug = 'a' WHERE slug = 'b'; UPDATE pages SET slug = 'b' WHERE slug = 'tmp';
    DELETE FROM pages WHERE slug = 'c'`);
  there.sql(`
    UPDATE folders SET name = 'Neues 👍' WHERE id = 2; INSERT INTO pages (folder, slug, at) VALUES (2, 'there', 'infinity');
    UPDATE pages SET price = 1.5000 WHERE slug = 'c'`);
  const preview = await world.preview('pair/all');
  t.is(preview.counts.conflicts, 1);
  const summary = await world.run('pair/all');
  t.like(summary, {status: 'success', skipped: 0, conflicts: 1});
  t.deepEqual(there.tables(), here.tables());
  t.like(await world.run('pair/all'), {status: 'success', applied: 0, skipped: 0, total: 0, bytes: 0});

  // A table is emptied behind row triggers, and triggers are switched off for a while.
  here.sql('TRUNCATE pages');
  t.is((await world.run('pair/all', ['--max-delete', '100%'])).deleted, 4);
  there.sql(`ALTER TABLE folders DISABLE TRIGGER lockstep_capture; UPDATE folders SET name = 'unseen' WHERE id = 1;
    ALTER TABLE folders ENABLE ALWAYS TRIGGER lockstep_capture`);
  t.is((await world.run('pair/all')).applied, 0);
  const verified = await world.lockstep('run', 'pair/all', '--verify', '--json');
  t.is(verified.exitCode, 0, String(verified));
  t.is(verified.summary().applied, 1);
  t.regex(verified.stdout, /there\/main: Verify: 1 change of table folders had gone unnoticed/);
  t.deepEqual(there.tables(), here.tables());

  // The remote agent dies right after the COMMIT whose answer nobody got; the run goes on when it is back.
  here.sql("INSERT INTO pages (folder, slug) VALUES (2, 'crash')");
  there.sql("INSERT INTO folders VALUES (20, 1, 'crash')");
  await remote.stop();
  await remote.start({LOCKSTEP_FAULT: 'commit.database-committed'});
  const going = world.lockstep('run', 'pair/all', '--json');
  await remote.ended();
  await remote.start();
  const crashed = await going;
  t.is(crashed.exitCode, 0, String(crashed));
  t.deepEqual(there.tables(), here.tables());
  t.is((await world.run('pair/all')).applied, 0);

  const other = await world.server('other', {schema: 'CREATE TABLE pages (id INTEGER PRIMARY KEY)'});
  const refused = await world.lockstep(
    ...['relationship', 'create', 'mixed', '--local', local.siteAddress, '--remote', other.siteAddress],
    ...['--initial', 'upload', '--json'],
  );
  t.is(refused.exitCode, 8);
  t.like(refused.error(), {code: 'ENGINE_DIFFERS'});
  await eventually('no connection of an agent is left', async () => {
    await Promise.all([local.stop(), remote.stop()]);
    return (
      here.rows(
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'lockstep' AND datname = current_database()",
      ).length === 0
    );
  });
});
