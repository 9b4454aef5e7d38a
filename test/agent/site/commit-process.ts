import {createHash} from 'node:crypto';
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import {digestRow} from '../../../source/agent/database/row-digest.js';
import {currentHolds} from '../../../source/agent/site/current-holds.js';
import {openSite} from '../../../source/agent/site/open-site.js';
import {OperationSpool} from '../../../source/agent/site/operation-spool.js';
import {type FileRecord, itemId, type RowRecord} from '../../../source/core/item.js';
import type {Operation} from '../../../source/core/plan.js';

/*
 * A process of its own that a test can kill: `prepare` makes a site, `commit` carries out one run on it, `look`
 * only opens it, as an agent does when it starts. The first argument after the verb is the folder of the test.
 */

const [verb, folder = ''] = process.argv.slice(2);
const root = join(folder, 'root');
const data = join(folder, 'data');
const databaseFile = join(folder, 'site.db');
const runId = '20261121-050000-abcdef';
const undone = '20261121-040000-abcdef';
/** Every operation is one of an undo, so that what it holds is noted with it. */
const hold = {runId: undone, others: [{vector: 'cccccccccccccccc:1', digest: '', deleted: true}]};

if (verb === 'prepare') {
  mkdirSync(join(root, 'old'), {recursive: true});
  writeFileSync(join(root, 'kept'), 'kept');
  writeFileSync(join(root, 'changed'), 'before');
  writeFileSync(join(root, 'old/deleted'), 'gone soon');
  const database = new DatabaseSync(databaseFile);
  database.exec(`CREATE TABLE page (id INTEGER PRIMARY KEY, title TEXT);
    INSERT INTO page VALUES (1, 'kept'), (2, 'before'), (3, 'gone soon')`);
  database.close();
}
const site = await openSite(
  {
    name: 'main',
    root,
    version: '1',
    staging: false,
    allowForceInitial: false,
    database: {url: `sqlite:${databaseFile}`},
  },
  data,
);
if (verb === 'prepare')
  await site.scan(
    {files: true, database: true, acceptRoot: false},
    {signal: new AbortController().signal, progress() {}},
  );
if (verb === 'commit') {
  site.lease.take(runId, 'test');
  const {staging} = site.run(runId);
  const operations: Operation[] = [];
  const putFile = (path: string, content: string) => {
    const bytes = Buffer.from(content);
    const digest = createHash('sha256').update(bytes).digest('hex');
    staging.addBatch([[digest, bytes.length]], bytes);
    const record: FileRecord = {
      type: 'file',
      path,
      vector: 'aaaaaaaaaaaaaaaa:7',
      deleted: false,
      seq: 1,
      kind: 'file',
      digest,
      size: bytes.length,
      mtime: '1700000000000000000',
      mode: 0o640,
    };
    const old = site.files.lookUp(record);
    operations.push({
      op: 'put',
      record,
      expect:
        old === undefined
          ? {state: 'absent'}
          : {state: 'present', kind: 'file', digest: old.digest, mode: old.mode},
    });
  };
  const putRow = async (id: string, title: string) => {
    const row = {id: `i${id}`, title: `t${title}`};
    const digest = digestRow(row);
    const ref = {type: 'row' as const, table: 'page', key: [id]};
    const record: RowRecord = {...ref, vector: 'bbbbbbbbbbbbbbbb:7', deleted: false, seq: 1, digest};
    staging.rows.add([{table: 'page', key: [id], vector: record.vector, digest, row}]);
    const [old] = await site.database!.lookUp([ref]);
    const present = old !== undefined && !old.deleted;
    operations.push({
      op: 'put',
      record,
      expect: present ? {state: 'present', digest: old.digest} : {state: 'absent'},
    });
  };
  putFile('added', 'new');
  putFile('changed', 'after');
  putFile('folder', 'new');
  await putRow('2', 'after');
  await putRow('4', 'new');
  const file = site.files.lookUp({type: 'file', path: 'old/deleted'});
  if (file !== undefined && !file.deleted)
    operations.push({
      op: 'delete',
      item: {type: 'file', path: 'old/deleted'},
      expect: {state: 'present', kind: 'file', digest: file.digest},
      vector: 'aaaaaaaaaaaaaaaa:7',
    });
  const gone = {type: 'row' as const, table: 'page', key: ['3']};
  const [row] = await site.database!.lookUp([gone]);
  if (row !== undefined && !row.deleted)
    operations.push({
      op: 'delete',
      item: gone,
      expect: {state: 'present', digest: row.digest},
      vector: 'bbbbbbbbbbbbbbbb:7',
    });
  const spool = await new OperationSpool(join(folder, 'spool')).fill(
    (async function* () {
      for (const operation of operations) yield {...operation, hold};
    })(),
  );
  const {outcomes} = await site.commit(
    {runId, step: 'main', strict: false, by: 'test', undo: {runId: undone, kind: 'undo'}},
    spool,
    () => {},
  );
  process.stdout.write(JSON.stringify(outcomes));
  await site.endRun(runId);
}
if (verb === 'look')
  process.stdout.write(
    JSON.stringify({
      undoneBy: site.undoRecords.undoneBy(undone),
      held: (await Array.fromAsync(currentHolds(site))).map(({item}) => itemId(item)).sort(),
      changed: [...site.history.entries({runId})].map(({item}) => itemId(item)).sort(),
    }),
  );
await site.close();
