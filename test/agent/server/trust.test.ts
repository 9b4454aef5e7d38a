import {readFile} from 'node:fs/promises';
import {createServer} from 'node:net';
import {join} from 'node:path';
import {connect} from 'node:tls';
import test from 'ava';
import {openPins} from '../../../source/agent/trust/pins.js';
import {createAgentClient} from '../../../source/client/agent-client.js';
import {askNeeds} from '../../../source/protocol/content-endpoints.js';
import {listHistory} from '../../../source/protocol/history-endpoints.js';
import {openIdentity} from '../../../source/protocol/identity.js';
import {parseInvitation} from '../../../source/protocol/invitation.js';
import {takeLease} from '../../../source/protocol/run-endpoints.js';
import {describeServer, introducePeer, pair, testPeer} from '../../../source/protocol/server-endpoints.js';
import {sendRaw, startTestAgent} from '../test-agent.js';

const lease = {params: {site: 'main'}, body: {runId: '20260101-000000-abcdef', by: 'me', purpose: 'sync'}};

test('a caller without a certificate completes the handshake and is answered 401', async t => {
  const {agent} = await startTestAgent(t);
  const answer = await sendRaw({url: agent.url, path: '/v1/server'});
  t.is(answer.status, 401);
  t.is(JSON.parse(answer.body).error.code, 'IDENTITY_REFUSED');
  t.is((await sendRaw({url: agent.url, path: '/v1/pair', method: 'POST'})).status, 401);
});

test('an unknown certificate is answered 401 everywhere, also where there is no endpoint', async t => {
  const {agent, caller} = await startTestAgent(t);
  const {identity, client} = await caller(undefined);
  await t.throwsAsync(client.call(describeServer, {}), {code: 'IDENTITY_REFUSED'});
  for (const path of ['/v1/server', '/v1/sites/main/history', '/v1/nothing', '/'])
    t.is((await sendRaw({url: agent.url, path, identity})).status, 401, path);
});

test('a revocation acts at once on a connection that is open', async t => {
  const {data, caller} = await startTestAgent(t);
  const {identity, client} = await caller('admin');
  await client.call(describeServer, {});
  await openPins(data).revoke(identity.fingerprint);
  await t.throwsAsync(client.call(describeServer, {}), {code: 'IDENTITY_REFUSED'});
});

test('a server with another certificate is told nothing', async t => {
  const {agent, caller} = await startTestAgent(t);
  const {identity} = await caller('admin');
  const wrong = createAgentClient({url: agent.url, fingerprint: '0'.repeat(64), identity});
  await t.throwsAsync(wrong.call(describeServer, {}), {code: 'CERTIFICATE_MISMATCH'});
  wrong.close();
});

test('an address at which no agent answers is another error', async t => {
  const {caller} = await startTestAgent(t);
  const {identity} = await caller('admin');
  const plain = createServer(socket =>
    socket
      .on('error', () => {})
      .resume()
      .end('HTTP/1.1 200 OK\r\n\r\n'),
  );
  await new Promise<void>(done => plain.listen(0, '127.0.0.1', done));
  t.teardown(() => plain.close());
  const {port} = plain.address() as {port: number};
  const client = createAgentClient({url: `https://127.0.0.1:${port}`, fingerprint: '0'.repeat(64), identity});
  await t.throwsAsync(client.call(describeServer, {}), {code: 'NO_SUCH_ENDPOINT'});
  await new Promise(done => plain.close(done));
  await t.throwsAsync(client.call(describeServer, {}), {code: 'UNREACHABLE'});
});

test('a session cannot be resumed, and TLS 1.2 is not spoken', async t => {
  const {agent, caller} = await startTestAgent(t);
  const {identity} = await caller('admin');
  const {hostname, port} = new URL(agent.url);
  const options = {
    host: hostname,
    port: Number(port),
    key: identity.privateKey,
    cert: identity.certificate,
    rejectUnauthorized: false,
  };
  const session = await new Promise<Buffer | undefined>((resolve, reject) => {
    const socket = connect(options, () =>
      socket.write('GET /v1/server HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'),
    );
    let ticket: Buffer | undefined;
    socket.on('session', found => (ticket = found));
    socket
      .on('error', reject)
      .on('close', () => resolve(ticket))
      .resume();
  });
  const reused = await new Promise<boolean>((resolve, reject) => {
    const socket = connect({...options, ...(session ? {session} : {})}, () => {
      resolve(socket.isSessionReused());
      socket.destroy();
    });
    socket.on('error', reject);
  });
  t.false(reused);
  await t.throwsAsync(
    new Promise((resolve, reject) => {
      const socket = connect({...options, maxVersion: 'TLSv1.2'}, () => resolve(undefined));
      socket.on('error', reject);
    }),
  );
});

