import test, {type ExecutionContext} from 'ava';
import type {RowRecord} from '../../../source/core/item.js';
import type {TestEngine} from './contract.js';
import {bring, commit, expectation, readTable, records, row, stagedRows} from './test-site.js';

const live = 'https://www.example.com';
const stage = 'https://staging.example.com';
const replacements = [{canonical: live, here: stage, tables: ['pages', 'visits']}];
const schema =
  'CREATE TABLE pages (id INTEGER PRIMARY KEY, slug VARCHAR(200) UNIQUE, body VARCHAR(500), parent INTEGER REFERENCES pages (id)); ' +
  'CREATE TABLE notes (id INTEGER PRIMARY KEY, body VARCHAR(500)); CREATE TABLE visits (page VARCHAR(200), hits INTEGER)';
const php = (text: string) => `s:${Buffer.byteLength(text)}:"${text}";`;

/** What every driver must do with values that a site holds in another form than they travel in (E28). */
export function replacementsContract(engine: TestEngine): void {
  const rule = (title: string, body: (t: ExecutionContext) => Promise<void>) =>
    test(`${engine.name}: ${title}`, async t => {
      await engine.turn?.(t);
      await body(t);
    });

  const productionAndStaging = async (t: ExecutionContext) => {
    const production = await engine.create(t);
    const staging = await engine.create(t, {replacements});
    for (const site of [production, staging]) await site.execute(schema);
    return {production, staging};
  };
  const bodies = 'SELECT body FROM pages ORDER BY id';

  rule('values are replaced on arrival and put back on the way out', async t => {
    const {production, staging} = await productionAndStaging(t);
    await production.execute(
      `INSERT INTO pages VALUES (1, '${live}/a', 'see ${live}', NULL), (2, '${live}/b', '${php(live)}', 1), (3, 'c', 'here ${stage}', NULL);
       INSERT INTO notes VALUES (1, 'see ${live}')`,
    );
    const {outcomes} = await bring(production.database, staging.database);
    t.true(outcomes.every(({outcome}) => outcome === 'applied'));
    t.deepEqual(await staging.query(bodies), [[`see ${stage}`], [php(stage)], [`here ${stage}\u2060`]]);
    t.deepEqual(await staging.query('SELECT body FROM notes'), [[`see ${live}`]]);
    // No side sees a change, also when the rows are compared one by one.
    for (const [from, to] of [
      [production, staging],
      [staging, production],
    ] as const)
      t.deepEqual((await bring(from.database, to.database)).outcomes, []);
    const [there] = await staging.database.readRows([row('pages', '1')]);
    const [here] = await production.database.readRows([row('pages', '1')]);
    t.deepEqual(there, here);

    await staging.execute(
      `UPDATE pages SET body = 'new at ${stage}/x, live is ${live}' WHERE id = 1; UPDATE pages SET slug = '${stage}/b2' WHERE id = 2`,
    );
    await bring(staging.database, production.database);
    t.deepEqual(await production.query('SELECT slug, body FROM pages ORDER BY id'), [
      [`${live}/a`, `new at ${live}/x, live is ${live}`],
      [`${live}/b2`, php(live)],
      ['c', `here ${stage}`],
    ]);
    t.deepEqual((await bring(production.database, staging.database)).outcomes, []);
  });

  rule('unique values are compared in the form that the site holds', async t => {
    const {production, staging} = await productionAndStaging(t);
    await production.execute(
      `INSERT INTO pages VALUES (1, '${live}/a', '', NULL), (2, '${live}/b', '', NULL)`,
    );
    await bring(production.database, staging.database);
    await production.execute(
      `UPDATE pages SET slug = 'tmp' WHERE id = 1; UPDATE pages SET slug = '${live}/a' WHERE id = 2; UPDATE pages SET slug = '${live}/b' WHERE id = 1`,
    );
    const {outcomes} = await bring(production.database, staging.database);
    t.true(outcomes.every(({outcome}) => outcome === 'applied'));
    t.deepEqual(await staging.query('SELECT slug FROM pages ORDER BY id'), [[`${stage}/b`], [`${stage}/a`]]);

    await staging.execute(`INSERT INTO pages VALUES (9, '${stage}/taken', '', NULL)`);
    await staging.database.scan({});
    await production.execute(`INSERT INTO pages VALUES (3, '${live}/taken', '', NULL)`);
    const second = await bring(production.database, staging.database, {
      accept: record => record.key[0] === '3',
    });
    t.is(second.outcomes[0]!.conflict, 'insert_exists');
    // Rows are looked for by what travels, too.
    t.deepEqual(await staging.database.findRows('pages', {slug: `t${live}/taken`}, 10), [['9']]);
    t.deepEqual(await staging.database.findRows('pages', {slug: `t${stage}/taken`}, 10), []);
  });

  rule('a whole table is copied with its values replaced', async t => {
    const {production, staging} = await productionAndStaging(t);
    await production.execute(
      `INSERT INTO pages VALUES (1, 'a', 'see ${live}', NULL); INSERT INTO visits VALUES ('${live}/a', 3)`,
    );
    await production.database.scan({});
    await staging.database.scan({});
    const {outcomes} = await commit(
      staging.database,
      [
        {op: 'copy-table', table: 'pages', keyed: true},
        {op: 'copy-table', table: 'visits', keyed: false},
      ],
      {
        tables: {
          pages: await readTable(production.database, 'pages'),
          visits: await readTable(production.database, 'visits'),
        },
      },
    );
    t.deepEqual(
      outcomes.map(({outcome}) => outcome),
      ['applied', 'applied'],
    );
    t.deepEqual(await staging.query(bodies), [[`see ${stage}`]]);
    t.deepEqual(await staging.query('SELECT page FROM visits'), [[`${stage}/a`]]);
    await staging.database.scan({});
    const [there, here] = [await records(staging.database), await records(production.database)];
    t.deepEqual(
      [...there.values()].map(({digest}) => digest),
      [...here.values()].map(({digest}) => digest),
    );
  });

  rule('changed replacements rewrite the rows and change no version', async t => {
    const {production, staging} = await productionAndStaging(t);
    await production.execute(
      `INSERT INTO pages VALUES (1, 'a', 'see ${live}', NULL), (2, 'b', 'plain', NULL); INSERT INTO visits VALUES ('${live}/a', 3)`,
    );
    await bring(production.database, staging.database);
    await commit(staging.database, [{op: 'copy-table', table: 'visits', keyed: false}], {
      tables: {visits: await readTable(production.database, 'visits')},
    });
    // An edit that no scan has seen yet is one under the old replacements.
    await staging.execute(`UPDATE pages SET body = 'edited ${stage}/2' WHERE id = 2`);
    const known = await records(production.database);

    const moved = await staging.reopen({
      replacements: [{canonical: live, here: 'https://test.example.com', tables: ['pages', 'visits']}],
    });
    t.deepEqual((await moved.database.scan({})).warnings, []);
    t.deepEqual(await moved.query(bodies), [
      ['see https://test.example.com'],
      ['edited https://test.example.com/2'],
    ]);
    t.deepEqual(await moved.query('SELECT page FROM visits'), [['https://test.example.com/a']]);
    const after = await records(moved.database);
    t.is(after.get('visits')!.digest, known.get('visits')!.digest);
    t.deepEqual(
      [after.get('pages:1')!.digest, after.get('pages:1')!.vector],
      [known.get('pages:1')!.digest, known.get('pages:1')!.vector],
    );
    const back = await bring(moved.database, production.database, {
      accept: ({vector}: RowRecord) => vector !== known.get('pages:2')!.vector,
    });
    t.is(back.outcomes.length, 1);
    t.deepEqual(await production.query(bodies), [[`see ${live}`], [`edited ${live}/2`]]);

    const without = await moved.reopen({replacements: []});
    await without.database.scan({});
    t.deepEqual(await without.query(bodies), [[`see ${live}`], [`edited ${live}/2`]]);
    t.deepEqual((await bring(without.database, production.database)).outcomes, []);

    const again = await without.reopen({replacements});
    const rows = await stagedRows(again.database, [row('pages', '1')]);
    t.is(rows.get('pages:1')!.row.body, `tsee ${live}`);
    t.deepEqual(await again.query(bodies), [[`see ${stage}`], [`edited ${stage}/2`]]);
    t.deepEqual(
      expectation((await records(again.database)).get('pages:1')),
      expectation(known.get('pages:1')),
    );
  });
}
