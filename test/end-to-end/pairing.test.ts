import {statSync, writeFileSync} from 'node:fs';
import {request} from 'node:https';
import path from 'node:path';
import test from 'ava';
import {createWorld, program, type TestServer} from '../helpers/lockstep.js';

test.serial('X1: one line pairs console and server; it is valid once', async t => {
  const world = createWorld(t);
  const server = await world.unpairedServer('a');
  const invitation = await world.invitation(server);
  const added = (await world.must('server', 'add', invitation, '--json')).json<{
    name: string;
    url: string;
    fingerprint: string;
    sites: string[];
  }>();
  t.like(added, {name: 'a', ...server.address, sites: ['main']});

  const again = await world.lockstep('server', 'add', invitation, '--name', 'again', '--json');
  t.is(again.exitCode, 7);
  t.is(again.error().code, 'INVITATION_REFUSED');
  t.is((await world.must('server', 'check', 'a', '--json')).exitCode, 0);

  const {peers} = (await server.lockstep('agent', 'peers', '--json')).json<{peers: {role: string}[]}>();
  t.deepEqual(
    peers.map(({role}) => role),
    ['admin'],
  );
});

test.serial('X1: an expired and a forged invitation are refused with 7', async t => {
  const world = createWorld(t);
  const server = await world.unpairedServer('a');
  const short = await server.lockstep('agent', 'invite', '--ttl', '1s', '--json');
  const {invitation, expiresAt} = short.json<{invitation: string; expiresAt: string}>();
  await new Promise(resolve => setTimeout(resolve, Date.parse(expiresAt) - Date.now() + 50));
  const late = await world.lockstep('server', 'add', invitation, '--json');
  t.is(late.exitCode, 7, String(late));

  const valid = await world.invitation(server);
  const parts = valid.split('/');
  const secret = parts[4]!;
  parts[4] = `${secret[0] === 'a' ? 'b' : 'a'}${secret.slice(1)}`;
  const forged = await world.lockstep('server', 'add', parts.join('/'), '--json');
  t.is(forged.exitCode, 7, String(forged));
  t.is((await world.must('server', 'list', '--json')).json<{servers: unknown[]}>().servers.length, 0);
});

test.serial('E4: an absent server, a new certificate and a revoked console are different errors', async t => {
  const world = createWorld(t);
  const server = await world.server('a');

  const console = (await world.must('cert', 'show', '--json')).json<{fingerprint: string}>().fingerprint;
  t.is((await server.lockstep('agent', 'revoke', console)).exitCode, 0);
  const revoked = await world.lockstep('server', 'check', 'a', '--json');
  t.is(revoked.exitCode, 7);
  t.is(revoked.error().code, 'IDENTITY_REFUSED');

  await server.stop();
  const absent = await world.lockstep('server', 'check', 'a', '--json');
  t.is(absent.exitCode, 1);
  t.is(absent.error().code, 'UNREACHABLE');
  t.truthy(absent.error().hint);

  t.is((await server.lockstep('cert', 'regenerate')).exitCode, 0);
  await server.start();
  const changed = await world.lockstep('server', 'check', 'a', '--json');
  t.is(changed.exitCode, 7);
  t.is(changed.error().code, 'CERTIFICATE_MISMATCH');
});

test.serial('E4: trust by hand, both ways, needs no invitation', async t => {
  const world = createWorld(t);
  const server = await world.unpairedServer('a');
  const ours = path.join(world.folder, 'console.pem');
  const theirs = path.join(world.folder, 'agent.pem');
  await world.must('cert', 'export', ours);
  await world.must('cert', 'export', theirs, '--data', server.data);
  const none = await world.lockstep('cert', 'trust', program, '--data', server.data, '--json');
  t.is(none.exitCode, 64);
  t.regex(none.error().message, /is not a certificate/);
  await world.must('cert', 'trust', ours, '--role', 'operate', '--data', server.data);
  await world.must('cert', 'trust', theirs, '--name', 'a', '--url', server.address.url);
  t.is((await world.lockstep('server', 'check', 'a')).exitCode, 0);
});

test.serial('E4: private keys are files only their owner reads', async t => {
  const world = createWorld(t);
  const server = await world.server('a');
  for (const where of [['--data', server.data], []]) {
    const shown = (await world.must('cert', 'show', '--json', ...where)).json<{
      path: string;
      notAfter: string;
    }>();
    t.true(Date.parse(shown.notAfter) > Date.now());
    t.is(statSync(path.join(path.dirname(shown.path), 'key.pem')).mode & 0o777, 0o600);
  }
});

