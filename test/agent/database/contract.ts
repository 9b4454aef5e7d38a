import test, {type ExecutionContext} from 'ava';
import type {SiteDatabaseOptions} from '../../../source/agent/database/database-options.js';
import {digestRow} from '../../../source/agent/database/row-digest.js';
import type {StagedImage} from '../../../source/agent/database/table-image.js';
import type {WireRow} from '../../../source/agent/site/ports.js';
import {compareItems, type RowRecord} from '../../../source/core/item.js';
import {replacementsContract} from './replacements-contract.js';
import {
  bring,
  collect,
  commit,
  expectation,
  idOf,
  readImage,
  readTable,
  records,
  refOf,
  row,
  stagedRows,
  type TestDatabase,
} from './test-site.js';

/** How the contract makes databases of an engine. */
export type TestEngine = {
  readonly name: string;
  /** Statement that makes a table `notes` with a column `id` whose ids the engine issues, and `text`. */
  readonly idTable?: string;
  /**
   * Ways in which rows of `pages` change that no trigger of ours, or none that is left, sees. Row 1 of three is to get
   * the title `changed`, row 2 to go, row 3 to stay as it is.
   */
  readonly escapes?: readonly {
    readonly title: string;
    change(site: TestDatabase): Promise<void>;
    /** Whether any scan notices, or only one that verifies. */
    readonly noticed: 'by every scan' | 'by a scan that verifies';
  }[];
  /** Statements that give `pages` a trigger of the site's own, which writes `site` into `title` whenever a row is. */
  readonly ownTrigger?: string;
  /** Statements after which the server says of every row of `pages` with the title `too much` that its disk is full. */
  readonly fullDisk?: string;
  /** Whether two transactions can write at the same time. */
  readonly concurrent?: boolean;
  /** Lets a test wait until the server has connections for it. */
  turn?(t: ExecutionContext): Promise<void>;
  /** A fresh, empty database that goes away with the test. On a server: `test/helpers/database-server.ts`. */
  create(t: ExecutionContext, options?: Partial<SiteDatabaseOptions>): Promise<TestDatabase>;
};

