import {existsSync, statSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {currentUpdate, listUpdates, showNotice} from '../../source/protocol/update-endpoints.js';
import {createUpdatedServer, makeRelease, newId, startFileServer} from '../helpers/update-world.js';

test('U1–U12: a server is updated: users leave, settings are carried over, the data is migrated, nothing is left', async t => {
  const one = await createUpdatedServer(t);
  const files = await startFileServer(t);
  await one.login('bert');
  const release = makeRelease(files, {version: '2.0'}, {'preferences/colour': 'red', 'key.pem': 'none'});
  const id = newId();
  const [first, again] = await Promise.all([one.start(release, {id}), one.start(release, {id})]);
  t.is(first.state, 'running');
  t.is(again.id, id, 'the same id is the same update');
  const status = await one.ended(id);
  t.like(status, {state: 'done', from: '1.0', to: '2.0', by: 'anna', committed: true, abort: 'refused'});
  t.deepEqual(status.warnings, []);
  t.like(await one.health(), {version: '2.0', structure: '2.0', open: true});
  t.is(one.read('program.txt'), 'program 2.0');
  t.is(one.read('preferences/colour'), 'blue', 'carried over in place of what the release has');
  t.is(one.read('key.pem'), 'secret');
  t.is(statSync(path.join(one.folder, 'key.pem')).mode & 0o777, 0o600);
  t.deepEqual(one.beside, ['app'], 'temporary and old folder are gone (U11)');
  t.false(existsSync(path.join(one.folder, '.lockstep-update.json')));
  t.regex(
    one.log,
    /^start 1\.0\nwarn .*from version 1\.0 to 2\.0.*\nlogoff\nstop\nstart 2\.0\nmigrate 2\.0\nopenLogins\n$/,
  );
  t.like(await one.client.call(showNotice, {params: {site: 'main'}}), {state: 'none'});
  t.like(await one.client.call(currentUpdate, {params: {site: 'main'}}), {update: {id}, configured: true});
  t.is((await one.client.call(listUpdates, {params: {site: 'main'}})).updates.length, 1);
});
