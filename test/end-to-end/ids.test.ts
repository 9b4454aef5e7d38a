import test from 'ava';
import {createWorld} from '../helpers/lockstep.js';

const tables = `CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL, about INTEGER REFERENCES notes (id));
  CREATE TABLE folders (id INTEGER PRIMARY KEY AUTOINCREMENT, parent_id INTEGER, name TEXT NOT NULL, UNIQUE (parent_id, name));`;
const trillion = 10n ** 12n;

test.serial(
  'E25: three servers get their numbers, and ten inserts on each after each of three syncs never share an id',
  async t => {
    const world = createWorld(t);
    const [dev, staging, production] = await Promise.all([
      world.unpairedServer('dev', {schema: tables}),
      world.unpairedServer('staging', {schema: tables}),
      world.unpairedServer('production', {
        schema: `${tables} INSERT INTO notes (text) VALUES ('one'), ('two'), ('three');`,
      }),
    ]);
    for (const server of [dev, staging, production]) await world.pair(server);
    // Production is the origin: its content goes to staging, staging's to development.
    await world.relate('up', staging, production, 'download');
    await world.relate('down', dev, staging, 'download');
    const numbers = await Promise.all(
      ['production', 'staging', 'dev'].map(async name =>
        (await world.must('server', 'show', name, '--json')).json<{
          number: number;
          ids: {from: number; to: number};
        }>(),
      ),
    );
    t.deepEqual(
      numbers.map(({number, ids}) => [number, ids.from, ids.to]),
      [1, 2, 3].map(number => [number, (number - 1) * 1e12 + 1, number * 1e12]),
    );
    t.regex(
      (await world.must('server', 'show', 'staging')).stdout,
      /number\s+2\n.*1000000000001 to 2000000000000/s,
    );
    await world.initialSync('up');
    await world.initialSync('down');
    await world.profile('up/all', '--items', 'database');
    await world.profile('down/all', '--items', 'database');

    const servers = [production, staging, dev];
    let count = 3;
    for (let sync = 1; sync <= 3; sync++) {
      for (const {site, name} of servers)
        for (let note = 0; note < 10; note++)
          site.sql(`INSERT INTO notes (text) VALUES ('${name} ${sync}.${note}')`);
      if (sync === 1)
        for (const [index, {site}] of servers.entries()) {
          const [ids] = site.rows('SELECT min(id), max(id) FROM notes WHERE id > 3') as [bigint[]];
          t.true(ids![0]! > BigInt(index) * trillion && ids![1]! <= BigInt(index + 1) * trillion, site.root);
        }
      count += 30;
      // All three make a folder of one name at first: two of them get another, once and for all (E18).
      if (sync === 1)
        for (const {site} of servers) site.sql(`INSERT INTO folders (name) VALUES ('Marketing')`);
      let collisions = 0;
      for (const profile of ['up/all', 'down/all', 'up/all']) {
        const summary = await world.run(profile);
        t.like(summary, {status: 'success', conflicts: 0, skipped: 0});
        collisions += summary.collisions;
      }
      t.is(collisions, sync === 1 ? 2 : 0);
      t.is(Number(production.site.rows('SELECT count(*) FROM notes')[0]![0]), count);
      for (const {site} of servers) t.deepEqual(site.tables(), production.site.tables());
    }
    t.deepEqual(dev.site.rows('SELECT name FROM folders ORDER BY id').flat(), [
      'Marketing',
      'Marketing1000000000001',
      'Marketing2000000000001',
    ]);
    for (const profile of ['up/all', 'down/all']) t.like(await world.run(profile), {applied: 0, bytes: 0});
    t.is((await world.lockstep('doctor')).exitCode, 0);
  },
);
