import {mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import test, {type ExecutionContext} from 'ava';
import {openSite} from '../../../source/agent/site/open-site.js';
import {OperationSpool} from '../../../source/agent/site/operation-spool.js';
import {OperatorError} from '../../../source/core/operator-error.js';
import {createServerDatabase, hasServer} from '../../helpers/database-server.js';
import {runSql} from '../../helpers/run-sql.js';

type Database = {url: string; execute(sql: string): Promise<void>; ids(): Promise<string>};

const work = {signal: new AbortController().signal};

function makeFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'lockstep-restore-'));
  t.teardown(() => rmSync(folder, {recursive: true, force: true}));
  return folder;
}

const engines: Record<string, (t: ExecutionContext) => Promise<Database>> = {
  async sqlite(t) {
    const file = path.join(makeFolder(t), 'content.db');
    const site = new DatabaseSync(file, {timeout: 5000});
    t.teardown(() => site.close());
    return {
      url: `sqlite:${file}`,
      execute: async sql => site.exec(sql),
      ids: async () =>
        site
          .prepare('SELECT id FROM page ORDER BY id')
          .all()
          .map(row => row.id)
          .join(),
    };
  },
};
for (const engine of ['postgres', 'mysql'] as const)
  if (await hasServer(engine))
    engines[engine] = async t => {
      const {url, drop} = await createServerDatabase(engine);
      t.teardown(drop);
      return {
        url,
        execute: async sql => void (await runSql(url, sql)),
        ids: async () => (await runSql(url, 'SELECT id FROM page ORDER BY id')).flat().join(),
      };
    };

const {mysql} = engines;
if (mysql !== undefined)
  test('a restore that the agent did not live to finish is done again, where the engine cannot do it at once', async t => {
    const database = await mysql(t);
    await database.execute('CREATE TABLE page (id INTEGER PRIMARY KEY); CREATE TABLE log (id INTEGER)');
    await database.execute(
      'CREATE TRIGGER note AFTER INSERT ON page FOR EACH ROW INSERT INTO log VALUES (new.id)',
    );
    const folder = makeFolder(t);
    const root = path.join(folder, 'root');
    mkdirSync(root);
    const configuration = {
      ...{name: 'main', root, version: '1', staging: false, allowForceInitial: false},
      database: {url: database.url},
    };
    const before = await openSite(configuration, path.join(folder, 'agent'));
    const {name} = await before.backups!.create({by: 'anna'}, work);
    const file = path.join(before.backups!.folder, name);
    await before.close();
    // As a power cut leaves it: the tables are there, their triggers are not.
    await database.execute('DROP TRIGGER note; INSERT INTO page VALUES (7)');
    writeFileSync(path.join(folder, 'agent/sites/main/backups.json.restoring'), JSON.stringify({file}));
    const after = await openSite(configuration, path.join(folder, 'agent'));
    t.regex(after.recovered.join(), /was being put back/);
    await after.close();
    t.is(await database.ids(), '');
    await database.execute('INSERT INTO page VALUES (8)');
    t.deepEqual(await runSql(database.url, 'SELECT id FROM log'), [['8']]);
    const again = await openSite(configuration, path.join(folder, 'agent'));
    t.deepEqual(again.recovered, []);
    await again.close();
  });

for (const [engine, create] of Object.entries(engines))
  test(`${engine}: a run takes back what its own step has committed, and nothing else`, async t => {
    const database = await create(t);
    await database.execute('CREATE TABLE page (id INTEGER PRIMARY KEY, title VARCHAR(50))');
    await database.execute("INSERT INTO page VALUES (1, 'a'), (2, 'b'), (3, 'c')");
    const folder = makeFolder(t);
    const root = path.join(folder, 'root');
    mkdirSync(root);
    const site = await openSite(
      {
        name: 'main',
        root,
        version: '1',
        staging: false,
        allowForceInitial: false,
        database: {url: database.url},
      },
      path.join(folder, 'agent'),
    );
    t.teardown(() => site.close());
    const runId = '20261201-020000-abcdef';
    const by = 'anna';
    site.lease.take(runId, by);
    const remove = async (step: string, id: string) => {
      await site.scan({files: false, database: true, acceptRoot: false}, {...work, progress: () => {}});
      const item = {type: 'row', table: 'page', key: [id]} as const;
      const [record] = await site.database!.lookUp([item]);
      const spool = new OperationSpool(path.join(folder, `spool-${step}`));
      await spool.fill(
        (async function* () {
          yield {
            op: 'delete' as const,
            item,
            expect: {state: 'present' as const, digest: record!.digest},
            vector: `${record!.vector},zz:1`,
          };
        })(),
      );
      await site.commit({runId, step, strict: true, by}, spool, () => {});
      spool.discard();
    };
    const backUp = (step: string) => site.backups!.create({by, runId, step}, work);
    const restore = (name: string, afterStep: string) => site.restore({runId, name, by, afterStep}, work);

    const first = await backUp('main');
    t.deepEqual(await restore(first.name, 'main'), {restored: false}, 'nothing was committed yet');
    await remove('main', '1');
    const second = await backUp('main-2');
    t.not(second.name, first.name);
    await remove('main-2', '2');
    t.is(await database.ids(), '3');
    t.is([...site.history.entries({runId})].length, 2);

    t.deepEqual(await restore(second.name, 'main-2'), {restored: true});
    t.is(await database.ids(), '2,3', 'the step before it stays');
    t.is([...site.history.entries({runId})].length, 1);
    t.deepEqual(await restore(second.name, 'main-2'), {restored: true}, 'a repeated call answers the same');
    t.deepEqual(await restore(first.name, 'main'), {restored: true});
    t.is(await database.ids(), '1,2,3');
    t.is([...site.history.entries({runId})].length, 0);
    t.deepEqual(readdirSync(site.backups!.folder).sort(), [first.name, second.name].sort());

    const other = await t.throwsAsync(
      site.restore({runId: '20261201-020000-ghijkl', name: first.name, by}, work),
      {
        instanceOf: OperatorError,
      },
    );
    t.is(other?.code, 'LEASE_LOST');
    // By hand: what is there is backed up before.
    await database.execute("INSERT INTO page VALUES (4, 'd')");
    const byHand = await site.restore({runId, name: second.name, by}, work);
    t.is(await database.ids(), '2,3');
    t.true(byHand.restored);
    await site.restore({runId, name: byHand.before!.name, by}, work);
    t.is(await database.ids(), '1,2,3,4');
  });
