import {execFileSync} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {existsSync, mkdirSync, readFileSync, renameSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {releaseLease, takeLease} from '../../source/protocol/run-endpoints.js';
import {
  checkUpdate,
  lockForRollout,
  readUpdateJournal,
  rollBackUpdate,
  showNotice,
  unlockAfterRollout,
} from '../../source/protocol/update-endpoints.js';
import {eventually} from '../helpers/lockstep.js';
import {startMailServer} from '../helpers/mail-server.js';
import {reservePort} from '../helpers/reserve-port.js';
import {
  createUpdatedServer,
  makeRelease,
  newId,
  startFileServer,
  type UpdatedServer,
} from '../helpers/update-world.js';

const site = {site: 'main'};
/** What an update that changed nothing leaves. */
async function mustRunOld(
  t: ExecutionContext,
  one: UpdatedServer,
  aside: readonly string[] = [],
): Promise<void> {
  t.like(await one.health(), {version: '1.0', structure: '1.0', open: true});
  t.is(one.read('program.txt'), 'program 1.0');
  t.deepEqual(one.beside, ['app', ...aside]);
  t.false(existsSync(path.join(one.folder, '.lockstep-update.json')));
}

test('an update that fails leaves the old version with its old data, says why by mail, and can be tried again', async t => {
  const {port, release} = await reservePort();
  t.teardown(release);
  const one = await createUpdatedServer(
    t,
    {mail: {administrator: ['admin@example.com']}},
    {site: {mail: {smtp: `smtp://127.0.0.1:${port}`, from: 'lockstep@example.com'}}},
  );
  const files = await startFileServer(t);

  const wrong = makeRelease(files, {version: '2.0'});
  const archive = wrong.source.url.split('/').at(-1)!;
  files.files.set(archive, Buffer.alloc(files.files.get(archive)!.length, 'x'));
  const refused = await one.update(wrong, {mailTo: 'anna@example.com'});
  t.like(refused, {state: 'failed', mail: 'waiting', error: {code: 'CONTENT_MISMATCH'}});
  t.notRegex(one.log, /stop/, 'the service was never stopped');
  await mustRunOld(t, one);

  // As far as a program can tell, the disk is full: no file may grow beyond this.
  const {pid} = JSON.parse(readFileSync(path.join(one.server.data, 'listening.json'), 'utf8'));
  const limitFiles = (bytes: string) => execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]);
  limitFiles('2000000');
  const full = await one.update(
    makeRelease(files, {version: '2.0'}, {'big.txt': randomBytes(1_250_000).toString('hex')}),
  );
  limitFiles('unlimited');
  t.like(full, {state: 'failed', step: 'notify', error: {code: 'NO_SPACE'}});
  t.is(full.steps.find(({state}) => state === 'failed')?.step, 'unpack');
  t.notRegex(one.log, /stop/, 'the service was never stopped');
  await mustRunOld(t, one);

  for (const [name, release, reason] of [
    ['older', makeRelease(files, {version: '0.9'}), /older than 1\.0/],
    ['expired', makeRelease(files, {version: '2.0'}, {}, {expiresAt: '2026-11-02T00:00:00Z'}), /expired/],
    [
      'not for this version',
      makeRelease(files, {version: '3.0'}, {}, {minimumVersion: '2.0'}),
      /at least version 2\.0/,
    ],
  ] as const) {
    const status = await one.update(release);
    t.like(status, {state: 'failed', error: {code: 'PREFLIGHT_FAILED'}}, name);
    t.regex(status.error!.message, reason);
  }
  const signed = makeRelease(files, {version: '2.0'});
  await one.configure({allowUnsigned: false});
  t.regex((await one.update(signed)).error!.message, /no signature/);
  await one.configure({allowUnsigned: true});
  const late = await one.update(signed, {window: {until: new Date(Date.now() + 5_000).toISOString()}});
  t.like(late, {state: 'deferred', error: {code: 'UPDATE_DEFERRED'}});

  const unwell = await one.update(makeRelease(files, {version: '2.0', health: 500}), {});
  t.like(unwell, {state: 'rolled-back', error: {code: 'HEALTH_FAILED'}, committed: false});
  t.regex(unwell.nextStep!, /app_failed0001/);
  await mustRunOld(t, one, ['app_failed0001']);
  t.is(
    readFileSync(`${one.folder}_failed0001/program.txt`, 'utf8'),
    'program 2.0',
    'the new one is kept aside',
  );

  // Written after the first backup and before the stop; it must survive the restore.
  const failed = await one.update(makeRelease(files, {version: '2.0', migrate: 'fail'}));
  t.like(failed, {state: 'rolled-back', error: {code: 'MIGRATION_FAILED'}});
  t.regex(failed.error!.message, /column title is missing/);
  await mustRunOld(t, one, ['app_failed0001', 'app_failed0002']);
  t.deepEqual(one.sql('SELECT structure FROM content'), ['1.0']);

  // Only now is there a mail server: what waited is sent.
  const {mails} = await startMailServer(t, port);
  await eventually('the mails are sent', () => mails.length >= 10);
  t.deepEqual(
    mails
      .filter(({text}) => text.includes(refused.error!.message.slice(0, 40)))
      .flatMap(({to}) => to)
      .sort(),
    ['admin@example.com', 'anna@example.com'],
  );
  const mail = mails.find(({text}) => text.includes('column title is missing'))!;
  t.regex(mail.text, /1\.0 runs again with its old data/);
  t.regex(mail.text, /What to do next:/);
  t.regex(mail.text, /\d\.\d s\s+done\s+Stop the service/);
  t.regex(mail.text, /FAILED\s+Migrate the data/);
  // The agent hears that it was taken after the server has it.
  await eventually('nothing waits', async () => (await one.show(refused.id)).mail === 'sent');

  t.is(
    (await one.update(makeRelease(files, {version: '2.0'}))).state,
    'done',
    'nothing stands in the way of the next one',
  );
  await eventually('success is told as well', () =>
    mails.some(({text}) => text.includes('was updated from 1.0 to 2.0')),
  );
});