test('a role that does not suffice is answered 403', async t => {
  const {caller} = await startTestAgent(t);
  const viewer = await caller('view');
  t.is((await viewer.client.call(describeServer, {})).role, 'view');
  await t.throwsAsync(viewer.client.call(takeLease, lease), {code: 'ROLE_REFUSED'});
  const operator = await caller('operate');
  t.is((await operator.client.call(takeLease, lease)).holder.runId, lease.body.runId);
  const body = {name: 'x', certificate: viewer.identity.certificate, sites: ['main']};
  await t.throwsAsync(operator.client.call(introducePeer, {body}), {code: 'ROLE_REFUSED'});
});

test('a peer may act on its sites and on nothing else', async t => {
  const {caller} = await startTestAgent(t, ['main', 'shop']);
  const {client} = await caller('peer', ['main']);
  await (await caller('operate')).client.call(takeLease, lease);
  const needs = (site: string) =>
    client.call(askNeeds, {params: {site, runId: lease.body.runId}, body: (async function* () {})()});
  for await (const _ of await needs('main'));
  await t.throwsAsync(needs('shop'), {code: 'SITE_REFUSED'});
  await t.throwsAsync(needs('unheard-of'), {code: 'SITE_REFUSED'});
  await t.throwsAsync(client.call(takeLease, lease), {code: 'ROLE_REFUSED'});
  await t.throwsAsync(client.call(listHistory, {params: {site: 'main'}, query: {}}), {code: 'ROLE_REFUSED'});
  t.deepEqual(
    (await client.call(describeServer, {})).sites.map(site => site.name),
    ['main'],
  );
});

test('a partner that this agent only reaches out to can do nothing here (X7)', async t => {
  const {data, caller} = await startTestAgent(t);
  const {client, identity} = await caller(undefined);
  await openPins(data).introduce({
    fingerprint: identity.fingerprint,
    name: 'outside',
    sites: [],
    outbound: ['main'],
  });
  await (await caller('operate')).client.call(takeLease, lease);
  await t.throwsAsync(
    client.call(askNeeds, {
      params: {site: 'main', runId: lease.body.runId},
      body: (async function* () {})(),
    }),
    {code: 'SITE_REFUSED'},
  );
  t.deepEqual((await client.call(describeServer, {})).sites, []);
});

test('an invitation pairs once, and a used, wrong or expired one is refused', async t => {
  const {data, verbs, caller} = await startTestAgent(t);
  const {invitation} = await verbs.invite({data, role: 'operate', ttlMs: 60_000});
  const {secret, url, fingerprint} = parseInvitation(invitation);
  const {client} = await caller(undefined);
  t.is(client.url, url);
  t.is(client.fingerprint, fingerprint);
  t.is((await client.call(pair, {body: {secret, name: 'me\u001b[2J'}})).role, 'operate');
  const [peer] = await verbs.peers(data);
  t.is(peer?.name, 'me?[2J');
  const other = await caller(undefined);
  await t.throwsAsync(other.client.call(pair, {body: {secret, name: 'me'}}), {code: 'INVITATION_REFUSED'});
  const late = parseInvitation((await verbs.invite({data, role: 'admin', ttlMs: 1})).invitation);
  while (Date.now() <= Date.parse(late.expiresAt)) await new Promise(setImmediate);
  await t.throwsAsync(other.client.call(pair, {body: {secret: late.secret, name: 'me'}}), {
    code: 'INVITATION_REFUSED',
  });
  t.is((await verbs.peers(data)).length, 1);
  t.false((await readFile(join(data, 'invitations.json'), 'utf8')).includes(secret));
});

test('one invitation that two redeem at the same time pairs one', async t => {
  const {data, verbs, caller} = await startTestAgent(t);
  const {secret} = parseInvitation((await verbs.invite({data, role: 'view', ttlMs: 60_000})).invitation);
  const callers = await Promise.all([1, 2, 3, 4].map(() => caller(undefined)));
  const results = await Promise.allSettled(
    callers.map(({client}) => client.call(pair, {body: {secret, name: 'me'}})),
  );
  t.is(results.filter(result => result.status === 'fulfilled').length, 1);
  t.is((await verbs.peers(data)).length, 1);
});

