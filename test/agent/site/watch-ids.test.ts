import {join} from 'node:path';
import test from 'ava';
import {watchIds} from '../../../source/agent/site/watch-ids.js';
import {createSqliteSite} from '../database/sqlite-site.js';

test('E25: a database that was restored does not issue ids again that others have seen', async t => {
  const {database, execute, query, folder} = await createSqliteSite(t, {serverNumber: () => 2});
  const file = join(folder, 'issued-ids.json');
  await execute('CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT)');
  await database.scan({});
  t.deepEqual(await watchIds(database, undefined, file), []);
  await execute("INSERT INTO notes (text) VALUES ('a'), ('b'), ('c')");
  t.deepEqual(await watchIds(database, 2, file), []);
  const [[last]] = (await query('SELECT max(id) FROM notes')) as [[bigint]];

  // As a backup from before the three has it.
  await execute('DELETE FROM notes; UPDATE sqlite_sequence SET seq = 1000000000000');
  const [warning] = await watchIds(database, 2, file);
  t.regex(
    warning ?? '',
    new RegExp(`notes.id had issued ids up to ${last} before the database was restored`),
  );
  await execute("INSERT INTO notes (text) VALUES ('d')");
  t.deepEqual(await query('SELECT id FROM notes'), [[last + 1n]]);
  t.deepEqual(await watchIds(database, 2, file), []);

  // Another number has other ids; what the old one had issued says nothing.
  t.deepEqual(await watchIds(database, 3, file), []);
});