test('users: who does not leave is logged off or makes the update be aborted; an abort lets them in again; a person can go back afterwards', async t => {
  const one = await createUpdatedServer(t, {grace: '10m'});
  const files = await startFileServer(t);
  const release = makeRelease(files, {version: '2.0'});
  await one.login('bert');

  const {id} = await one.start(release);
  await eventually('one user is waited for', async () => (await one.show(id)).usersLeft === 1);
  t.is(await one.login('carl'), 503, 'nobody else comes in');
  t.like(await one.client.call(showNotice, {params: site}), {
    state: 'ending-sessions',
    from: '1.0',
    to: '2.0',
  });
  t.like(JSON.parse(readFileSync(path.join(one.server.data, 'sites/main/notice.json'), 'utf8')), {
    state: 'ending-sessions',
  });
  const busy = await t.throwsAsync(
    one.client.call(takeLease, {params: site, body: {runId: newId(), by: 'bert', purpose: 'run'}}),
  );
  t.like(busy, {code: 'SITE_BUSY'});
  t.regex(busy!.message, new RegExp(`updated by update ${id} of anna`));
  t.like(await t.throwsAsync(one.start(release)), {code: 'SITE_BUSY'});
  t.is((await one.show(id)).abort, 'at-once');
  await one.abort(id);
  t.like(await one.ended(id), {state: 'aborted', error: {code: 'UPDATE_ABORTED'}});
  await mustRunOld(t, one);
  t.is(await one.login('carl'), 200);
  t.like(await t.throwsAsync(one.abort(id)), {code: 'UPDATE_NOT_ABORTABLE'});

  await one.configure({grace: '1ms', users: 'abort'});
  const remained = await one.update(release);
  t.like(remained, {state: 'failed', error: {code: 'USERS_REMAIN'}});
  t.regex(remained.error!.message, /2 users did not leave/);
  await mustRunOld(t, one);
  await one.configure({users: 'logoff'});

  // A run and a rollout keep an update away.
  const runId = newId();
  await one.client.call(takeLease, {params: site, body: {runId, by: 'dora', purpose: 'run'}});
  const report = await one.client.call(checkUpdate, {params: site, body: {}});
  t.false(report.passed);
  t.regex(
    report.checks.find(({outcome}) => outcome === 'failed')!.message,
    new RegExp(`Run ${runId} of dora`),
  );
  t.like(await t.throwsAsync(one.start(release)), {code: 'SITE_BUSY'});
  await one.client.call(releaseLease, {params: {...site, runId}});
  const [lockId, other, rolloutId] = [newId(), newId(), newId()];
  await one.client.call(lockForRollout, {params: site, body: {lockId, rolloutId, by: 'dora'}});
  const locked = await t.throwsAsync(
    one.client.call(lockForRollout, {params: site, body: {lockId: other, rolloutId, by: 'emil'}}),
  );
  t.like(locked, {code: 'SITE_BUSY', details: {lock: {lockId, by: 'dora'}}});
  await one.client.call(lockForRollout, {
    params: site,
    body: {lockId: other, rolloutId, by: 'emil', takeOver: lockId},
  });
  t.like(await t.throwsAsync(one.start(release, {lockId})), {code: 'SITE_BUSY'});

  const done = await one.update(release, {lockId: other, rolloutId});
  t.like(done, {state: 'done', canRollBack: true});
  await one.client.call(unlockAfterRollout, {params: {...site, lock: other}});
  t.is(await one.login('bert'), 200);
  const {events} = await one.client.call(readUpdateJournal, {
    params: {...site, update: done.id},
    query: {after: '2'},
  });
  t.deepEqual(
    events.map(({seq}) => seq),
    events.map((_, index) => index + 3),
  );
  t.is(events.at(-1)?.type, 'ended');

  const visits = one.sql('SELECT visits FROM content');
  await one.client.call(rollBackUpdate, {params: {...site, update: done.id}, body: {by: 'anna'}});
  t.like(await one.ended(done.id), {state: 'rolled-back', track: 'rollback', canRollBack: false});
  await mustRunOld(t, one, ['app_failed0001']);
  t.notDeepEqual(one.sql('SELECT visits FROM content'), visits, 'the data is that of before the migration');
  t.like(
    await t.throwsAsync(
      one.client.call(rollBackUpdate, {params: {...site, update: remained.id}, body: {by: 'anna'}}),
    ),
    {
      code: 'UPDATE_NOT_REVERSIBLE',
    },
  );
});

