import {spawnSync} from 'node:child_process';
import {readFile, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {startAgent} from '../../source/agent/agent.js';
import {createAgentVerbs} from '../../source/agent/verbs.js';
import {parseInvitation} from '../../source/protocol/invitation.js';
import {startTestAgent, temporaryFolder} from './test-agent.js';

const verbs = createAgentVerbs();

test('init chooses a free port and keeps it, and does not overwrite', async t => {
  const data = join(await temporaryFolder(t), 'new');
  const made = await verbs.init({data, name: 'staging', listen: '127.0.0.1:0'});
  t.regex(made.listen, /^127\.0\.0\.1:[1-9]\d+$/);
  t.is(JSON.parse(await readFile(join(data, 'agent.json'), 'utf8')).listen, made.listen);
  t.is((await stat(join(data, 'key.pem'))).mode & 0o777, 0o600);
  t.is((await stat(data)).mode & 0o777, 0o700);
  t.is((await verbs.status(data)).url, `https://${made.listen}`);
  await t.throwsAsync(verbs.init({data, name: 'again'}), {code: 'ALREADY_EXISTS'});
  t.is((await verbs.certificate.show({data})).fingerprint, made.fingerprint);
});

test('a dry run of init and site add writes nothing', async t => {
  const data = join(await temporaryFolder(t), 'new');
  await verbs.init({data, name: 'staging', listen: '127.0.0.1:0', dryRun: true});
  await t.throwsAsync(stat(data), {code: 'ENOENT'});
  await verbs.init({data, name: 'staging', listen: '127.0.0.1:0'});
  const before = await readFile(join(data, 'agent.json'), 'utf8');
  await verbs.addSite({
    data,
    site: 'main',
    root: '/srv',
    staging: false,
    allowForceInitial: false,
    dryRun: true,
  });
  t.is(await readFile(join(data, 'agent.json'), 'utf8'), before);
});

test('a site with a name, root or database that makes no sense is refused', async t => {
  const data = await temporaryFolder(t);
  await verbs.init({data, name: 'staging', listen: '127.0.0.1:0'});
  const add = (changes: {site?: string; root?: string; database?: string}) =>
    verbs.addSite({data, site: 'main', root: data, staging: false, allowForceInitial: false, ...changes});
  await t.throwsAsync(add({site: '../x'}), {code: 'USAGE'});
  await t.throwsAsync(add({root: join(data, 'agent.json')}), {code: 'USAGE'});
  await t.throwsAsync(add({database: 'oracle:x'}), {code: 'USAGE'});
  await add({database: 'sqlite:content.db'});
  t.is((await verbs.status(data)).sites[0]?.database, `sqlite:${join(process.cwd(), 'content.db')}`);
});

test('one data folder is served by one process, and one that was killed is no hindrance', async t => {
  const {data, agent} = await startTestAgent(t);
  t.like(await verbs.status(data), {running: true, pid: process.pid, url: agent.url});
  await t.throwsAsync(startAgent(data), {code: 'STATE_LOCKED'});
  await agent.stop();
  t.like(await verbs.status(data), {running: false});
  const {pid} = spawnSync(process.execPath, ['-e', '']);
  await writeFile(join(data, 'agent.lock'), JSON.stringify({pid, startedAt: '1'}));
  await (await startAgent(data)).stop();
});

test('a port that is taken is said to be', async t => {
  const {agent} = await startTestAgent(t);
  const data = await temporaryFolder(t);
  await verbs.init({data, name: 'other', listen: `127.0.0.1:${agent.port}`});
  await t.throwsAsync(startAgent(data), {code: 'ADDRESS_IN_USE'});
  t.is((await verbs.status(data)).running, false);
});

test('an invitation of an agent that listens everywhere names an address to reach it by', async t => {
  const data = await temporaryFolder(t);
  await verbs.init({data, name: 'staging', listen: '0.0.0.0:0'});
  const {url} = parseInvitation((await verbs.invite({data, role: 'view', ttlMs: 1000})).invitation);
  t.not(new URL(url).hostname, '0.0.0.0');
});

test('run says where it listens and ends when it is told to', async t => {
  const data = await temporaryFolder(t);
  const {fingerprint} = await verbs.init({data, name: 'staging', listen: '127.0.0.1:0'});
  const stop = new AbortController();
  const heard: {url: string; fingerprint: string}[] = [];
  await verbs.run({
    data,
    signal: stop.signal,
    onListening(event) {
      heard.push(event);
      stop.abort();
    },
  });
  t.is(heard[0]?.fingerprint, fingerprint);
  t.is((await verbs.status(data)).running, false);
});

test('a certificate is exported without its key and trusted by hand, again with another role', async t => {
  const folder = await temporaryFolder(t);
  const data = join(folder, 'agent');
  const home = join(folder, 'home');
  await verbs.init({data, name: 'staging', listen: '127.0.0.1:0'});
  const file = join(folder, 'console.pem');
  const {fingerprint} = await verbs.certificate.export({home}, file);
  t.false((await readFile(file, 'utf8')).includes('PRIVATE'));
  await verbs.certificate.trust({data, file, role: 'view'});
  await verbs.certificate.trust({data, file, role: 'admin', name: 'me'});
  t.like((await verbs.peers(data))[0], {fingerprint, role: 'admin', name: 'me'});
  await t.throwsAsync(verbs.certificate.trust({data, file, role: 'peer', sites: ['nowhere']}), {
    code: 'UNKNOWN_SITE',
  });
  await t.throwsAsync(verbs.certificate.trust({data, file: join(folder, 'none'), role: 'view'}), {
    code: 'USAGE',
  });
  t.is((await verbs.revoke({data, fingerprint, dryRun: true})).fingerprint, fingerprint);
  t.is((await verbs.peers(data)).length, 1);
  await verbs.revoke({data, fingerprint});
  t.is((await verbs.peers(data)).length, 0);
  t.is((await verbs.verifyAudit(data)).kind, 'whole');
});

test('a console makes new keys as an agent does', async t => {
  const home = join(await temporaryFolder(t), 'home');
  const before = await verbs.certificate.show({home});
  const after = await verbs.certificate.regenerate({home});
  t.not(after.fingerprint, before.fingerprint);
  t.deepEqual(await verbs.certificate.show({home}), after);
});
