import {execFileSync} from 'node:child_process';
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {releaseLease, takeLease} from '../../source/protocol/run-endpoints.js';
import {eventually} from '../helpers/lockstep.js';
import {
  createUpdatedServer,
  makeRelease,
  newId,
  startFileServer,
  type UpdatedServer,
} from '../helpers/update-world.js';

/** The commands of the service as agent.json has them. */
function commandsOf({server}: UpdatedServer): Record<string, {run: string[]; timeout: string}> {
  return JSON.parse(readFileSync(path.join(server.data, 'agent.json'), 'utf8')).sites.main.update.service;
}

test('U14: an abort takes back what was stopped already; after the commit it is refused, and what fails then is only said', async t => {
  const one = await createUpdatedServer(t);
  const files = await startFileServer(t);

  // The new version runs in its place and is not well yet.
  await one.configure({health: {...one.healthCheck, timeout: '2m'}});
  const {id} = await one.start(makeRelease(files, {version: '2.0', health: 500}));
  await eventually('the new version is waited for', async () => (await one.show(id)).step === 'health');
  t.is((await one.show(id)).abort, 'roll-back');
  await one.abort(id);
  const aborted = await one.ended(id);
  t.like(aborted, {state: 'aborted', track: 'rollback', error: {code: 'UPDATE_ABORTED'}});
  t.like(await one.health(), {version: '1.0', structure: '1.0', open: true});
  t.is(one.read('program.txt'), 'program 1.0');
  t.deepEqual(one.beside, ['app', 'app_failed0001']);

  // It is decided for, and letting the users in again fails.
  const [reached, go] = ['reached', 'go'].map(name => path.join(one.world.folder, name)) as [string, string];
  const service = {
    ...commandsOf(one),
    openLogins: {
      run: [
        '/bin/sh',
        '-c',
        `touch '${reached}'; until [ -e '${go}' ]; do sleep 0.05; done; echo no >&2; exit 9`,
      ],
      timeout: '60s',
    },
  };
  await one.configure({service, health: one.healthCheck});
  const {id: committed} = await one.start(makeRelease(files, {version: '2.0'}));
  await eventually('users are let in', () => existsSync(reached));
  t.like(await one.show(committed), {committed: true, step: 'reopen', abort: 'refused'});
  const late = await t.throwsAsync(one.abort(committed));
  t.like(late, {code: 'UPDATE_NOT_ABORTABLE'});
  t.regex(late!.message, /has decided for version 2\.0 already/);
  writeFileSync(go, '');
  const done = await one.ended(committed);
  t.like(done, {state: 'done', to: '2.0'});
  t.regex(done.warnings.join(), /Let the users in again: .*ended with 9.*no/s);
  t.regex(done.nextStep!, /Warnings/);
  t.is(one.read('program.txt'), 'program 2.0');
  t.like(await one.health(), {version: '2.0', structure: '2.0'});
});

test('a full disk under the journal keeps an update from going on, and not from going on later; the agent lives', async t => {
  const one = await createUpdatedServer(t, {grace: '10m'});
  const files = await startFileServer(t);
  await one.login('bert');
  const {id} = await one.start(makeRelease(files, {version: '2.0'}));
  await eventually('bert is waited for', async () => (await one.show(id)).usersLeft === 1);
  // As far as a program can tell: no file may grow any more, neither journal nor log.
  const {pid} = one.server;
  const limitFiles = (bytes: string) => execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]);
  limitFiles('1');
  await fetch(`http://127.0.0.1:${one.port}/logout?user=bert`, {method: 'POST'});
  await eventually('it says that it cannot go on', async () =>
    (await one.show(id)).warnings.some(text => text.startsWith('It cannot go on, and tries again: ')),
  );
  t.is((await one.show(id)).state, 'running');
  t.true(one.server.isRunning);
  limitFiles('unlimited');
  t.like(await one.ended(id), {state: 'done', warnings: []});
  t.like(await one.health(), {version: '2.0', structure: '2.0', open: true});
  t.is(one.server.pid, pid);
});

test('U1: an update that waits for its time lets runs go on; when that comes, it waits for the run, also over a restart of the agent', async t => {
  const one = await createUpdatedServer(t);
  const files = await startFileServer(t);
  const from = Date.now() + 5_000;
  const {id} = await one.start(makeRelease(files, {version: '2.0'}), {
    window: {from: new Date(from).toISOString()},
  });
  t.like(await one.show(id), {state: 'running', step: 'scheduled', abort: 'at-once'});
  const site = {site: 'main'};
  const runId = newId();
  await one.client.call(takeLease, {params: site, body: {runId, by: 'bert', purpose: 'run'}});
  await one.server.stop();
  await eventually('its time has come', () => Date.now() > from);
  // The run still holds the site: an agent that starts must not fail for that, nor take the site from it.
  await one.server.start();
  await one.reconnect();
  await one.client.call(takeLease, {params: site, body: {runId, by: 'bert', purpose: 'run'}});
  t.is((await one.show(id)).step, 'scheduled');
  t.notRegex(one.log, /stop/);
  await one.client.call(releaseLease, {params: {...site, runId}});
  t.like(await one.ended(id), {state: 'done', to: '2.0'});
});