test('guessing secrets is stopped after ten attempts, and pairing rightly does not count', async t => {
  const {data, verbs, caller} = await startTestAgent(t);
  const {client} = await caller(undefined);
  for (let round = 0; round < 12; round += 1) {
    const {secret} = parseInvitation((await verbs.invite({data, role: 'view', ttlMs: 60_000})).invitation);
    await client.call(pair, {body: {secret, name: 'me'}});
  }
  const codes: unknown[] = [];
  for (let round = 0; round < 12; round += 1)
    codes.push(
      await client.call(pair, {body: {secret: 'x'.repeat(32), name: 'me'}}).then(
        () => 'paired',
        (error: {code: string}) => error.code,
      ),
    );
  t.deepEqual(codes.slice(0, 10), Array(10).fill('INVITATION_REFUSED'));
  t.deepEqual(codes.slice(10), ['RATE_LIMITED', 'RATE_LIMITED']);
});

test('introducing a peer twice adds its sites up; one that is not hosted is refused', async t => {
  const {data, folder, verbs, caller} = await startTestAgent(t, ['main', 'shop']);
  const {client} = await caller('admin');
  const peer = await openIdentity(join(folder, 'peer'), 'production');
  const introduce = (sites: string[]) =>
    client.call(introducePeer, {body: {name: 'production', certificate: peer.certificate, sites}});
  t.is((await introduce(['shop'])).fingerprint, peer.fingerprint);
  await introduce(['main']);
  await introduce(['main']);
  const pin = (await verbs.peers(data)).find(found => found.role === 'peer');
  t.deepEqual(pin?.sites, ['main', 'shop']);
  await client.call(introducePeer, {
    body: {name: 'production', certificate: peer.certificate, sites: [], outbound: ['main']},
  });
  t.like(
    (await verbs.peers(data)).find(found => found.role === 'peer'),
    {sites: ['main', 'shop']},
  );
  await t.throwsAsync(introduce(['nowhere']), {code: 'UNKNOWN_SITE'});
  await t.throwsAsync(
    client.call(introducePeer, {body: {name: 'x', certificate: 'no certificate', sites: []}}),
    {code: 'BAD_REQUEST'},
  );
});

test('an agent tells the failures of a connection to another one apart (E4)', async t => {
  const local = await startTestAgent(t);
  const remote = await startTestAgent(t, ['main', 'shop']);
  const {client} = await local.caller('view');
  const localIdentity = await openIdentity(local.data, 'staging');
  const {url, fingerprint} = remote.agent;
  const outcome = async (changes: Partial<{url: string; fingerprint: string; site: string}> = {}) =>
    (await client.call(testPeer, {body: {url, fingerprint, site: 'main', ...changes}})).kind;
  t.is(await outcome(), 'identity-refused');
  await openPins(remote.data).introduce({
    fingerprint: localIdentity.fingerprint,
    name: 'local',
    sites: ['main'],
  });
  t.is(await outcome(), 'connected');
  t.is(await outcome({site: 'shop'}), 'unknown-site');
  t.is(await outcome({fingerprint: '1'.repeat(64)}), 'certificate-mismatch');
  t.is(await outcome({url: 'https://127.0.0.1:1'}), 'unreachable');
});

test('every mutating call and every refusal is in the audit log, a renewed lease once', async t => {
  const {data, verbs, caller} = await startTestAgent(t);
  const operator = await caller('operate');
  const viewer = await caller('view');
  await operator.client.call(takeLease, lease);
  await operator.client.call(takeLease, lease);
  await t.throwsAsync(viewer.client.call(takeLease, lease));
  await t.throwsAsync((await caller(undefined)).client.call(describeServer, {}));
  const entries = (await readFile(join(data, 'audit.ndjson'), 'utf8'))
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  const what = 'PUT /v1/sites/main/lease';
  t.is(entries.filter(entry => entry.kind === 'call' && entry.what === what).length, 1);
  t.like(
    entries.filter(entry => entry.kind === 'refusal').map(({code, what}) => ({code, what})),
    [
      {code: 'ROLE_REFUSED', what},
      {code: 'IDENTITY_REFUSED', what: 'GET /v1/server'},
    ],
  );
  t.is((await verbs.verifyAudit(data)).kind, 'whole');
});

test('new keys are used by the running agent, and the old pin no longer fits', async t => {
  const {data, agent, verbs, caller} = await startTestAgent(t);
  const {identity, client} = await caller('admin');
  await client.call(describeServer, {});
  const {fingerprint} = await verbs.certificate.regenerate({data});
  t.not(fingerprint, agent.fingerprint);
  client.close();
  const fresh = createAgentClient({url: agent.url, fingerprint, identity});
  t.teardown(() => fresh.close());
  t.is((await fresh.call(describeServer, {})).fingerprint, fingerprint);
  const stale = createAgentClient({url: agent.url, fingerprint: agent.fingerprint, identity});
  t.teardown(() => stale.close());
  await t.throwsAsync(stale.call(describeServer, {}), {code: 'CERTIFICATE_MISMATCH'});
});
