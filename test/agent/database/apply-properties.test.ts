import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import type {SiteDatabase, StagedRow} from '../../../source/agent/site/ports.js';
import type {RowRecord} from '../../../source/core/item.js';
import {createSqliteSite, type SqliteSite} from './sqlite-site.js';
import {bring, idOf, readTable, records} from './test-site.js';

/* Edits of two sites that touch each other's unique values and parents; whatever happens, some things must hold. */

const schema = `
  CREATE TABLE folders (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES folders(id), name TEXT UNIQUE);
  CREATE TABLE content (id INTEGER PRIMARY KEY, folder INTEGER NOT NULL REFERENCES folders(id), slug TEXT UNIQUE)`;
const stricter = schema
  .replace('name TEXT UNIQUE', "name TEXT UNIQUE CHECK (name <> 'refused')")
  .replace('slug TEXT UNIQUE', "slug TEXT UNIQUE CHECK (slug <> 'refused')");

const id = fc.integer({min: 1, max: 6});
const name = fc.constantFrom("'a'", "'b'", "'c'", "'d'", "'refused'", 'NULL');
const parent = fc.oneof(id.map(String), fc.constant('NULL'));
const edit = fc.oneof(
  fc
    .tuple(id, parent, name)
    .map(([key, up, label]) => `INSERT INTO folders VALUES (${key}, ${up}, ${label})`),
  fc.tuple(id, id, name).map(([key, up, label]) => `INSERT INTO content VALUES (${key}, ${up}, ${label})`),
  fc.tuple(id, parent).map(([key, up]) => `UPDATE folders SET parent = ${up} WHERE id = ${key}`),
  fc.tuple(id, name).map(([key, label]) => `UPDATE folders SET name = ${label} WHERE id = ${key}`),
  fc.tuple(id, name).map(([key, label]) => `UPDATE content SET slug = ${label} WHERE id = ${key}`),
  fc.tuple(id, id).map(([key, up]) => `UPDATE content SET folder = ${up} WHERE id = ${key}`),
  fc.tuple(id, id).map(([key, other]) => `UPDATE folders SET id = ${other} + 10 WHERE id = ${key}`),
  fc.tuple(id, id).map(([key, other]) => swap('folders', 'name', key, other)),
  fc.tuple(id, id).map(([key, other]) => swap('content', 'slug', key, other)),
  fc.tuple(id, id, name).map(([key, up, label]) => `REPLACE INTO content VALUES (${key}, ${up}, ${label})`),
  id.map(key => `DELETE FROM content WHERE id = ${key}`),
  id.map(key => `DELETE FROM folders WHERE id = ${key}`),
);
const edits = fc.array(edit, {minLength: 5, maxLength: 25});
const seed = [
  "INSERT INTO folders VALUES (1, NULL, 'a'), (2, 1, 'b'), (3, 2, 'c'), (4, 1, 'd'), (5, 4, NULL)",
  "INSERT INTO content VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c'), (4, 5, 'd')",
];

test('whatever was edited, a commit leaves no orphan, loses no row it did not mean, and knows every row it holds', async t => {
  await fc.assert(
    fc.asyncProperty(edits, edits, async (here, there) => {
      const [a, b] = [await createSqliteSite(t), await createSqliteSite(t)];
      const sites = [a, b];
      await a.execute(schema);
      await b.execute(stricter);
      for (const site of sites) await perform(site, seed);
      await a.database.scan({});
      await b.database.scan({});
      await perform(a, here);
      await perform(b, there);
      await b.database.scan({});
      const before = await contents(b.database);
      const {outcomes, history} = await bring(a.database, b.database);
      const after = await contents(b.database);

      t.deepEqual(await b.query('PRAGMA foreign_key_check'), [], 'no orphan');
      const applied = outcomes.filter(({outcome}) => outcome === 'applied').length;
      t.is(history.length, applied, 'history has every change');
      t.is(changes(before, after), applied, 'nothing else was changed');
      await knowsEveryRow(t, b.database);
      const position = await b.database.position();
      await b.database.scan({});
      t.deepEqual(await b.database.position(), position, 'nothing of it comes back as the site’s own change');
      for (const site of sites) await site.dispose();
    }),
    {numRuns: 60},
  );
});

/** Exchanges the unique values of two rows. */
function swap(table: string, column: string, one: number, other: number): string {
  const take = (key: number, value: string) => `UPDATE ${table} SET ${column} = ${value} WHERE id = ${key};`;
  const of = (key: number) => `(SELECT ${column} FROM ${table} WHERE id = ${key})`;
  return (
    `CREATE TEMP TABLE swapped AS SELECT ${of(one)} AS one, ${of(other)} AS other; ${take(one, 'NULL')} ` +
    `${take(other, '(SELECT one FROM swapped)')} ${take(one, '(SELECT other FROM swapped)')} DROP TABLE swapped`
  );
}

/** Edits that the site's own constraints refuse did not happen. */
async function perform(site: SqliteSite, statements: readonly string[]): Promise<void> {
  for (const sql of statements)
    try {
      await site.execute(sql);
    } catch {
      // A refused edit, which may have been in the middle.
      await site.execute('DROP TABLE IF EXISTS temp.swapped');
    }
}

async function contents(database: SiteDatabase): Promise<Map<string, StagedRow>> {
  const rows = [...(await readTable(database, 'folders')), ...(await readTable(database, 'content'))];
  return new Map(rows.map(row => [`${row.table}:${row.key.join('|')}`, row]));
}

function changes(before: ReadonlyMap<string, StagedRow>, after: ReadonlyMap<string, StagedRow>): number {
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].filter(key => before.get(key)?.digest !== after.get(key)?.digest).length;
}

async function knowsEveryRow(t: ExecutionContext, database: SiteDatabase): Promise<void> {
  const rows = await contents(database);
  const live = [...(await records(database)).values()].filter(
    (record): record is RowRecord => !record.deleted,
  );
  t.deepEqual(
    new Map(live.map(record => [idOf(record), [record.digest, record.vector]])),
    new Map(
      [...rows.values()]
        .sort(byItem)
        .map(row => [`${row.table}:${row.key.join('|')}`, [row.digest, row.vector]]),
    ),
  );
  t.is(await database.count(), rows.size);
}

function byItem(a: StagedRow, b: StagedRow): number {
  return a.table === b.table
    ? JSON.stringify(a.key) < JSON.stringify(b.key)
      ? -1
      : 1
    : a.table < b.table
      ? -1
      : 1;
}