test.serial(
  'X7: a role that does not allow it is refused with 7 and audited; the log shows tampering',
  async t => {
    const world = createWorld(t);
    const a = await world.unpairedServer('a', {files: {'templates/a.html': 'a'}});
    const b = await world.unpairedServer('b');
    await world.pair(a);
    await world.pair(b);
    await world.relate('pair', a, b, 'upload');
    await world.profile('pair/all', '--items', 'templates');
    // Every connection is tried; a peer that was revoked from the console is told from all else.
    t.is((await world.lockstep('relationship', 'test', 'pair')).exitCode, 0);
    const {peers} = (await world.must('server', 'peers', 'b', '--json')).json<{
      peers: {name: string; role: string; fingerprint: string; own: boolean}[];
    }>();
    t.deepEqual(
      peers.map(({role, own}) => `${role} ${own}`),
      ['admin true', 'peer false'],
    );
    await world.must('server', 'revoke', 'b', peers[1]!.fingerprint);
    const untrusted = await world.lockstep('relationship', 'test', 'pair', '--json');
    t.is(untrusted.exitCode, 7);
    t.is(untrusted.error().code, 'IDENTITY_REFUSED');
    t.deepEqual(
      untrusted.json<{tests: {error?: {code: string}}[]}>().tests.map(({error}) => error?.code),
      [undefined, undefined, 'IDENTITY_REFUSED'],
    );
    await world.relate('again', a, b, 'upload');
    t.is((await world.lockstep('relationship', 'test', 'pair')).exitCode, 0);
    const audit = await world.must('server', 'audit', 'b', '--verify', '--json');
    t.regex(audit.stdout, /"what": ?"agent revoke"/);
    // The same console comes down to `view` on one server.
    const ours = path.join(world.folder, 'console.pem');
    await world.must('cert', 'export', ours);
    await world.must('cert', 'trust', ours, '--role', 'view', '--data', b.data);

    t.is((await world.preview('pair/all')).counts.remote.create, 2);
    const refused = await world.run('pair/all', [], 7);
    t.is(refused.status, 'refused');
    t.is(refused.error?.code, 'ROLE_REFUSED');
    t.false(b.site.has('templates/a.html'));

    t.is((await b.lockstep('agent', 'audit', 'verify')).exitCode, 0);
    t.is((await b.lockstep('agent', 'audit', '--verify')).exitCode, 0);
    await b.stop();
    const log = path.join(b.data, 'audit.ndjson');
    const {readFileSync} = await import('node:fs');
    const text = readFileSync(log, 'utf8');
    t.regex(text, /403|refused/i);
    writeFileSync(log, text.replace(/"at":"20/, '"at":"19'));
    const tampered = await b.lockstep('agent', 'audit', 'verify', '--json');
    t.is(tampered.exitCode, 1);
    t.is(tampered.error().code, 'AUDIT_TAMPERED');
  },
);

test.serial('nobody without a pinned certificate gets anything but 401', async t => {
  const world = createWorld(t);
  const server = await world.server('a');
  t.is(await statusOf(server, '/v1/server'), 401);
  t.is(await statusOf(server, '/v1/sites/main/scan', 'POST'), 401);
});

function statusOf(server: TestServer, address: string, method = 'GET'): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(
      `${server.address.url}${address}`,
      {method, rejectUnauthorized: false, agent: false},
      response => {
        response.resume();
        resolve(response.statusCode);
      },
    )
      .once('error', reject)
      .end();
  });
}

test.serial(
  'E5: creating a relationship introduces the servers and launches nothing; unknown names are 64',
  async t => {
    const world = createWorld(t);
    const [a, b] = [await world.server('a', {files: {'x.html': '1'}}), await world.server('b')];
    const missing = await world.lockstep(
      ...[
        'relationship',
        'create',
        'pair',
        '--local',
        'a/main',
        '--remote',
        'b/other',
        '--initial',
        'upload',
        '--json',
      ],
    );
    t.is(missing.exitCode, 64, String(missing));
    t.is(missing.error().code, 'UNKNOWN_SITE');
    await world.relate('pair', a, b, 'upload');
    t.false(b.site.has('x.html'));
    const {peers} = (await b.lockstep('agent', 'peers', '--json')).json<{
      peers: {role: string; sites: string[]}[];
    }>();
    t.deepEqual(peers.find(({role}) => role === 'peer')?.sites, ['main']);
    t.is((await world.lockstep('run', 'pair/nothing', '--json')).exitCode, 64);
    t.is(
      (await world.lockstep('profile', 'create', 'nothing/x', '--items', 'bin', '--direction', 'upload'))
        .exitCode,
      64,
    );
    const taken = await world.lockstep(
      ...[
        'relationship',
        'create',
        'pair',
        '--local',
        'a/main',
        '--remote',
        'b/main',
        '--initial',
        'upload',
        '--json',
      ],
    );
    t.is(taken.error().code, 'ALREADY_EXISTS');
  },
);

test.serial(
  'E4: after a regenerated agent certificate the relationship works again once it is trusted anew',
  async t => {
    const world = createWorld(t);
    const {local, remote} = await world.pairOfServers({files: {'x.html': '1'}});
    await world.profile('pair/all', '--items', 'templates');
    await world.run('pair/all');
    await remote.stop();
    await remote.lockstep('cert', 'regenerate');
    await remote.start();
    local.site.write('y.html', '2');
    t.is((await world.lockstep('run', 'pair/all', '--json')).exitCode, 7);
    await world.must('server', 'check', 'here');
  },
);

test.serial('identities of two consoles differ, and only the paired one is let in', async t => {
  const world = createWorld(t);
  await world.server('a');
  const other = path.join(world.folder, 'other');
  const list = await world.must('server', 'list', '--json', '--home', other);
  t.deepEqual(list.json(), {servers: []});
  const [ours, theirs] = await Promise.all([
    world.must('cert', 'show', '--json'),
    world.must('cert', 'show', '--json', '--home', other),
  ]);
  t.not(ours.json<{fingerprint: string}>().fingerprint, theirs.json<{fingerprint: string}>().fingerprint);
});
