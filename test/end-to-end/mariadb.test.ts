import test from 'ava';
import {hasServer} from '../helpers/database-server.js';
import {createWorld} from '../helpers/lockstep.js';

const tables = `
  CREATE TABLE folders (id INT AUTO_INCREMENT PRIMARY KEY, parent INT, name VARCHAR(50) NOT NULL,
    FOREIGN KEY (parent) REFERENCES folders (id) ON DELETE CASCADE);
  CREATE TABLE pages (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, folder INT NOT NULL, slug VARCHAR(50) NOT NULL UNIQUE, body LONGBLOB,
    price DECIMAL(20,6), seen TIMESTAMP(6) NULL, kind ENUM('news', 'shop'), words INT AS (LENGTH(body)) VIRTUAL,
    FOREIGN KEY (folder) REFERENCES folders (id) ON DELETE CASCADE);
  CREATE TABLE members (team VARCHAR(20) COLLATE utf8mb4_bin, person VARCHAR(20) COLLATE utf8mb4_bin, score FLOAT, PRIMARY KEY (team, person));
  CREATE TABLE counters (name VARCHAR(20) PRIMARY KEY, n BIGINT) ENGINE=MyISAM;
  CREATE TABLE visits (at DATETIME(3), who VARCHAR(20));`;
const content = `
  INSERT INTO folders VALUES (1, NULL, 'Root'), (2, 1, 'News'), (3, 1, 'Old');
  INSERT INTO pages (id, folder, slug, body, price, seen, kind) VALUES (1, 1, 'a', x'00ff', 1.5, '2026-01-01 00:00:00.000001', 'news'), (2, 2, 'b', 'B', NULL, NULL, 'shop'), (3, 3, 'c', 'C', 0, NULL, NULL);
  INSERT INTO members VALUES ('x', 'one', 0.1), ('x', 'ONE', 16777217); INSERT INTO counters VALUES ('hits', 9007199254740993);`;

((await hasServer('mysql')) ? test : test.skip)(
  'E2, E10 over MariaDB: initial sync, both ways, nothing the second time',
  async t => {
    const world = createWorld(t);
    const {local, remote} = await world.pairOfServers(
      {schema: tables + content, engine: 'mysql', files: {'assets/base.bin': 'base'}},
      {schema: tables, engine: 'mysql'},
    );
    const [here, there] = [local.site, remote.site];
    t.deepEqual(there.tables(), here.tables());

    await world.profile('pair/all');
    here.sql(`
      UPDATE pages SET slug = 'tmp' WHERE id = 1; UPDATE pages SET slug = 'a' WHERE id = 2; UPDATE pages SET slug = 'b' WHERE id = 1;
      DELETE FROM folders WHERE id = 3; INSERT INTO folders (id, parent, name) VALUES (10, 2, 'Ünïcöde 👍');
      INSERT INTO pages (folder, slug, body) VALUES (10, 'new', x'27005c'); UPDATE counters SET n = n + 1`);
    there.sql(`
      INSERT INTO members VALUES ('y', '', NULL); UPDATE members SET score = 0.3 WHERE person = 'one';
      UPDATE folders SET name = 'Neues' WHERE id = 2; INSERT INTO counters VALUES ('there', -1)`);
    const {actions, warnings} = await world.preview('pair/all');
    t.regex(
      warnings!.join('; '),
      /here\/main: Tables without transactions: counters \(MyISAM\)\..*there\/main: Tables/,
    );
    const doctor = await world.lockstep('doctor');
    t.regex(doctor.stdout, /Tables without transactions: counters \(MyISAM\)/);
    t.true(
      actions.some(({kind, item}) => kind === 'delete' && item.table === 'pages' && item.key?.[0] === '3'),
    );
    const summary = await world.run('pair/all');
    t.like(summary, {status: 'success', skipped: 0, conflicts: 0});
    t.deepEqual(there.tables(), here.tables());
    t.deepEqual(here.rows('SELECT id, slug FROM pages WHERE id < 3 ORDER BY id'), [
      ['1', 'b'],
      ['2', 'a'],
    ]);
    t.like(await world.run('pair/all'), {status: 'success', applied: 0, skipped: 0, total: 0, bytes: 0});
    t.deepEqual(
      (await world.preview('pair/all')).actions.map(({reason}) => reason),
      ['visits: no primary key'],
    );
  },
);