test('what ignores stop is not killed unless agent.json says so; what was changed by hand is not touched; an old version that is not well calls for a person', async t => {
  const one = await createUpdatedServer(t, {}, {app: {ignoreStop: true}});
  const files = await startFileServer(t);
  const release = makeRelease(files, {version: '2.0', ignoreStop: true});
  const commands = JSON.parse(readFileSync(path.join(one.server.data, 'agent.json'), 'utf8')).sites.main
    .update.service;
  const quick = {...commands, stop: {...commands.stop, timeout: '1s'}};
  await one.configure({service: quick});
  const ignored = await one.update(release);
  t.like(ignored, {state: 'rolled-back', error: {code: 'SERVICE_FAILED'}});
  t.notRegex(one.log, /kill/);
  await mustRunOld(t, one);

  const kill = {
    ...commands.stop,
    run: commands.stop.run.map((word: string) => (word === 'stop' ? 'kill' : word)),
  };
  await one.configure({service: {...quick, kill}});
  // The agent dies between the swap and the start; then somebody replaces the folder.
  await one.server.stop();
  await one.server.start({LOCKSTEP_FAULT: 'update.swap-new.done'});
  const client = await one.reconnect();
  const {id} = await one.start(release);
  await one.server.ended();
  renameSync(one.folder, `${one.folder}.mine`);
  mkdirSync(one.folder);
  writeFileSync(path.join(one.folder, 'mine.txt'), 'by hand');
  await one.server.start();
  await one.reconnect();
  t.not(one.client, client);
  const strange = await one.ended(id);
  t.like(strange, {state: 'attention', error: {code: 'UPDATE_ATTENTION'}});
  t.regex(strange.nextStep!, /before anything else/);
  t.is(one.read('mine.txt'), 'by hand');
  t.deepEqual(one.beside, ['app', 'app.mine', 'app_old0001', `app_update_${id}`]);
  t.like(await one.client.call(checkUpdate, {params: site, body: {}}), {passed: true});

  // A person puts the old version back, which is not well any more.
  renameSync(one.folder, `${one.folder}.hand`);
  renameSync(`${one.folder}_old0001`, one.folder);
  const check = await one.client.call(checkUpdate, {params: site, body: {}});
  t.regex(check.checks.find(({name}) => name === 'leftovers')!.message, /was not finished/);
  renameSync(path.join(one.folder, '.lockstep-update.json'), `${one.folder}.marker`);
  writeFileSync(path.join(one.folder, 'app.json'), JSON.stringify({version: '1.0', health: 500}));
  await one.configure({health: {...one.healthCheck, timeout: '1s'}});
  const both = await one.update(makeRelease(files, {version: '2.0', health: 500}));
  t.like(both, {state: 'attention', track: 'rollback', error: {code: 'UPDATE_ATTENTION'}});
  t.regex(both.error!.message, /expected 200.*taken back because.*answered 500/s);
});