/** What every driver of the SiteDatabase port must do. SQL here is understood by all engines. */
export function databaseContract(engine: TestEngine): void {
  replacementsContract(engine);
  const rule = (title: string, body: (t: ExecutionContext, create: TestEngine['create']) => Promise<void>) =>
    test(`${engine.name}: ${title}`, async t => {
      await engine.turn?.(t);
      await body(t, engine.create);
    });

  const two = async (t: ExecutionContext, schema: string): Promise<[TestDatabase, TestDatabase]> => {
    const sites = await Promise.all([engine.create(t), engine.create(t)]);
    for (const site of sites) await site.execute(schema);
    return sites as [TestDatabase, TestDatabase];
  };
  const pages = 'CREATE TABLE pages (id INTEGER PRIMARY KEY, title VARCHAR(200), slug VARCHAR(200) UNIQUE)';

  rule('the first scan takes every row as its own first version', async (t, create) => {
    const site = await create(t);
    await site.execute(`${pages}; INSERT INTO pages VALUES (1, 'Home', 'home'), (2, 'News', 'news')`);
    const scan = await site.database.scan({});
    const found = await records(site.database);
    t.deepEqual([...found.keys()], ['pages:1', 'pages:2']);
    t.deepEqual(
      [...found.values()].map(record => record.vector),
      [`${scan.replica}:1`, `${scan.replica}:1`],
    );
    t.deepEqual(scan.tables, [
      {table: 'pages', columns: ['id', 'slug', 'title'], primaryKey: ['id'], references: [], rows: 2},
    ]);
    t.is(await site.database.count(), 2);
  });

  rule('only what changed since a position is listed', async (t, create) => {
    const site = await create(t);
    await site.execute(`${pages}; INSERT INTO pages VALUES (1, 'a', 'a'), (2, 'b', 'b'), (3, 'c', 'c')`);
    const {replica} = await site.database.scan({});
    const position = await site.database.position();
    await site.execute("UPDATE pages SET title = 'B' WHERE id = 2; DELETE FROM pages WHERE id = 3");
    await site.database.scan({});
    const changed = (await collect(site.database.changes(position))) as RowRecord[];
    t.deepEqual(
      changed.map(({key, vector, deleted}) => ({key, vector, deleted})),
      [
        {key: ['2'], vector: `${replica}:2`, deleted: false},
        {key: ['3'], vector: `${replica}:2`, deleted: true},
      ],
    );
    t.is(await site.database.count(), 2);
  });

  rule(
    'a table that was gone and is made anew deletes nothing, and its rows are nobody’s older ones',
    async t => {
      const [a, b] = await two(t, `${pages}; INSERT INTO pages VALUES (1, 'a', 'a'), (2, 'b', 'b')`);
      await bring(a.database, b.database);
      const before = (await records(a.database)).get('pages:1') as RowRecord;
      await a.execute('DROP TABLE pages');
      const {tables} = await a.database.scan({});
      t.deepEqual(tables, []);
      await a.execute(`${pages}; INSERT INTO pages VALUES (1, 'other', 'other')`);
      const {replica} = await a.database.scan({});
      const found = await records(a.database);
      t.deepEqual([...found.keys()], ['pages:1']);
      // The count of the row begins again, so it must not be the same one's.
      t.is((found.get('pages:1') as RowRecord).vector, `${replica}:1`);
      t.false(before.vector.includes(replica));
      t.is(await a.database.count(), 1);
      await bring(a.database, b.database);
      t.deepEqual((await b.query('SELECT title FROM pages ORDER BY id')).flat(), ['other', 'b']);
    },
  );

  rule('a table that is only excluded for a while keeps its versions', async t => {
    const [a] = await two(t, `${pages}; INSERT INTO pages VALUES (1, 'a', 'a')`);
    await a.database.scan({});
    const excluded = await a.reopen({exclude: ['pages']});
    await excluded.database.scan({});
    await a.execute("UPDATE pages SET title = 'b'");
    const again = await excluded.reopen({exclude: []});
    const {replica} = await again.database.scan({});
    t.is((await records(again.database)).get('pages:1')!.vector, `${replica}:2`);
  });

  rule('an edit that was taken back is no change', async (t, create) => {
    const site = await create(t);
    await site.execute(`${pages}; INSERT INTO pages VALUES (1, 'a', 'a')`);
    await site.database.scan({});
    const before = await site.database.position();
    await site.execute(
      "UPDATE pages SET title = 'b'; UPDATE pages SET title = 'a'; INSERT INTO pages VALUES (2, 'x', 'x'); DELETE FROM pages WHERE id = 2",
    );
    await site.database.scan({});
    t.deepEqual(await site.database.position(), before);
  });

  rule('a changed key is a deletion and an addition', async (t, create) => {
    const site = await create(t);
    await site.execute(`${pages}; INSERT INTO pages VALUES (1, 'a', 'a')`);
    await site.database.scan({});
    await site.execute('UPDATE pages SET id = 7');
    await site.database.scan({});
    const found = await records(site.database);
    t.true(found.get('pages:1')!.deleted);
    t.false(found.get('pages:7')!.deleted);
  });

  rule('what is applied carries its version and is not the site’s own change', async t => {
    const [a, b] = await two(t, pages);
    await a.execute("INSERT INTO pages VALUES (1, 'Home', 'home')");
    const {outcomes, history} = await bring(a.database, b.database);
    t.deepEqual(outcomes, [{index: 0, outcome: 'applied'}]);
    const created = (await records(a.database)).get(idOf(row('pages', '1')))!;
    const {digest, vector} = created as RowRecord;
    t.deepEqual(history, [
      {action: 'create', before: undefined, item: row('pages', '1'), after: {digest, vector}},
    ]);
    await b.database.scan({});
    t.is(
      (await records(b.database)).get('pages:1')!.vector,
      (await records(a.database)).get('pages:1')!.vector,
    );
    t.deepEqual(
      await b.query('SELECT id, title, slug FROM pages'),
      await a.query('SELECT id, title, slug FROM pages'),
    );
    t.deepEqual((await bring(a.database, b.database)).outcomes, []);
  });

  rule('history receives what a row was before it is replaced or deleted', async t => {
    const [a, b] = await two(t, `${pages}; INSERT INTO pages VALUES (1, 'a', 'a'), (2, 'b', 'b')`);
    await a.database.scan({});
    await b.database.scan({});
    await a.execute("UPDATE pages SET title = 'A' WHERE id = 1; DELETE FROM pages WHERE id = 2");
    const {history} = await bring(a.database, b.database);
    t.deepEqual(
      history.map(({action, before}) => [action, before?.row.title, before?.key]),
      [
        ['update', 'ta', ['1']],
        ['delete', 'tb', ['2']],
      ],
    );
  });

  rule('rows may swap unique values, around a cycle of any length', async t => {
    const [a, b] = await two(
      t,
      `${pages}; INSERT INTO pages VALUES (1, 'a', 'x'), (2, 'b', 'y'), (3, 'c', 'z'), (4, 'd', 'w')`,
    );
    await a.database.scan({});
    await a.execute(
      "UPDATE pages SET slug = 'tmp' WHERE id = 1; UPDATE pages SET slug = 'x' WHERE id = 2; UPDATE pages SET slug = 'y' WHERE id = 3; UPDATE pages SET slug = 'z' WHERE id = 1; DELETE FROM pages WHERE id = 4; INSERT INTO pages VALUES (5, 'e', 'w')",
    );
    const {outcomes} = await bring(a.database, b.database);
    t.deepEqual(
      outcomes.filter(({outcome}) => outcome !== 'applied'),
      [],
    );
    const all = 'SELECT id, title, slug FROM pages ORDER BY id';
    t.deepEqual(await b.query(all), await a.query(all));
  });

  rule('a row in the way is not deleted: the arriving one is skipped with the engine’s message', async t => {
    const [a, b] = await two(t, pages);
    await a.execute("INSERT INTO pages VALUES (1, 'a', 'same'), (2, 'ok', 'ok')");
    await b.execute("INSERT INTO pages VALUES (9, 'b', 'same')");
    const {outcomes, history} = await bring(a.database, b.database);
    t.is(outcomes[0]!.outcome, 'skipped');
    t.is(outcomes[0]!.conflict, 'insert_exists');
    t.regex(outcomes[0]!.error!, /unique|duplicate/i);
    t.is(outcomes[1]!.outcome, 'applied');
    t.is(history.length, 1);
    t.deepEqual((await b.query('SELECT id FROM pages ORDER BY id')).flat().map(String), ['2', '9']);
    t.is((await b.database.lookUp([row('pages', '1')]))[0], undefined);
  });

  rule('a swap with a row that must stay is skipped, its partner too', async t => {
    const [a, b] = await two(t, `${pages}; INSERT INTO pages VALUES (1, 'a', 'x'), (2, 'b', 'y')`);
    await b.execute("INSERT INTO pages VALUES (3, 'c', 'z')");
    await a.execute("UPDATE pages SET slug = 'z' WHERE id = 1; UPDATE pages SET slug = 'x' WHERE id = 2");
    const {outcomes} = await bring(a.database, b.database);
    t.deepEqual(
      outcomes.map(({outcome, conflict}) => [outcome, conflict]),
      [
        ['skipped', 'multiple_unique_conflicts'],
        ['skipped', 'multiple_unique_conflicts'],
      ],
    );
    t.deepEqual((await b.query('SELECT slug FROM pages ORDER BY id')).flat(), ['x', 'y', 'z']);
  });

  const tree = `CREATE TABLE folders (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES folders(id), name VARCHAR(50) CHECK (name <> 'bad'));
    CREATE TABLE content (id INTEGER PRIMARY KEY, folder INTEGER REFERENCES folders(id), title VARCHAR(50))`;

  rule('children of a skipped row are skipped with "parent skipped", through all levels', async t => {
    const [a, b] = await two(t, tree.replace(" CHECK (name <> 'bad')", ''));
    await b.execute('DROP TABLE content; DROP TABLE folders');
    await b.execute(tree);
    await a.execute(
      "INSERT INTO folders VALUES (5, NULL, 'bad'), (3, 5, 'child'), (4, NULL, 'fine'); INSERT INTO content VALUES (1, 3, 'leaf'), (2, 4, 'good')",
    );
    const {outcomes} = await bring(a.database, b.database);
    const reasons = outcomes.map(({outcome, error}) => error ?? outcome);
    t.is(reasons.filter(reason => reason === 'applied').length, 2);
    t.is(reasons.filter(reason => reason.startsWith('parent skipped: folders')).length, 2);
    t.deepEqual((await b.query('SELECT id FROM content')).flat().map(String), ['2']);
    t.deepEqual((await b.query('SELECT id FROM folders')).flat().map(String), ['4']);
    t.is(await b.database.count(), 2);
  });

  rule('a row that another one still refers to is not deleted', async t => {
    const [a, b] = await two(t, `${tree}; INSERT INTO folders VALUES (1, NULL, 'a'), (2, 1, 'b')`);
    await a.database.scan({});
    await b.database.scan({});
    const before = (await b.database.lookUp([row('folders', '1')]))[0];
    await b.execute("INSERT INTO content VALUES (7, 2, 'kept')");
    await a.execute('DELETE FROM folders WHERE id = 2; DELETE FROM folders WHERE id = 1');
    const {outcomes, history} = await bring(a.database, b.database);
    t.deepEqual(
      outcomes.map(({error}) => error),
      ['is still referenced by folders 2', 'is still referenced by content 7'],
    );
    t.deepEqual(history, []);
    t.deepEqual((await b.query('SELECT id FROM folders ORDER BY id')).flat().map(String), ['1', '2']);
    t.deepEqual((await b.database.lookUp([row('folders', '1')]))[0], before);
  });

  rule('self-references, cycles and children before parents arrive whole', async t => {
    const cycle = `CREATE TABLE a_heads (id INTEGER PRIMARY KEY, body INTEGER);
      CREATE TABLE bodies (id INTEGER PRIMARY KEY, head INTEGER REFERENCES a_heads(id));
      CREATE TABLE nodes (id INTEGER PRIMARY KEY, up INTEGER REFERENCES nodes(id))`;
    const [a, b] = await two(t, cycle);
    await a.execute(
      'INSERT INTO a_heads VALUES (1, 1); INSERT INTO bodies VALUES (1, 1); INSERT INTO nodes VALUES (2, NULL); INSERT INTO nodes VALUES (1, 2); UPDATE nodes SET up = 1 WHERE id = 2; INSERT INTO nodes VALUES (3, 3)',
    );
    const {outcomes} = await bring(a.database, b.database);
    t.true(outcomes.every(({outcome}) => outcome === 'applied'));
    await a.execute('UPDATE nodes SET up = NULL; DELETE FROM nodes');
    t.true((await bring(a.database, b.database)).outcomes.every(({outcome}) => outcome === 'applied'));
    t.is(await b.database.count(), 2);
  });

  rule('what changed since the plan is skipped, or refuses a strict commit as a whole', async t => {
    const [a, b] = await two(t, `${pages}; INSERT INTO pages VALUES (1, 'a', 'a'), (2, 'b', 'b')`);
    await a.database.scan({});
    await b.database.scan({});
    const there = await records(b.database);
    await a.execute("UPDATE pages SET title = 'from a'");
    await a.database.scan({});
    const here = await records(a.database);
    const operations = ['pages:1', 'pages:2'].map(id => ({
      op: 'put' as const,
      record: here.get(id) as RowRecord,
      expect: expectation(there.get(id)),
    }));
    const rows = await stagedRows(a.database, [row('pages', '1'), row('pages', '2')]);
    // No scan in between: the commit itself has to notice.
    await b.execute("UPDATE pages SET title = 'from b' WHERE id = 2");
    const before = await b.query('SELECT id, title FROM pages ORDER BY id');
    const refused = await t.throwsAsync(commit(b.database, operations, {rows, strict: true}));
    t.is((refused as Error & {code?: string}).code, 'STALE_PLAN');
    t.deepEqual(await b.query('SELECT id, title FROM pages ORDER BY id'), before);
    const {outcomes} = await commit(b.database, operations, {rows});
    t.deepEqual(
      outcomes.map(({outcome, conflict}) => [outcome, conflict]),
      [
        ['applied', undefined],
        ['skipped', 'update_differing'],
      ],
    );
  });

  rule('a commit that is undone leaves the database as it was', async t => {
    const [a, b] = await two(t, `${pages}; INSERT INTO pages VALUES (1, 'a', 'a')`);
    await a.execute("UPDATE pages SET title = 'A'; INSERT INTO pages VALUES (2, 'b', 'b')");
    await a.database.scan({});
    await b.database.scan({});
    const before = await b.dump();
    const there = await records(b.database);
    const here = [...(await records(a.database)).values()] as RowRecord[];
    const {runId} = await commit(
      b.database,
      here.map(record => ({op: 'put', record, expect: expectation(there.get(idOf(record)))})),
      {rows: await stagedRows(a.database, here), undo: true},
    );
    t.is(await b.dump(), before);
    t.false(await b.database.wasCommitted(runId, 'main'));
  });

  rule('a failure at the last row leaves the database as it was', async t => {
    const [a, b] = await two(t, pages);
    await a.execute("INSERT INTO pages VALUES (1, 'a', 'a'), (2, 'b', 'b')");
    await a.database.scan({});
    await b.database.scan({});
    const before = await b.dump();
    const here = [...(await records(a.database)).values()] as RowRecord[];
    const rows = await stagedRows(a.database, here);
    const participant = b.database.beginCommit({
      runId: '20261121-000000-broken',
      step: 'main',
      operations: (async function* () {
        for (const [index, record] of here.entries())
          yield {index, operation: {op: 'put' as const, record, expect: {state: 'absent' as const}}};
      })(),
      tables: new Set(['pages']),
      stagedRow: async index => {
        if (index === 1) throw new Error('the disk is gone');
        return rows.get(idOf(here[index]!));
      },
      async *stagedTable() {},
      async history() {},
    });
    await t.throwsAsync(participant.prepare({strict: false}), {message: 'the disk is gone'});
    t.is(await b.dump(), before);
    t.is((await bring(a.database, b.database)).outcomes.length, 2);
  });

  if (engine.fullDisk !== undefined) {
    const fullDisk = engine.fullDisk;
    rule('a full disk of the server refuses the commit as a whole, and is named', async t => {
      const [a, b] = await two(t, pages);
      await a.execute("INSERT INTO pages VALUES (1, 'fits', 'a'), (2, 'too much', 'b'), (3, 'fits', 'c')");
      await b.execute(fullDisk);
      await b.database.scan({});
      const before = await b.dump();
      const refused = await t.throwsAsync(bring(a.database, b.database));
      t.is((refused as Error & {code?: string}).code, 'NO_SPACE');
      t.is(await b.dump(), before);
      await a.execute("UPDATE pages SET title = 'less' WHERE id = 2");
      t.is((await bring(a.database, b.database)).outcomes.length, 3);
    });
  }

  rule('a committed run is remembered', async t => {
    const [a, b] = await two(t, pages);
    await a.execute("INSERT INTO pages VALUES (1, 'a', 'a')");
    const {runId} = await bring(a.database, b.database);
    t.true(await b.database.wasCommitted(runId, 'main'));
    t.false(await b.database.wasCommitted(runId, 'adopt'));
  });

  rule('equal content is unchanged and merges the versions', async t => {
    const [a, b] = await two(t, `${pages}; INSERT INTO pages VALUES (1, 'a', 'a')`);
    const scans = [await a.database.scan({}), await b.database.scan({})];
    const record = (await records(a.database)).get('pages:1') as RowRecord;
    const {outcomes} = await commit(b.database, [{op: 'put', record, expect: {state: 'absent'}}]);
    t.deepEqual(outcomes, [{index: 0, outcome: 'unchanged'}]);
    const vector = scans
      .map(({replica}) => `${replica}:1`)
      .sort()
      .join(',');
    t.is((await records(b.database)).get('pages:1')!.vector, vector);
  });

  rule('adopting moves only the version', async t => {
    const [a] = await two(t, `${pages}; INSERT INTO pages VALUES (1, 'a', 'a')`);
    await a.database.scan({});
    const record = (await records(a.database)).get('pages:1')!;
    const {outcomes} = await commit(a.database, [
      {op: 'adopt', item: row('pages', '1'), expect: expectation(record), vector: 'zz:4'},
      {op: 'adopt', item: row('pages', '2'), expect: expectation(record), vector: 'zz:4'},
    ]);
    t.deepEqual(
      outcomes.map(({outcome}) => outcome),
      ['applied', 'skipped'],
    );
    const after = (await records(a.database)).get('pages:1')!;
    t.deepEqual({...after, seq: 0}, {...record, vector: 'zz:4', seq: 0});
  });

  rule('a table is copied whole with its versions; what was there goes into history', async t => {
    const [a, b] = await two(t, pages);
    await a.execute("INSERT INTO pages VALUES (1, 'a', 'a'), (2, 'b', 'b')");
    await b.execute("INSERT INTO pages VALUES (1, 'old', 'old'), (9, 'x', 'a')");
    const scan = await a.database.scan({});
    await b.database.scan({});
    const position = await b.database.position();
    const {outcomes, history} = await commit(b.database, [{op: 'copy-table', table: 'pages', keyed: true}], {
      tables: {pages: await readTable(a.database, 'pages')},
      lineage: scan.lineage,
    });
    t.deepEqual(outcomes, [{index: 0, outcome: 'applied', rows: 2}]);
    t.deepEqual(
      history.map(({item, before}) => [item.type, before?.row.title]),
      [
        ['row', 'told'],
        ['row', 'tx'],
        ['table', undefined],
      ],
    );
    const copy = await b.database.scan({});
    t.is(copy.lineage, scan.lineage);
    t.not(copy.epoch, position.epoch);
    const versions = (found: Map<string, unknown>) =>
      JSON.stringify([...found.values()].map(record => ({...(record as RowRecord), seq: 0})));
    t.is(versions(await records(b.database)), versions(await records(a.database)));
    t.is(await b.database.count(), 2);
  });

  rule('a table that travels as an image is the same there, with its versions', async t => {
    const [a, b] = await two(
      t,
      'CREATE TABLE texts (name VARCHAR(60) PRIMARY KEY, big BIGINT, price NUMERIC(20, 6), note TEXT)',
    );
    const text = (value: string) =>
      `'${value.replaceAll("'", "''").replaceAll('\\', engine.name === 'mariadb' ? '\\\\' : '\\')}'`;
    const notes = [
      ...[
        '',
        'plain',
        ' ends ',
        'it\'s “quoted” "so"',
        '\\N',
        'back\\slash\\',
        'tab\there',
        'line\nand\r\nline',
      ],
      ...['bell\u0007', 'escape\u001b', '\u007f', 'Grüße 🎉', '\u2028', 't', '\\u001B', '{"a":[1,"\\t"]}'],
    ];
    const values = notes.map((note, index) => {
      // Keys with control characters make MariaDB's tables travel row by row.
      const name = `${note.replaceAll(/[\0-\x1f]|u00/g, '')}#${index}`;
      return `(${text(name)}, ${index}, ${index}.5, ${text(note)})`;
    });
    await a.execute(
      `INSERT INTO texts VALUES ${values.join(', ')}, ('extremes', -9223372036854775808, -0.000001, NULL), ('nothing', NULL, NULL, NULL)`,
    );
    await b.execute("INSERT INTO texts VALUES ('here before', 1, 1, 'x')");
    const scan = await a.database.scan({});
    // Row by row, what the versions say is what the rows hold.
    t.deepEqual((await a.database.scan({verify: true})).warnings, []);
    await a.execute(
      "UPDATE texts SET big = 99 WHERE name = 'nothing'; DELETE FROM texts WHERE name = 'plain#1'",
    );
    await b.database.scan({});
    const format = await b.database.imageFormat?.('texts');
    if (format === undefined) {
      t.pass('rows of this engine travel one by one');
      return;
    }
    t.is(await readImage(a.database, 'texts', format), undefined, 'what was logged has no version yet');
    await a.database.scan({});
    t.is(await readImage(a.database, 'texts', 'another'), undefined);
    const image = (await readImage(a.database, 'texts', format))!;
    t.is(image.vector, `${scan.replica}:1`);
    const copy = async (images: {texts: StagedImage}) => {
      const copied = await commit(b.database, [{op: 'copy-table', table: 'texts', keyed: true}], {images});
      return copied.outcomes[0]!;
    };
    t.is((await copy({texts: {...image, checksum: '1'}})).outcome, 'skipped');
    t.deepEqual(await b.query('SELECT name FROM texts'), [['here before']]);
    t.deepEqual(await copy({texts: image}), {index: 0, outcome: 'applied', rows: image.rows});
    t.deepEqual((await b.database.scan({verify: true})).warnings, []);
    const live = async (site: TestDatabase) =>
      [...(await records(site.database)).values()]
        .map(record => ({...(record as RowRecord), seq: 0}))
        .filter(({deleted}) => !deleted);
    t.deepEqual(await live(b), await live(a));
    t.is(await b.database.count(), notes.length + 1);
    const rows = (site: TestDatabase) => site.query('SELECT name, big, price, note FROM texts ORDER BY name');
    t.deepEqual(await rows(b), await rows(a));
    // Captured like any other.
    await b.execute("UPDATE texts SET big = 100 WHERE name = 'nothing'");
    await b.database.scan({});
    t.is((await live(b)).find(({key}) => key[0] === 'nothing')!.vector.split(',').length, 2);
  });

  rule('of many rows that were there first, what changes anywhere is noticed, and nothing else', async t => {
    const [a, b] = await two(t, 'CREATE TABLE many (name VARCHAR(40) PRIMARY KEY, note VARCHAR(40))');
    const rows = 730;
    // Not in the order of numbers, nor in that of a language.
    const name = (index: number) => `${['Ä', 'a', 'B', '"', '10', '9', '🎉', '\uff5e'][index % 8]}${index}`;
    const values = Array.from({length: rows}, (_, index) => `('${name(index)}', 'note ${index}')`);
    await a.execute(`INSERT INTO many VALUES ${values.join(', ')}`);
    const {replica} = await a.database.scan({});
    const first = [...(await records(a.database)).values()] as RowRecord[];
    t.is(first.length, rows);
    t.is(await a.database.count(), rows);
    t.deepEqual(
      first.map(({key}) => key[0]),
      first
        .map(({key}) => key[0]!)
        .toSorted((x, y) => Buffer.compare(Buffer.from(JSON.stringify(x)), Buffer.from(JSON.stringify(y)))),
    );
    t.true(first.every(({vector, deleted}) => vector === `${replica}:1` && !deleted));
    const position = await a.database.position();
    t.deepEqual(await collect(a.database.changes(position)), []);

    const updated = [0, 1, 2, 3, 99, 100, 101, 350, 728].map(name);
    const deleted = [7, 8, 9, 200, 500, 729].map(name);
    const added = ['!', 'a1.5', '\u{10ffff}'];
    const list = (names: readonly string[]) => names.map(text => `'${text}'`).join(', ');
    await a.execute(`UPDATE many SET note = 'changed' WHERE name IN (${list(updated)})`);
    await a.execute(`DELETE FROM many WHERE name IN (${list(deleted)})`);
    await a.execute(`INSERT INTO many VALUES ${added.map(text => `('${text}', 'new')`).join(', ')}`);
    // Taken back, and gone and back again: no change.
    await a.execute(`UPDATE many SET note = 'x' WHERE name = '${name(50)}'`);
    await a.execute(`UPDATE many SET note = 'note 50' WHERE name = '${name(50)}'`);
    await a.execute(`DELETE FROM many WHERE name = '${name(51)}'`);
    await a.execute(`INSERT INTO many VALUES ('${name(51)}', 'note 51')`);
    t.deepEqual((await a.database.scan({verify: true})).warnings, []);
    const changed = (await collect(a.database.changes(position))) as RowRecord[];
    t.deepEqual(
      changed.map(({key, vector, deleted: gone}) => `${key[0]} ${vector} ${gone}`).sort(),
      [
        ...updated.map(text => `${text} ${replica}:2 false`),
        ...deleted.map(text => `${text} ${replica}:2 true`),
        ...added.map(text => `${text} ${replica}:1 false`),
      ].sort(),
    );
    const live = rows - deleted.length + added.length;
    t.is(await a.database.count(), live);
    const all = (await collect(a.database.changes({epoch: '', seq: 0}))) as RowRecord[];
    t.is(all.length, rows + added.length);
    t.deepEqual(all, all.toSorted(compareItems));
    const [same, gone, other] = await a.database.lookUp(
      [name(60), deleted[0]!, 'nobody'].map(text => row('many', text)),
    );
    t.deepEqual(
      same,
      first.find(({key}) => key[0] === name(60)),
    );
    t.like(gone, {deleted: true, vector: `${replica}:2`});
    t.is(other, undefined);

    // Once more, over what stands by itself by now.
    const later = await a.database.position();
    await a.execute(`UPDATE many SET note = 'again' WHERE name IN (${list([updated[0]!, name(60)])})`);
    await a.execute(`INSERT INTO many VALUES ('${deleted[0]}', 'back')`);
    await a.database.scan({});
    t.deepEqual(
      ((await collect(a.database.changes(later))) as RowRecord[])
        .map(({key, vector}) => `${key[0]} ${vector}`)
        .sort(),
      [`${updated[0]} ${replica}:3`, `${name(60)} ${replica}:2`, `${deleted[0]} ${replica}:3`].sort(),
    );

    const format = await b.database.imageFormat?.('many');
    const image = format === undefined ? undefined : await readImage(a.database, 'many', format);
    const copied = await commit(b.database, [{op: 'copy-table', table: 'many', keyed: true}], {
      ...(image === undefined
        ? {tables: {many: await readTable(a.database, 'many')}}
        : {images: {many: image}}),
    });
    t.deepEqual(copied.outcomes, [{index: 0, outcome: 'applied', rows: live + 1}]);
    const versions = async (site: TestDatabase) =>
      [...(await records(site.database)).values()].flatMap(record =>
        record.deleted ? [] : [{...record, seq: 0}],
      );
    t.deepEqual(await versions(b), await versions(a));
    t.deepEqual((await b.database.scan({verify: true})).warnings, []);

    // What comes and is taken back again leaves what was there.
    await a.execute(
      `UPDATE many SET note = 'for b' WHERE name IN (${list([name(300), name(301), name(302)])})`,
    );
    await a.execute(`DELETE FROM many WHERE name = '${name(303)}'`);
    const before = await b.dump();
    await a.database.scan({});
    const record = (await records(a.database)).get(idOf(row('many', name(300)))) as RowRecord;
    const expect = expectation((await b.database.lookUp([refOf(record)]))[0]);
    const content = await stagedRows(a.database, [refOf(record)]);
    await commit(b.database, [{op: 'put', record, expect}], {rows: content, undo: true});
    t.is(await b.dump(), before);
    const {outcomes} = await bring(a.database, b.database);
    t.deepEqual(
      outcomes.map(({outcome}) => outcome),
      ['applied', 'applied', 'applied', 'applied'],
    );
    t.deepEqual(await versions(b), await versions(a));
    t.is(await b.database.count(), live);
    t.deepEqual((await bring(a.database, b.database)).outcomes, []);
    t.deepEqual((await b.database.scan({verify: true})).warnings, []);
  });

  rule('a copy that the table refuses leaves the table as it was', async t => {
    const [a, b] = await two(t, `${pages}; INSERT INTO pages VALUES (1, 'a', 'a'), (2, 'b', 'b')`);
    await a.database.scan({});
    await b.database.scan({});
    const rows = await readTable(a.database, 'pages');
    const {outcomes} = await commit(b.database, [{op: 'copy-table', table: 'pages', keyed: true}], {
      tables: {pages: [rows[0]!, {...rows[1]!, digest: 'f'.repeat(32)}]},
    });
    t.is(outcomes[0]!.outcome, 'skipped');
    t.is((await b.query('SELECT id FROM pages')).length, 2);
    t.is(await b.database.count(), 2);
  });

  rule('a table without a key has one version that knows how often each row occurs', async t => {
    const log =
      "CREATE TABLE visits (who VARCHAR(20), n INTEGER); INSERT INTO visits VALUES ('a', 1), ('a', 1), ('b', 2)";
    const [a, b] = await two(t, log);
    await b.execute("DELETE FROM visits; INSERT INTO visits VALUES ('b', 2), ('a', 1), ('a', 1)");
    await a.database.scan({});
    await b.database.scan({});
    const digest = async (site: TestDatabase) => (await records(site.database)).get('visits')!.digest;
    t.is(await digest(a), await digest(b));
    t.is((await digest(a)).length, 64);
    await b.execute("INSERT INTO visits VALUES ('a', 1)");
    await b.database.scan({});
    t.not(await digest(a), await digest(b));
    const {outcomes} = await commit(
      b.database,
      [
        {
          op: 'copy-table',
          table: 'visits',
          keyed: false,
          expect: expectation((await records(b.database)).get('visits')),
        },
      ],
      {tables: {visits: await readTable(a.database, 'visits')}},
    );
    t.deepEqual(outcomes, [{index: 0, outcome: 'applied', rows: 3}]);
    t.is(await digest(a), await digest(b));
    await b.database.scan({});
    t.is(await digest(a), await digest(b));
  });

  rule('a missing column skips that row with its name', async t => {
    const [a, b] = await two(t, pages);
    await a.execute(
      "ALTER TABLE pages ADD COLUMN extra VARCHAR(20); INSERT INTO pages VALUES (1, 'a', 'a', 'x')",
    );
    const {outcomes} = await bring(a.database, b.database);
    t.is(outcomes[0]!.conflict, 'target_column_missing');
    t.regex(outcomes[0]!.error!, /extra/);
  });

  rule('tables made later are captured, excluded ones never', async (t, create) => {
    const site = await create(t, {exclude: ['search_*', 'sessions']});
    await site.execute(
      `${pages}; CREATE TABLE search_index (id INTEGER PRIMARY KEY); CREATE TABLE sessions (id INTEGER PRIMARY KEY)`,
    );
    await site.database.scan({});
    await site.execute(
      'CREATE TABLE later (id INTEGER PRIMARY KEY); INSERT INTO later VALUES (1); INSERT INTO search_index VALUES (1)',
    );
    const scan = await site.database.scan({});
    t.deepEqual(
      scan.tables.map(({table}) => table),
      ['later', 'pages'],
    );
    t.deepEqual([...(await records(site.database)).keys()], ['later:1']);
  });

  rule('a row with composite and text keys keeps its identity', async t => {
    const schema =
      'CREATE TABLE labels (lang VARCHAR(5), name VARCHAR(50), label VARCHAR(50), PRIMARY KEY (lang, name))';
    const [a, b] = await two(t, schema);
    await a.execute(
      `INSERT INTO labels VALUES ('de', 'a|b', 'x'), ('de', '"q"', 'y'), ('en', '1', 'z'), ('en', '', 'empty'), ('e', 'n1', 'w')`,
    );
    t.true((await bring(a.database, b.database)).outcomes.every(({outcome}) => outcome === 'applied'));
    await a.execute(
      "UPDATE labels SET label = 'changed' WHERE lang = 'de'; DELETE FROM labels WHERE name = '1'",
    );
    t.is((await bring(a.database, b.database)).outcomes.length, 3);
    const all = 'SELECT lang, name, label FROM labels ORDER BY lang, name';
    t.deepEqual(await b.query(all), await a.query(all));
  });

  rule('adding a column on both sides makes no change of the rows', async t => {
    const [a, b] = await two(t, pages);
    await a.execute("INSERT INTO pages VALUES (1, 'a', 'a'), (2, 'b', 'b')");
    await bring(a.database, b.database);
    const before = (await records(a.database)).get('pages:1')!;
    for (const site of [a, b]) {
      await site.execute("ALTER TABLE pages ADD COLUMN status VARCHAR(10) DEFAULT 'new'");
      await site.database.scan({});
    }
    const after = [(await records(a.database)).get('pages:1')!, (await records(b.database)).get('pages:1')!];
    t.is(after[0]!.vector, before.vector);
    t.is(after[1]!.vector, before.vector);
    t.is(after[0]!.digest, after[1]!.digest);
    t.not(after[0]!.digest, before.digest);
  });

  rule('children and parents are found through all levels', async (t, create) => {
    const site = await create(t, {tables: {notes: {references: {about: 'content.id'}}}});
    await site.execute(`${tree}; CREATE TABLE notes (id INTEGER PRIMARY KEY, about INTEGER);
      INSERT INTO folders VALUES (1, NULL, 'top'), (2, 1, 'sub'), (3, NULL, 'else');
      INSERT INTO content VALUES (10, 2, 'x'), (11, 3, 'y'), (12, NULL, 'z'); INSERT INTO notes VALUES (100, 10), (101, 11)`);
    await site.database.scan({});
    const children = await collect(site.database.children([row('folders', '1')]));
    t.deepEqual(
      children.map(({child, parent}) => `${idOf(parent)} > ${idOf(child)}`),
      ['folders:1 > folders:2', 'folders:2 > content:10', 'content:10 > notes:100'],
    );
    const parents = await collect(site.database.parents([row('notes', '100')]));
    t.deepEqual(
      parents.map(({child, parent}) => `${idOf(child)} > ${idOf(parent)}`),
      ['notes:100 > content:10', 'content:10 > folders:2', 'folders:2 > folders:1'],
    );
  });

  rule(
    'E18: a row is renamed or moved to another key with its own content, and makes room for another',
    async t => {
      const [a, b] = await two(t, pages);
      await a.execute("INSERT INTO pages VALUES (1, 'mine', 'same'), (2, 'kept', 'kept')");
      await b.execute("INSERT INTO pages VALUES (1, 'theirs', 'other'), (9, 'late', 'same')");
      await a.database.scan({});
      await b.database.scan({});
      const own = (await records(a.database)).get('pages:1') as RowRecord;
      const content = (await a.database.readRows([row('pages', '1')]))[0]!;
      const digestOf = (changes: WireRow) => digestRow({...content.row, ...changes});
      const changes = {id: content.row.id === 't1' ? 't7' : 'i7', slug: 'tsame7'};
      const arriving = (await records(b.database)).get('pages:1') as RowRecord;
      const late = (await records(b.database)).get('pages:9') as RowRecord;
      const rows = await stagedRows(b.database, [refOf(arriving), refOf(late)]);
      const moved = {...own, key: ['7'], digest: digestOf(changes), vector: 'z:1'};
      const {outcomes, history} = await commit(
        a.database,
        [
          {
            op: 'put',
            record: moved,
            expect: {state: 'absent'},
            derived: {key: own.key, digest: own.digest, changes, here: true},
          },
          {op: 'put', record: arriving, expect: expectation(own)},
          {op: 'put', record: late, expect: {state: 'absent'}},
          // Its source is not what the plan saw.
          {
            op: 'put',
            record: {...moved, key: ['8']},
            expect: {state: 'absent'},
            derived: {key: ['2'], digest: own.digest, changes, here: true},
          },
        ],
        {rows},
      );
      t.deepEqual(
        outcomes.map(({outcome}) => outcome),
        ['applied', 'applied', 'applied', 'skipped'],
      );
      t.deepEqual(
        (await a.query('SELECT id, title, slug FROM pages ORDER BY id')).map(values => values.join(' ')),
        ['1 theirs other', '2 kept kept', '7 mine same7', '9 late same'],
      );
      t.deepEqual(history.map(({action}) => action).sort(), ['create', 'create', 'update']);
      const after = await records(a.database);
      t.like(after.get('pages:7'), {vector: 'z:1', digest: moved.digest});
      t.is((await bring(b.database, a.database)).outcomes.length, 0);
    },
  );

  rule('rows are found by values, NULL included, and the limits of text are known', async (t, create) => {
    const site = await create(t);
    await site.execute(`CREATE TABLE folders (id INTEGER PRIMARY KEY, parent_id INTEGER, name VARCHAR(40));
      INSERT INTO folders VALUES (1, NULL, 'a'), (2, 1, 'a'), (3, NULL, 'b'), (4, NULL, 'a')`);
    await site.database.scan({});
    const {database} = site;
    const keys = async (values: WireRow, limit = 10) =>
      [...(await database.findRows('folders', values, limit))].sort();
    t.deepEqual(await keys({parent_id: null, name: 'ta'}), [['1'], ['4']]);
    t.is((await keys({parent_id: null, name: 'ta'}, 1)).length, 1);
    t.deepEqual(await keys({parent_id: 'i1', name: 'ta'}), [['2']]);
    t.deepEqual(await keys({parent_id: 'i2', name: 'ta'}), []);
    t.deepEqual(await database.findRows('nowhere', {name: 'ta'}, 1), []);
    t.is(await database.textLimit('folders', 'name'), 40);
    t.is(await database.textLimit('folders', 'id'), undefined);
  });

  for (const way of engine.escapes ?? [])
    rule(`what escapes the triggers is noticed ${way.noticed}: ${way.title}`, async (t, create) => {
      const site = await create(t);
      await site.execute(`${pages}; INSERT INTO pages VALUES (1, 'a', 'a'), (2, 'b', 'b'), (3, 'c', 'c')`);
      const {replica} = await site.database.scan({});
      await way.change(site);
      const verify = way.noticed === 'by a scan that verifies';
      if (verify) {
        await site.database.scan({});
        t.false((await records(site.database)).get('pages:2')!.deleted, 'not by an ordinary scan');
      }
      const {warnings} = await site.database.scan({verify});
      const found = [...(await records(site.database)).values()] as RowRecord[];
      t.deepEqual(
        found.map(({key, vector, deleted}) => [key[0], vector, deleted]),
        [
          ['1', `${replica}:2`, false],
          ['2', `${replica}:2`, true],
          ['3', `${replica}:1`, false],
        ],
      );
      if (verify) t.regex(warnings.join(), /2 changes of table pages/);
      t.is(await site.database.count(), 2);
      // What is repaired is known: nothing comes a second time, and the triggers are back.
      const position = await site.database.position();
      t.deepEqual((await site.database.scan({verify: true})).warnings, []);
      t.deepEqual(await site.database.position(), position);
      await site.execute("UPDATE pages SET title = 'again' WHERE id = 3");
      await site.database.scan({});
      t.is((await records(site.database)).get('pages:3')!.vector, `${replica}:2`);
    });

  rule('a scan that verifies finds nothing where nothing escaped', async t => {
    const [a, b] = await two(t, `${pages}; CREATE TABLE visits (who VARCHAR(20), n INTEGER)`);
    await a.execute(
      "INSERT INTO pages VALUES (1, 'a', 'a'), (2, 'b', 'b'); INSERT INTO visits VALUES ('a', 1)",
    );
    await bring(a.database, b.database);
    await b.execute("UPDATE pages SET title = 'B' WHERE id = 2");
    for (const {database} of [a, b]) {
      await database.scan({});
      const before = await database.position();
      t.deepEqual((await database.scan({verify: true})).warnings, []);
      t.deepEqual(await database.position(), before);
    }
  });

  if (engine.ownTrigger !== undefined) {
    const ownTrigger = engine.ownTrigger;
    rule('the site’s own triggers do not fire for what is applied, and do again afterwards', async t => {
      const [a, b] = await two(t, pages);
      await b.execute(ownTrigger);
      await a.execute("INSERT INTO pages VALUES (1, 'mine', 'a')");
      t.is((await bring(a.database, b.database)).outcomes[0]!.outcome, 'applied');
      t.deepEqual((await b.query('SELECT title FROM pages')).flat(), ['mine']);
      t.deepEqual((await bring(a.database, b.database)).outcomes, []);
      await b.execute("UPDATE pages SET slug = 'b'");
      t.deepEqual((await b.query('SELECT title FROM pages')).flat(), ['site']);
    });
  }

  if (engine.concurrent === true) {
    rule('a transaction that began before a scan and commits after it is in the next one', async t => {
      const [a] = await two(
        t,
        `${pages}; INSERT INTO pages VALUES (1, 'a', 'a'), (2, 'b', 'b'), (3, 'c', 'c')`,
      );
      const {replica} = await a.database.scan({});
      const early = await a.connect();
      await early.execute("BEGIN; UPDATE pages SET title = 'early' WHERE id = 1");
      await a.execute("UPDATE pages SET title = 'late' WHERE id = 2");
      await a.database.scan({});
      const position = await a.database.position();
      t.is((await records(a.database)).get('pages:1')!.vector, `${replica}:1`);
      await early.execute('COMMIT');
      await a.database.scan({});
      const changed = (await collect(a.database.changes(position))) as RowRecord[];
      t.deepEqual(
        changed.map(({key, vector}) => [key, vector]),
        [[['1'], `${replica}:2`]],
      );
    });

    rule('a commit waits for a transaction of the site and sees what it did', async (t, create) => {
      const site = await create(t);
      await site.execute(`${pages}; INSERT INTO pages VALUES (1, 'a', 'a')`);
      await site.database.scan({});
      const record = (await records(site.database)).get('pages:1')!;
      const other = await site.connect();
      await other.execute("BEGIN; UPDATE pages SET title = 'site'");
      const committing = commit(site.database, [
        {op: 'delete', item: row('pages', '1'), expect: expectation(record), vector: 'zz:1'},
      ]);
      await other.execute('COMMIT');
      t.is((await committing).outcomes[0]!.conflict, 'delete_recently_updated');
    });

    rule('a locked database refuses a commit after the time limit and stays as it was', async (t, create) => {
      const site = await create(t, {lockTimeoutMs: 300});
      await site.execute(`${pages}; INSERT INTO pages VALUES (1, 'a', 'a')`);
      await site.database.scan({});
      const record = (await records(site.database)).get('pages:1')!;
      const remove = () =>
        commit(site.database, [
          {op: 'delete', item: row('pages', '1'), expect: expectation(record), vector: 'zz:1'},
        ]);
      const other = await site.connect();
      await other.execute("BEGIN; UPDATE pages SET title = 'site'");
      const before = await site.dump();
      const error = await t.throwsAsync(remove());
      t.is((error as Error & {code?: string}).code, 'DATABASE_LOCKED');
      await other.execute('ROLLBACK');
      t.is(await site.dump(), before);
      t.is((await remove()).outcomes[0]!.outcome, 'applied');
    });
  }

  if (engine.idTable !== undefined) {
    const idTable = engine.idTable;
    rule(
      'E25: ten inserts on each of three servers after each of three syncs never give an id twice',
      async (t, create) => {
        const numbers: (number | undefined)[] = [undefined, undefined, undefined];
        const sites = await Promise.all(
          numbers.map((_, index) => create(t, {serverNumber: () => numbers[index]})),
        );
        const [origin] = sites as [TestDatabase, TestDatabase, TestDatabase];
        for (const site of sites) await site.execute(idTable);
        for (let count = 0; count < 5; count++)
          await origin.execute(`INSERT INTO notes (text) VALUES ('old ${count}')`);
        for (const site of sites) await site.database.scan({});
        for (const index of numbers.keys()) numbers[index] = index + 1;
        for (const site of sites.slice(1)) await bring(origin.database, site.database);
        let number = 0;
        for (let sync = 1; sync <= 3; sync++) {
          for (const [index, site] of sites.entries())
            for (let count = 0; count < 10; count++)
              await site.execute(`INSERT INTO notes (text) VALUES ('server ${index + 1}, note ${++number}')`);
          // Around: every row reaches every server, some by way of another.
          for (const [from, to] of [
            [0, 1],
            [1, 0],
            [1, 2],
            [2, 1],
            [1, 0],
          ] as const)
            t.deepEqual(
              (await bring(sites[from]!.database, sites[to]!.database)).outcomes.filter(
                ({outcome}) => outcome === 'skipped',
              ),
              [],
            );
          const all = 'SELECT id, text FROM notes ORDER BY id';
          const expected = await origin.query(all);
          t.is(expected.length, 5 + 30 * sync);
          for (const site of sites) t.deepEqual(await site.query(all), expected);
        }
        for (const [index, site] of sites.entries()) {
          const [column] = await site.database.idColumns();
          t.like(column, {table: 'notes', column: 'id', steered: true}, `server ${index + 1}`);
          t.true(
            BigInt(column!.block!.from) <= BigInt(column!.next!) &&
              BigInt(column!.next!) <= BigInt(column!.block!.to),
          );
          // As after a restore: what was issued before is passed over, and nothing goes back.
          const issued = BigInt(column!.next!) + 41n;
          await site.database.skipIds('notes', issued);
          await site.database.skipIds('notes', 3n);
          await site.execute("INSERT INTO notes (text) VALUES ('after')");
          t.deepEqual((await site.query("SELECT id FROM notes WHERE text = 'after'")).flat().map(String), [
            String(issued + 1n),
          ]);
          await site.database.scan({});
          t.is((await site.database.idColumns())[0]?.next, String(issued + 2n));
        }
      },
    );
  }
}
