import test from 'ava';
import {listBackups} from '../../source/protocol/backup-endpoints.js';
import {rollBackUpdate} from '../../source/protocol/update-endpoints.js';
import {hasServer} from '../helpers/database-server.js';
import {createUpdatedServer, makeRelease, startFileServer} from '../helpers/update-world.js';

const site = {site: 'main'};

for (const engine of ['postgres', 'mysql'] as const)
  test.serial(
    `U3, U9, U14: on ${engine} a migration that fails is taken back from the verified backup, and so is one that a person takes back`,
    async t => {
      if (!(await hasServer(engine))) return t.pass();
      const one = await createUpdatedServer(t, {}, {engine});
      const files = await startFileServer(t);
      await one.login('bert');
      const before = one.server.site.tables();
      t.deepEqual(one.sql('SELECT visits FROM content'), ['1']);

      const failed = await one.update(makeRelease(files, {version: '2.0', migrate: 'fail'}));
      t.like(failed, {state: 'rolled-back', error: {code: 'MIGRATION_FAILED'}});
      const step = (name: string) => failed.steps.find(record => record.step === name)!;
      t.regex(step('backup').detail!, /, \d+ bytes\.$/);
      t.regex(step('carry').detail!, /Data backed up while nobody writes: /);
      t.regex(step('rollback-data').detail!, /^The data is that of .*What was there before is kept as /);
      t.deepEqual(one.server.site.tables(), before, 'a table that the migration had made is gone as well');
      t.like(await one.health(), {version: '1.0', structure: '1.0', open: true});

      const done = await one.update(makeRelease(files, {version: '2.0'}));
      t.like(done, {state: 'done', warnings: []});
      t.like(await one.health(), {version: '2.0', structure: '2.0', open: true});
      const {backups} = await one.client.call(listBackups, {params: site});
      t.true(
        backups.some(({name}) => done.steps.some(({detail}) => detail?.startsWith(`${name}, `))),
        'of the new version (U10)',
      );
      await one.login('carl');
      await one.client.call(rollBackUpdate, {params: {...site, update: done.id}, body: {by: 'anna'}});
      t.like(await one.ended(done.id), {state: 'rolled-back', track: 'rollback'});
      t.deepEqual(one.server.site.tables(), before);
      t.like(await one.health(), {version: '1.0', structure: '1.0', open: true});
    },
  );
