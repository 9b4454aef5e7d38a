import {readFileSync, rmSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {hasServer} from '../helpers/database-server.js';
import {createWorld, eventually, type TestServer, type World} from '../helpers/lockstep.js';
import {startMailServer} from '../helpers/mail-server.js';

const repository = path.resolve(import.meta.dirname, '..', '..', '..');
const schema = readFileSync(path.join(repository, 'fixtures/content-site/schema.sql'), 'utf8');
const user = (id: number, name: string, at: string) =>
  `INSERT INTO users (id, name, display_name, email, created_at) VALUES (${id}, '${name}', '${name}', '${name}@example.com', '2026-11-${at}');`;

async function twoSites(world: World, extra = ''): Promise<{local: TestServer; remote: TestServer}> {
  const pair = await world.pairOfServers(
    {
      schema: `${schema} ${extra} ${user(1, 'root', '01')} INSERT INTO folders (id, name) VALUES (366, 'Site');`,
    },
    {schema: schema + extra},
  );
  await world.profile('pair/all', '--items', 'database');
  return pair;
}

const names = ({site}: TestServer, table: string, column = 'name') =>
  site.rows(`SELECT id, ${column} FROM ${table} ORDER BY id`).map(([id, name]) => `${id} ${name}`);

test.serial('E18: the later of two rows of one natural key gets its id appended, on both sides', async t => {
  const world = createWorld(t);
  const {local, remote} = await twoSites(world);
  local.site.sql(`${user(500, 'anna', '20')} INSERT INTO folders (id, parent_id, name, owner_id) VALUES (11328, 366, 'Marketing', 500);
    INSERT INTO messages (id, sender_id, subject, text, sent_at) VALUES (70, 500, 'Hello', 'from here', '2026-11-21T10:00');
    INSERT INTO folders (id, name) VALUES (900, 'Root');`);
  remote.site.sql(`${user(501, 'anna', '19')} INSERT INTO folders (id, parent_id, name, owner_id) VALUES (11329, 366, 'Marketing', 501);
    INSERT INTO messages (id, sender_id, subject, text, sent_at) VALUES (71, 501, 'Hello', 'from there', '2026-11-21T11:00');
    INSERT INTO folders (id, name) VALUES (901, 'Root'), (902, 'Root901');
    INSERT INTO content (id, folder_id, title, slug, body, status, editor_id, edit_date) VALUES (5, 11329, 'Page', 'page', 'x', 'draft', 501, '2026-11-21');`);
  const preview = await world.preview('pair/all');
  const renames = preview.actions.filter(({reason}) => /renamed/.test(reason ?? ''));
  t.deepEqual(
    renames.map(({side, kind, item}) => `${kind} ${item.table}:${item.key}@${side}`).sort(),
    [
      ...[
        'create folders:11329@local',
        'update folders:11329@remote',
        'create folders:901@local',
        'update folders:901@remote',
      ],
      ...[
        'create messages:71@local',
        'update messages:71@remote',
        'create users:500@remote',
        'update users:500@local',
      ],
    ].sort(),
  );
  type Described = {side: string; changed?: {column: string; local: string; remote: string}[]};
  t.deepEqual(
    (renames as Described[]).find(
      ({side, changed}) => side === 'remote' && changed?.[0]?.remote === 'Marketing',
    )?.changed,
    [{column: 'name', local: 'Marketing11329', remote: 'Marketing'}],
    'only the name changes, and to what',
  );
  t.is((await world.preview('pair/all')).planHash, preview.planHash);
  const summary = await world.run('pair/all');
  t.like(summary, {status: 'success', skipped: 0, conflicts: 0, collisions: 4});
  t.deepEqual(local.site.tables(), remote.site.tables());
  // The user of the 19th was first, although the other one is local.
  t.deepEqual(names(local, 'users'), ['1 root', '500 anna500', '501 anna']);
  // Without a creation time the server with the higher number gives way; a name that is taken gets a number.
  t.deepEqual(names(local, 'folders'), [
    '366 Site',
    '900 Root',
    '901 Root901-2',
    '902 Root901',
    '11328 Marketing',
    '11329 Marketing11329',
  ]);
  t.deepEqual(names(local, 'messages', 'subject'), ['70 Hello', '71 Hello71']);
  t.like(await world.run('pair/all'), {applied: 0, collisions: 0, bytes: 0});

  type Listed = {
    collisions: {
      id: string;
      kind: string;
      key: string[];
      column: string;
      original: string;
      modified: string;
    }[];
  };
  const listed = (await world.must('collisions', 'list', '--json')).json<Listed>().collisions;
  t.deepEqual(listed.map(({kind, modified}) => `${kind} ${modified}`).sort(), [
    ...['folders Marketing11329', 'folders Root901-2', 'messages Hello71', 'users anna500'],
  ]);
  const users = (await world.must('collisions', 'list', '--kind', 'users', '--json')).json<Listed>()
    .collisions;
  t.is(users.length, 1);
  t.like(users[0], {
    kind: 'users',
    table: 'users',
    key: ['500'],
    column: 'name',
    original: 'anna',
    modified: 'anna500',
    server: 'here',
    runId: summary.runId,
    reviewed: false,
  });

  type Findings = {healthy: boolean; checks: {name: string; result: string; detail: string; hint?: string}[]};
  const doctorSays = async () => {
    const {healthy, checks} = (await world.must('doctor', '--json')).json<Findings>();
    t.true(healthy);
    return checks.filter(({name}) => name === 'collisions');
  };
  const [unreviewed] = await doctorSays();
  t.like(unreviewed, {result: 'warn'});
  t.regex(unreviewed!.detail, /^4 not reviewed; the oldest is /);
  t.regex(unreviewed!.hint!, /lockstep collisions list.*lockstep collisions review/);
  await world.must('collisions', 'review', ...listed.map(({id}) => id));
  t.deepEqual(await doctorSays(), [{name: 'collisions', result: 'ok', detail: '4 collisions, all reviewed'}]);

  // An edit of a renamed row travels like any other, and a folder of that name elsewhere is no collision.
  local.site.sql(
    `UPDATE folders SET name = 'Sales' WHERE id = 11329; INSERT INTO folders (id, parent_id, name) VALUES (11400, 900, 'Marketing')`,
  );
  t.like(await world.run('pair/all'), {status: 'success', applied: 2, collisions: 0, conflicts: 0});
  t.deepEqual(local.site.tables(), remote.site.tables());
});

test.serial(
  'E18: users are told of their new names; while no mail server takes it, the mail waits',
  async t => {
    const world = createWorld(t);
    const smtp = await startMailServer(t);
    const {local, remote} = await twoSites(world);
    local.site.sql(
      `${user(500, 'anna', '20')} INSERT INTO folders (id, parent_id, name, owner_id) VALUES (40, 366, 'A', 500), (41, 366, 'B', NULL)`,
    );
    remote.site.sql(
      `${user(501, 'anna', '21')} INSERT INTO folders (id, parent_id, name, owner_id) VALUES (42, 366, 'A', 501), (43, 366, 'B', NULL)`,
    );
    await world.run('pair/all');
    const ids = new Map(
      (await world.must('collisions', 'list', '--json'))
        .json<{collisions: {id: string; modified: string}[]}>()
        .collisions.map(({id, modified}) => [modified, id]),
    );
    const review = async (exit: number, ...argv: string[]) => {
      const outcome = await world.lockstep('collisions', 'review', ...argv, '--json');
      t.is(outcome.exitCode, exit, String(outcome));
      return outcome;
    };
    const reviewed = async () =>
      (await world.must('collisions', 'list', '--json'))
        .json<{collisions: {modified: string; reviewed: boolean}[]}>()
        .collisions.filter(collision => collision.reviewed)
        .map(({modified}) => modified)
        .sort();
    const all = [ids.get('anna501')!, ids.get('A42')!, ids.get('B43')!];

    // No mail server is named, then it refuses for good: nothing is marked, and the log says why.
    t.is((await review(64, all[0]!, '--email')).error().code, 'MAIL_NOT_CONFIGURED');
    const mail = {
      smtp: `smtp://127.0.0.1:${smtp.port}`,
      from: 'lockstep@example.com',
      collision: {subject: 'Now {0}', text: 'Was {1}, is {0}, {2}.'},
    };
    await remote.configure(site => {
      site.mail = mail;
    });
    smtp.refusal = {code: 550, message: 'No such user'};
    const refused = (await review(1, all[0]!, '--email')).error();
    t.is(refused.code, 'MAIL_FAILED');
    t.regex(refused.message, /No such user/);
    t.deepEqual(await reviewed(), []);
    t.regex(readFileSync(path.join(remote.data, 'agent.log'), 'utf8'), /No such user.*could not tell a user/);
    // A mailbox that is full for now, then a server that is down: the mail waits, also over the end of its agent.
    smtp.refusal = {code: 452, message: 'Mailbox full'};
    const full = (await review(0, all[0]!, '--email')).json<{reviews: {to: string; waits: string}[]}>();
    t.like(full.reviews[0], {to: 'anna@example.com', reviewed: true});
    t.regex(full.reviews[0]!.waits, /Mailbox full/);
    await local.configure(site => {
      site.mail = {smtp: 'smtp://127.0.0.1:1', from: 'here@example.com'};
    });
    await remote.configure(site => {
      site.mail = {...mail, smtp: 'smtp://127.0.0.1:1'};
    });
    const said = await world.must('collisions', 'review', all[0]!, '--email');
    t.regex(said.stdout, /reviewed; the mail to anna@example\.com waits and is tried again: .*ECONNREFUSED/);
    t.deepEqual(smtp.mails, []);
    smtp.refusal = undefined;
    await remote.configure(site => {
      site.mail = mail;
    });
    await eventually('the mail that waited is sent', () => smtp.mails.length > 0);

    // The folder's owner is told; the folder without one stays to be looked at.
    await review(3, ...all.slice(1), '--email');
    t.deepEqual(await reviewed(), ['A42', 'anna501']);
    t.deepEqual(
      smtp.mails.map(({to}) => to),
      [['anna@example.com'], ['anna@example.com']],
    );
    t.regex(smtp.mails[0]!.text, /^Subject: Now anna501\r$/m);
    t.regex(smtp.mails[0]!.text, /^Was anna, is anna501, users\.\r?$/m);
    await review(0, all[2]!);
    t.is((await reviewed()).length, 3);
    t.is((await review(64, 'c99')).error().code, 'NOT_FOUND');
  },
);

test.serial(
  'E18: what a run renames is on the review list once, wherever the run dies and whether or not it had committed',
  async t => {
    const world = createWorld(t);
    const {local, remote} = await twoSites(world);
    const listed = async () =>
      (await world.must('collisions', 'list', '--json'))
        .json<{collisions: {modified: string; runId: string}[]}>()
        .collisions.map(({modified, runId}) => ({modified, runId}));
    const expected: string[] = [];
    const points = ['run.noted', 'run.committed-first', 'run.adopted'] as const;
    for (const [round, point] of points.entries()) {
      const [here, there] = [2000 + round, 3000 + round];
      local.site.sql(`INSERT INTO folders (id, parent_id, name) VALUES (${here}, 366, '${point}')`);
      remote.site.sql(`INSERT INTO folders (id, parent_id, name) VALUES (${there}, 366, '${point}')`);
      const died = await world.lockstepWith({LOCKSTEP_FAULT: point}, 'run', 'pair/all', '--json');
      t.is(died.summary().error?.code, 'RUN_DIED', point);
      for (const server of [local, remote]) {
        // It would run out by itself, in fifteen seconds.
        await server.stop();
        rmSync(path.join(server.data, 'sites/main/lease.json'), {force: true});
        await server.start();
      }
      const rerun = await world.run('pair/all');
      t.like(rerun, {status: 'success', skipped: 0, conflicts: 0}, point);
      expected.push(`${point}${there}`);
      const found = await listed();
      t.deepEqual(found.map(({modified}) => modified).sort(), [...expected].sort(), point);
      const committed = point !== 'run.noted';
      t.is(
        found.find(({modified}) => modified === expected.at(-1))?.runId,
        committed ? died.summary().runId : rerun.runId,
        point,
      );
      const {stdout} = await world.must('runs', 'watch', rerun.runId);
      t.is(/ended before it could say that it renamed a row/.test(stdout), committed, stdout);
      t.deepEqual(local.site.tables(), remote.site.tables(), point);
      t.like(await world.run('pair/all'), {applied: 0, collisions: 0}, point);
    }
    t.deepEqual(names(remote, 'folders').filter(name => /run\./.test(name)).length, 2 * points.length);
  },
);

test.serial('E18: a saved plan renames exactly what it said, or is refused', async t => {
  const world = createWorld(t);
  const {local, remote} = await twoSites(world);
  local.site.sql(`INSERT INTO folders (id, parent_id, name) VALUES (20, 366, 'News')`);
  remote.site.sql(`INSERT INTO folders (id, parent_id, name) VALUES (21, 366, 'News')`);
  const plan = path.join(world.folder, 'plan.json');
  await world.must('preview', 'pair/all', '--out', plan);
  remote.site.sql(`UPDATE folders SET owner_id = 1 WHERE id = 21`);
  t.is((await world.run('pair/all', ['--plan', plan], 8)).error?.code, 'STALE_PLAN');
  await world.must('preview', 'pair/all', '--out', plan);
  t.like(await world.run('pair/all', ['--plan', plan]), {status: 'success', collisions: 1});
  t.deepEqual(names(remote, 'folders'), ['20 News', '21 News21', '366 Site']);
  t.deepEqual(local.site.tables(), remote.site.tables());
  t.like(await world.run('pair/all'), {applied: 0});
});

test.serial(
  'E18, E25: different rows under one number: one gets another, what refers to it follows',
  async t => {
    const world = createWorld(t);
    // Without AUTOINCREMENT SQLite gives both sides the same numbers.
    const plain = `CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, head INTEGER REFERENCES teams (id));
    CREATE TABLE members (team INTEGER NOT NULL REFERENCES teams (id), person TEXT NOT NULL, PRIMARY KEY (team, person));
    CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, about INTEGER, text TEXT);`;
    const {local, remote} = await world.pairOfServers(
      {schema: `${plain} INSERT INTO teams VALUES (1, 'board', NULL);`},
      {schema: plain},
    );
    for (const server of [local, remote])
      await server.configure(site => {
        site.database!.tables = {
          teams: {kind: 'teams', naturalKey: ['name']},
          notes: {references: {about: 'teams.id'}},
        };
      });
    await world.profile('pair/all', '--items', 'database', '--policy', 'remote-wins');
    local.site.sql(`INSERT INTO teams (name, head) VALUES ('red', 1), ('green', 2);
    INSERT INTO members VALUES (2, 'ann'), (3, 'bob'); INSERT INTO notes (about, text) VALUES (2, 'red one')`);
    remote.site.sql(`INSERT INTO teams (name, head) VALUES ('blue', 1), ('white', 2), ('black', 3);
    INSERT INTO members VALUES (2, 'ann'), (2, 'cid'), (3, 'dan'); INSERT INTO notes (about, text) VALUES (2, 'blue one'), (3, 'white one')`);
    const summary = await world.run('pair/all');
    t.like(summary, {status: 'success', skipped: 0, conflicts: 0, collisions: 2});
    t.deepEqual(local.site.tables(), remote.site.tables());
    const shown = (sql: string) => local.site.rows(sql).map(row => row.join(' '));
    t.deepEqual(
      shown(
        'SELECT t.name, h.name AS head FROM teams AS t LEFT JOIN teams AS h ON h.id = t.head ORDER BY t.name',
      ),
      ['black white', 'blue board', 'board ', 'green red', 'red board', 'white blue'],
    );
    t.deepEqual(shown('SELECT name, person FROM members JOIN teams ON id = team ORDER BY name, person'), [
      ...['blue ann', 'blue cid', 'green bob', 'red ann', 'white dan'],
    ]);
    t.deepEqual(shown('SELECT name, text FROM notes JOIN teams ON teams.id = about ORDER BY text'), [
      ...['blue blue one', 'red red one', 'white white one'],
    ]);
    t.like(await world.run('pair/all'), {applied: 0, collisions: 0});
  },
);

test.serial('E18: one way only the destination changes, and the length of a name is respected', async t => {
  const world = createWorld(t);
  const tables = `CREATE TABLE folders (id INTEGER PRIMARY KEY AUTOINCREMENT, parent_id INTEGER, name VARCHAR(10) UNIQUE);`;
  const {local, remote} = await world.pairOfServers({schema: tables}, {schema: tables});
  await world.profile('pair/up', '--items', 'database', '--direction', 'upload');
  await world.run('pair/up');
  local.site.sql(`INSERT INTO folders VALUES (7, NULL, 'Köln Messe'), (9, NULL, 'same')`);
  remote.site.sql(`INSERT INTO folders VALUES (123, NULL, 'Köln Messe'), (9, NULL, 'mine')`);
  t.like(await world.run('pair/up'), {status: 'success', skipped: 0, collisions: 2});
  t.deepEqual(names(local, 'folders'), ['7 Köln Messe', '9 same']);
  const [seven, nine, other, moved] = names(remote, 'folders');
  t.deepEqual([seven, nine, other], ['7 Köln Messe', '9 same', '123 Köln Me123']);
  t.regex(moved ?? '', /^\d+ mine$/);
  t.like(await world.run('pair/up'), {applied: 0});
});

const idColumn = {
  postgres: 'BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY',
  mysql: 'BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY',
} as const;
const narrowColumn = {
  postgres: 'SERIAL PRIMARY KEY',
  mysql: 'INT NOT NULL AUTO_INCREMENT PRIMARY KEY',
} as const;

for (const engine of ['postgres', 'mysql'] as const)
  test.serial(`E18, E25: names and numbers collide on ${engine} as they do elsewhere`, async t => {
    if (!(await hasServer(engine))) return void t.pass('skipped, as said above');
    const world = createWorld(t);
    const tables = `CREATE TABLE users (id ${idColumn[engine]}, name VARCHAR(20) NOT NULL UNIQUE, created_at VARCHAR(30));
      CREATE TABLE folders (id ${idColumn[engine]}, parent_id BIGINT, name VARCHAR(40) NOT NULL, owner_id BIGINT,
        UNIQUE (parent_id, name), FOREIGN KEY (parent_id) REFERENCES folders (id), FOREIGN KEY (owner_id) REFERENCES users (id));
      CREATE TABLE tags (id ${narrowColumn[engine]}, tag VARCHAR(20));`;
    const {local, remote} = await world.pairOfServers(
      {
        engine,
        schema: `${tables} INSERT INTO users (name) VALUES ('root'); INSERT INTO folders (name) VALUES ('Site');`,
      },
      {engine, schema: tables},
    );
    await world.profile('pair/all', '--items', 'database');
    t.like(await world.run('pair/all'), {applied: 0});
    // Both servers were given their numbers, so ids that are issued differ; the numbers 700 were not issued.
    for (const [index, {site}] of [local, remote].entries())
      site.sql(`INSERT INTO users (name, created_at) VALUES ('anna', '2026-11-2${index}');
        INSERT INTO users (id, name) VALUES (700, 'user ${index}');
        INSERT INTO folders (parent_id, name) VALUES (1, 'Marketing');
        INSERT INTO folders (id, name, owner_id) VALUES (700 + ${index}, 'of user ${index}', 700);
        INSERT INTO tags (tag) VALUES ('t${index}')`);
    const preview = await world.preview('pair/all');
    t.is(preview.counts.conflicts, 0, JSON.stringify(preview.actions, undefined, 1));
    t.like(await world.run('pair/all'), {status: 'success', skipped: 0, conflicts: 0, collisions: 3});
    t.deepEqual(remote.site.tables(), local.site.tables());
    const ids = (sql: string) => local.site.rows(sql).map(row => row.join(' '));
    const [, anna] = ids("SELECT id FROM users WHERE name LIKE 'anna%' ORDER BY id");
    t.true(BigInt(anna!) > 10n ** 12n);
    t.deepEqual(ids("SELECT name FROM users WHERE name LIKE 'anna%' ORDER BY id"), ['anna', `anna${anna}`]);
    t.deepEqual(
      ids(
        'SELECT f.name AS folder, u.name AS owner FROM folders f JOIN users u ON u.id = f.owner_id ORDER BY f.name',
      ),
      ['of user 0 user 0', 'of user 1 user 1'],
    );
    t.is(ids("SELECT name FROM folders WHERE name LIKE 'Marketing1%'").length, 1);
    t.like(await world.run('pair/all'), {applied: 0, collisions: 0, bytes: 0});

    // What is issued next differs still, also from the number that the renumbered user got.
    for (let round = 0; round < 2; round++) {
      for (const [index, {site}] of [local, remote].entries())
        for (let user = 0; user < 3; user++)
          site.sql(
            `INSERT INTO users (name) VALUES ('more ${index}.${round}.${user}'); INSERT INTO tags (tag) VALUES ('more')`,
          );
      t.like(await world.run('pair/all'), {status: 'success', skipped: 0, conflicts: 0, collisions: 0});
    }
    t.is(ids('SELECT id FROM users').length, 17);
    t.is(ids('SELECT id FROM tags').length, 14);
    t.deepEqual(remote.site.tables(), local.site.tables());

    // The narrow column is named; it works all the same.
    const check = await world.must('server', 'check', 'there', '--json');
    const [{warnings = []} = {}] = check.json<{checks: {warnings?: string[]}[]}>().checks;
    t.is(warnings.length, 1);
    t.regex(warnings[0]!, /^main: tags\.id holds ids up to 2147483647 only: server 2 issues \d+ to \d+/);
  });
