import test from 'ava';
import {createAgentClient} from '../../../source/client/agent-client.js';
import {openIdentity} from '../../../source/protocol/identity.js';
import {parseInvitation} from '../../../source/protocol/invitation.js';
import {describeServer, pair} from '../../../source/protocol/server-endpoints.js';
import {
  listPeers,
  makeInvitation,
  pinConsole,
  readAudit,
  revokePeer,
} from '../../../source/protocol/trust-endpoints.js';
import {startTestAgent} from '../test-agent.js';

test('only administrators decide about trust, operators look, others do neither', async t => {
  const {caller} = await startTestAgent(t);
  const fingerprint = '0'.repeat(64);
  const refused = {code: 'ROLE_REFUSED'};
  for (const [role, looks, decides] of [
    ['view', false, false],
    ['peer', false, false],
    ['operate', true, false],
    ['admin', true, true],
  ] as const) {
    const {client} = await caller(role, role === 'peer' ? ['main'] : []);
    for (const look of [client.call(listPeers, {}), client.call(readAudit, {query: {}})])
      if (looks) await t.notThrowsAsync(look, role);
      else await t.throwsAsync(look, refused, role);
    const invite = client.call(makeInvitation, {body: {role: 'admin', ttlMs: 60_000}});
    if (decides) await t.notThrowsAsync(invite, role);
    else await t.throwsAsync(invite, refused, role);
    await t.throwsAsync(
      client.call(revokePeer, {body: {fingerprint}}),
      decides ? {code: 'NOT_FOUND'} : refused,
      role,
    );
  }
});

test('a console invites and pins others, sees them, and its revocation acts at once', async t => {
  const {agent, folder, caller} = await startTestAgent(t);
  const {client, identity: own} = await caller('admin');
  const {invitation} = await client.call(makeInvitation, {body: {role: 'operate', ttlMs: 60_000}});
  const parsed = parseInvitation(invitation);
  t.is(parsed.url, agent.url);
  const other = await openIdentity(`${folder}/other`, 'ben@ops2');
  const its = createAgentClient({...parsed, identity: other});
  t.teardown(() => its.close());
  t.is((await its.call(pair, {body: {secret: parsed.secret, name: 'ben'}})).role, 'operate');

  await client.call(pinConsole, {body: {certificate: other.certificate, name: 'ben', role: 'view'}});
  t.is((await its.call(describeServer, {})).role, 'view');
  const {peers} = await client.call(listPeers, {});
  t.deepEqual(
    peers.map(({fingerprint, role}) => [fingerprint, role]),
    [
      [own.fingerprint, 'admin'],
      [other.fingerprint, 'view'],
    ],
  );
  await client.call(revokePeer, {body: {fingerprint: other.fingerprint}});
  await t.throwsAsync(its.call(describeServer, {}), {code: 'IDENTITY_REFUSED'});

  const {entries, verdict} = await client.call(readAudit, {query: {verify: 'yes'}});
  t.is(verdict?.kind, 'whole');
  t.true(entries.some(({what, detail}) => what === 'agent revoke' && detail?.includes('ben')));
});

test('the audit log is read page by page from its end, and a changed line is told', async t => {
  const {data, caller} = await startTestAgent(t);
  const {client} = await caller('admin');
  // Several blocks of the reader, so that lines lie across their borders.
  const {openAuditLog} = await import('../../../source/agent/trust/audit-log.js');
  const log = openAuditLog(data);
  await Promise.all(
    Array.from({length: 300}, (_, index) =>
      log.append({kind: 'command', what: `noted ${index}`, detail: '\u00e4'.repeat(400)}),
    ),
  );
  const seen: number[] = [];
  for (let before: number | undefined, more = true; more; ) {
    const page = await client.call(readAudit, {
      query: {limit: '100', ...(before === undefined ? {} : {before: String(before)})},
    });
    seen.push(...page.entries.map(({seq}) => seq));
    more = page.more;
    before = page.entries.at(-1)?.seq;
  }
  t.deepEqual(
    seen,
    Array.from({length: seen.length}, (_, index) => seen.length - index),
  );
  t.true(seen.length > 300);

  const {readFile, writeFile} = await import('node:fs/promises');
  const path = `${data}/audit.ndjson`;
  await writeFile(path, (await readFile(path, 'utf8')).replace('noted 7"', 'noted 8"'));
  const {verdict} = await client.call(readAudit, {query: {limit: '1', verify: 'yes'}});
  t.is(verdict?.kind, 'tampered');
});
