import {createHash} from 'node:crypto';
import {existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import anyTest, {type ExecutionContext, type TestFn} from 'ava';
import type {FileRecord} from '../../source/core/item.js';
import {unpackOutcomes} from '../../source/core/outcome-runs.js';
import type {Operation} from '../../source/core/plan.js';
import {encodeFrame, type FrameHeader} from '../../source/protocol/content-frames.js';
import {fingerprintOf, type Identity, openIdentity} from '../../source/protocol/identity.js';
import {showItems} from '../../source/protocol/record-endpoints.js';
import {commitRun, endRun, releaseLease, takeLease} from '../../source/protocol/run-endpoints.js';
import {introducePeer} from '../../source/protocol/server-endpoints.js';
import {type AgentConnection, connectAgent} from '../../source/protocol/transport/agent-connection.js';
import {createWorld, type TestServer, World} from '../helpers/lockstep.js';
import {TestSite} from '../helpers/test-site.js';
import {openConnection, type RawRequest, sendRaw} from './raw-request.js';

/*
 * What must be refused (issue 2, "Must hold"), sent to a real agent over real TLS. After each of them the agent must
 * still serve, its audit log must be whole, and neither the site nor anything beside it may have changed.
 */

const runId = '20261121-050000-abcdef';
const absolutePath = path.join(os.tmpdir(), `lockstep-escape-${process.pid}.html`);
const noContent = createHash('sha256').update('').digest('hex');

type Context = {
  world: World;
  server: TestServer;
  /** What a hostile path would reach: beside the root, and behind a link in it. */
  outside: TestSite;
  operator: Identity;
  console: AgentConnection;
};
const test = anyTest as TestFn<Context>;
let shared: Context | undefined;

test.before(async t => {
  t.timeout(120_000);
  const world = new World();
  const server = await world.unpairedServer('target', {
    files: {'page.html': 'page', 'folder/inner.html': 'inner'},
    schema: `CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO pages VALUES (1, 'one')`,
  });
  const outside = new TestSite(path.join(world.folder, 'outside'), {files: {'kept.html': 'kept'}});
  symlinkSync(outside.root, server.site.path('way-out'));
  writeFileSync(path.join(path.dirname(server.site.root), 'beside.html'), 'beside');
  const other = path.join(world.folder, 'other-site');
  mkdirSync(other);
  await server.lockstep('agent', 'site', 'add', 'other', '--root', other);
  await server.stop();
  await server.start();
  await world.pair(server);
  const operator = await openIdentity(world.home, 'operator');
  const console = connectAgent({...server.address, identity: operator});
  shared = {world, server, outside, operator, console};
});
test.beforeEach(t => {
  t.timeout(120_000);
  t.context = shared!;
});
test.after.always(async () => {
  shared?.console.close();
  await shared?.world.close();
});

async function stranger(world: World, name: string): Promise<Identity> {
  return openIdentity(path.join(world.folder, name), name);
}

/** Everything an attack could have changed. */
function everything({server, outside}: Context) {
  return {
    site: server.site.files(),
    tables: server.site.tables(),
    outside: outside.files(),
    beside: readFileSync(path.join(path.dirname(server.site.root), 'beside.html'), 'utf8'),
    absolute: existsSync(absolutePath),
  };
}

/** The agent answers, its audit log is whole, and it is still the same process. */
async function assertServes(t: ExecutionContext<Context>): Promise<void> {
  const {server, operator} = t.context;
  t.true(server.isRunning, server.log);
  t.is((await sendRaw({...server.address, path: '/v1/server', identity: operator})).status, 200);
  const audit = await server.lockstep('agent', 'audit', 'verify');
  t.is(audit.exitCode, 0, String(audit));
}

function auditEntries({
  server,
}: Pick<Context, 'server'>): {kind: string; what: string; code?: string; at: string}[] {
  return readFileSync(path.join(server.data, 'audit.ndjson'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
}

function refusalsSince(context: Pick<Context, 'server'>, count: number): (string | undefined)[] {
  return auditEntries(context)
    .slice(count)
    .filter(({kind}) => kind === 'refusal')
    .map(({code}) => code);
}

const asked: readonly Pick<RawRequest, 'method' | 'path' | 'as' | 'body'>[] = [
  {path: '/v1/server'},
  {method: 'POST', path: '/v1/sites/main/scan', as: 'json', body: '{"files":true,"database":true}'},
  {method: 'PUT', path: `/v1/sites/main/runs/${runId}/content`, as: 'frames', body: ''},
  {path: '/v1/sites/unheard-of/history'},
  {path: '/v1/no-such-endpoint'},
];

for (const [who, shown] of [
  ['a client that shows no certificate', undefined],
  ['a client whose certificate nobody knows', 'unknown'],
] as const)
  test.serial(`${who} gets 401 wherever it asks, and is remembered`, async t => {
    const {server, world} = t.context;
    const before = auditEntries(t.context).length;
    const identity = shown === undefined ? {} : {identity: await stranger(world, shown)};
    for (const one of asked) {
      const answer = await sendRaw({...server.address, ...one, ...identity});
      t.is(answer.status, 401, `${one.path}: ${answer.text}`);
      t.is(answer.code, 'IDENTITY_REFUSED');
    }
    t.deepEqual(
      refusalsSince(t.context, before),
      asked.map(() => 'IDENTITY_REFUSED'),
    );
    await assertServes(t);
  });

test.serial('a console that is revoked gets 401 on the connection it has open', async t => {
  const {server, world} = t.context;
  const identity = await stranger(world, 'revoked');
  const file = path.join(world.folder, 'revoked.pem');
  writeFileSync(file, identity.certificate);
  await server.lockstep('cert', 'trust', file, '--role', 'admin');
  const agent = openConnection(identity);
  t.teardown(() => agent.destroy());
  const ask = () => sendRaw({...server.address, path: '/v1/server', agent});
  t.is((await ask()).status, 200);
  const open = Object.values(agent.freeSockets).flat();
  t.is(open.length, 1);
  const before = auditEntries(t.context).length;
  t.is((await server.lockstep('agent', 'revoke', identity.fingerprint)).exitCode, 0);
  t.is((await ask()).status, 401);
  t.is(open[0]?.destroyed, false, 'it was asked on the same connection');
  t.deepEqual(refusalsSince(t.context, before), ['IDENTITY_REFUSED']);
  await assertServes(t);
});

test.serial('a peer gets 403 at a site it was not given, and for what only consoles do', async t => {
  const {server, world, console} = t.context;
  const identity = await stranger(world, 'peer');
  await console.call(introducePeer, {
    body: {name: 'peer', certificate: identity.certificate, sites: ['main']},
  });
  const before = auditEntries(t.context).length;
  const push = (site: string) =>
    sendRaw({
      ...server.address,
      identity,
      method: 'PUT',
      path: `/v1/sites/${site}/runs/${runId}/content`,
      as: 'frames',
      body: Buffer.concat(encodeFrame({type: 'done'})),
    });
  const refused = await push('other');
  t.is(refused.status, 403, refused.text);
  t.is(refused.code, 'SITE_REFUSED');
  const given = await push('main');
  t.is(given.code, 'LEASE_LOST', 'at its own site it gets as far as the lease');
  const commit = await sendRaw({
    ...server.address,
    identity,
    method: 'POST',
    path: `/v1/sites/main/runs/${runId}/commit/main`,
    as: 'ndjson',
    body: '{"strict":false,"by":"peer"}\n',
  });
  t.is(commit.status, 403);
  t.is(commit.code, 'ROLE_REFUSED');
  t.deepEqual(refusalsSince(t.context, before), ['SITE_REFUSED', 'ROLE_REFUSED']);
  await assertServes(t);
});

test.serial('a console that may only view gets 403 for everything that changes', async t => {
  const {server, world} = t.context;
  const identity = await stranger(world, 'viewer');
  const file = path.join(world.folder, 'viewer.pem');
  writeFileSync(file, identity.certificate);
  await server.lockstep('cert', 'trust', file, '--role', 'view');
  const before = auditEntries(t.context).length;
  for (const [method, where, as, body] of [
    ['PUT', '/v1/sites/main/lease', 'json', JSON.stringify({runId, by: 'viewer', purpose: 'run'})],
    ['POST', `/v1/sites/main/runs/${runId}/commit/main`, 'ndjson', '{"strict":false,"by":"viewer"}\n'],
    ['DELETE', `/v1/sites/main/runs/${runId}`, undefined, undefined],
    ['POST', '/v1/peers', 'json', '{}'],
  ] as const) {
    const answer = await sendRaw({
      ...server.address,
      identity,
      method,
      path: where,
      ...(as === undefined ? {} : {as, body}),
    });
    t.is(answer.status, 403, `${method} ${where}: ${answer.text}`);
  }
  t.deepEqual(refusalsSince(t.context, before), Array(4).fill('ROLE_REFUSED'));
  t.is((await sendRaw({...server.address, identity, path: '/v1/server'})).status, 200);
  await assertServes(t);
});

test.serial(
  'a run under the role `view` ends with 7, changes nothing and is remembered; a preview is allowed',
  async t => {
    const world = createWorld(t);
    const {local, remote} = await world.pairOfServers({files: {'templates/a.html': 'a'}});
    await world.profile('pair/all', '--items', 'templates');
    const file = path.join(world.folder, 'console.pem');
    await world.must('cert', 'export', file);
    for (const server of [local, remote])
      t.is((await server.lockstep('cert', 'trust', file, '--role', 'view')).exitCode, 0);
    t.is((await world.preview('pair/all')).actions.length, 2);
    const refused = await world.run('pair/all', [], 7);
    t.is(refused.status, 'refused');
    t.is(refused.error?.code, 'ROLE_REFUSED');
    t.deepEqual(Object.keys(remote.site.files()), []);
    // Both are asked at once; the first refusal ends the run.
    t.true([local, remote].some(server => refusalsSince({server}, 0).includes('ROLE_REFUSED')));
    for (const server of [local, remote]) {
      t.true(server.isRunning);
      t.is((await server.lockstep('agent', 'audit', 'verify')).exitCode, 0);
    }
  },
);

test.serial('an invitation that is played again ends with 7 and is remembered', async t => {
  const {server, world} = t.context;
  const invitation = await world.invitation(server, 'view');
  const homes = ['first', 'second'].map(name => path.join(world.folder, name));
  await world.must('server', 'add', invitation, '--name', 'x', '--home', homes[0]!);
  const before = auditEntries(t.context).length;
  const again = await world.lockstep(
    'server',
    'add',
    invitation,
    '--name',
    'x',
    '--json',
    '--home',
    homes[1]!,
  );
  t.is(again.exitCode, 7, String(again));
  t.is(again.error().code, 'INVITATION_REFUSED');
  t.deepEqual(refusalsSince(t.context, before), ['INVITATION_REFUSED']);
  await assertServes(t);
});

/** Content on its way to the site, as a peer would bring it. */
async function bring(context: Context, ...frames: [FrameHeader, Uint8Array?][]) {
  return sendRaw({
    ...context.server.address,
    identity: context.operator,
    method: 'PUT',
    path: `/v1/sites/main/runs/${runId}/content`,
    as: 'frames',
    body: Buffer.concat(frames.flatMap(([header, body]) => encodeFrame(header, body))),
  });
}

let steps = 0;
/** Commits operations as a step of its own; the answer's outcomes, or the error's code. */
async function commit({console}: Context, ...operations: Operation[]): Promise<string[] | string> {
  steps++;
  const outcomes: string[] = [];
  try {
    const reply = await console.call(commitRun, {
      params: {site: 'main', runId, step: `step-${steps}`},
      body: (async function* () {
        yield {strict: false, by: 'test'};
        yield* operations;
      })(),
    });
    for await (const line of reply) {
      if (line.type === 'outcome') outcomes.push(line.outcome.outcome);
      if (line.type === 'outcomes') outcomes.push(...unpackOutcomes([line.run]).map(one => one.outcome));
    }
    return outcomes;
  } catch (error) {
    return String((error as {code?: string}).code);
  }
}

async function withLease(t: ExecutionContext<Context>, attack: () => Promise<void>): Promise<void> {
  const {console} = t.context;
  const body = {runId, by: 'test', purpose: 'test'};
  const before = everything(t.context);
  await console.call(takeLease, {params: {site: 'main'}, body});
  try {
    await attack();
  } finally {
    await console.call(endRun, {params: {site: 'main', runId}});
    await console.call(releaseLease, {params: {site: 'main', runId}});
  }
  t.deepEqual(everything(t.context), before, 'something was written');
  await assertServes(t);
}

function record(where: string, changes: Partial<FileRecord> = {}): FileRecord {
  return {
    type: 'file',
    path: where,
    vector: 'aaaaaaaaaaaaaaaa:1',
    deleted: false,
    seq: 1,
    kind: 'file',
    digest: noContent,
    size: 0,
    mtime: '1700000000000000000',
    mode: 0o644,
    ...changes,
  };
}

for (const [what, where] of [
  ['a path that climbs out', '../escape.html'],
  ['a path that climbs from below', 'folder/../../escape.html'],
  ['the folder above', '..'],
  ['the root itself', '.'],
  ['an absolute path', absolutePath],
  ['a path with NUL', 'page\0.html'],
  ['a path with an empty part', 'folder//page.html'],
  ['a path that is not in its plain form', './page.html'],
  ['an escaped `..`', '\\x2e\\x2e/escape.html'],
  ['an escaped slash', '..\\x2fescape.html'],
  ['an escaped NUL', 'page\\xff\\x00.html'],
  ['one of Lockstep’s own names', '.lockstep-fake/page.html'],
] as const)
  test.serial(`${what} is refused in every operation, and nothing is written`, t =>
    withLease(t, async () => {
      const staged = await bring(t.context, [{type: 'batch', files: [[noContent, 0]]}], [{type: 'done'}]);
      t.is(staged.status, 200, staged.text);
      const absent = {state: 'absent'} as const;
      const present = {state: 'present', digest: noContent} as const;
      const item = {type: 'file', path: where} as const;
      const vector = 'aaaaaaaaaaaaaaaa:1';
      for (const operation of [
        {op: 'put', record: record(where), expect: absent},
        {op: 'put', record: record(where, {kind: 'folder', digest: ''}), expect: absent},
        {op: 'touch', record: record(where), expect: present},
        {op: 'delete', item, expect: present, vector},
        {op: 'adopt', item, expect: present, vector},
      ] satisfies Operation[]) {
        const found = await commit(t.context, operation);
        t.is(found, 'UNSAFE_PATH', `${operation.op} ${where}`);
      }
      // One bad path spoils the whole commit: whoever sends it is not to be believed in the rest.
      const good = {op: 'put', record: record('good.html'), expect: absent} as const;
      const bad = {op: 'delete', item, expect: present, vector} as const;
      t.is(await commit(t.context, good, bad), 'UNSAFE_PATH');
      // Nor is anything read there.
      t.not((await show(t.context, where))[0], 'text');
    }),
  );

async function show({console}: Context, where: string): Promise<string[]> {
  try {
    const reply = await console.call(showItems, {
      params: {site: 'main'},
      body: (async function* () {
        yield {type: 'file', path: where} as const;
      })(),
    });
    return (await Array.fromAsync(reply)).map(({type}) => type);
  } catch (error) {
    return [String((error as {code?: string}).code)];
  }
}

test.serial('nothing is written or read through a link that leaves the root', t =>
  withLease(t, async () => {
    await bring(t.context, [{type: 'batch', files: [[noContent, 0]]}], [{type: 'done'}]);
    const kept = createHash('sha256').update('kept').digest('hex');
    const vector = 'aaaaaaaaaaaaaaaa:1';
    for (const operation of [
      {op: 'put', record: record('way-out/new.html'), expect: {state: 'absent'}},
      {op: 'put', record: record('way-out/new', {kind: 'folder', digest: ''}), expect: {state: 'absent'}},
      {op: 'put', record: record('way-out/kept.html'), expect: {state: 'present', digest: kept}},
      {
        op: 'touch',
        record: record('way-out/kept.html', {digest: kept, size: 4, mode: 0o600}),
        expect: {state: 'present', digest: kept},
      },
      {
        op: 'delete',
        item: {type: 'file', path: 'way-out/kept.html'},
        expect: {state: 'present', digest: kept},
        vector,
      },
    ] satisfies Operation[])
      t.deepEqual(await commit(t.context, operation), ['skipped'], JSON.stringify(operation));
    t.not((await show(t.context, 'way-out/kept.html'))[0], 'text');
  }),
);

test.serial('a link whose target leaves the root is not made', t =>
  withLease(t, async () => {
    for (const target of ['../outside', '/etc/passwd', 'folder/../../outside', '../../../etc/passwd']) {
      const bytes = Buffer.from(target);
      const digest = createHash('sha256').update(bytes).digest('hex');
      await bring(t.context, [{type: 'batch', files: [[digest, bytes.length]]}, bytes], [{type: 'done'}]);
      const link = record('link', {kind: 'link', digest, size: bytes.length});
      t.deepEqual(
        await commit(t.context, {op: 'put', record: link, expect: {state: 'absent'}}),
        ['skipped'],
        target,
      );
    }
  }),
);

test.serial('content that is not what its digest says is not kept, small or large', t =>
  withLease(t, async () => {
    const claimed = createHash('sha256').update('promised').digest('hex');
    const lie = Buffer.from('not this');
    const put = record('lie.html', {digest: claimed, size: lie.length});
    const forms: [FrameHeader, Uint8Array?][][] = [
      [[{type: 'batch', files: [[claimed, lie.length]]}, lie]],
      [
        [{type: 'begin', digest: claimed, size: lie.length, delta: false}],
        [{type: 'piece'}, lie],
        [{type: 'end', whole: true}],
      ],
    ];
    for (const frames of forms) {
      const answer = await bring(t.context, ...frames, [{type: 'done'}]);
      t.is(answer.status, 200, answer.text);
      t.like(JSON.parse(answer.text), {staged: 0, refused: [{digest: claimed}]});
      const found = await commit(t.context, {op: 'put', record: put, expect: {state: 'absent'}});
      t.deepEqual(found, ['skipped']);
    }
    // Sizes that lie.
    for (const size of [1, 1000, Number.MAX_SAFE_INTEGER]) {
      const answer = await bring(
        t.context,
        [{type: 'batch', files: [[claimed, size]]}, lie],
        [{type: 'done'}],
      );
      t.true(answer.status === 400 || JSON.parse(answer.text).staged === 0, answer.text);
    }
    const row = {table: 'pages', key: ['2'], vector: 'aaaaaaaaaaaaaaaa:1', digest: 'a'.repeat(32)};
    const line = Buffer.from(`${JSON.stringify({...row, row: {id: 'i2', title: 'tlie'}})}\n`);
    const answer = await bring(
      t.context,
      [{type: 'rows', size: line.length, zstd: false}, line],
      [{type: 'done'}],
    );
    t.is(answer.code, 'CONTENT_MISMATCH', answer.text);
    const rowRecord = {type: 'row', seq: 1, deleted: false, ...row} as const;
    t.deepEqual(await commit(t.context, {op: 'put', record: rowRecord, expect: {state: 'absent'}}), [
      'skipped',
    ]);
  }),
);

async function* endless(chunk: string, first = ''): AsyncGenerator<Uint8Array> {
  if (first !== '') yield Buffer.from(first);
  const bytes = Buffer.from(chunk.repeat(Math.ceil(65_536 / chunk.length)));
  for (;;) yield bytes;
}

const mebibyte = 1024 * 1024;
for (const [what, request, most] of [
  [
    'a document that never ends',
    {method: 'PUT', path: '/v1/sites/main/lease', as: 'json', body: () => endless('a', '{"runId":"')},
    8 * mebibyte,
  ],
  [
    'a line that never ends',
    {method: 'POST', path: '/v1/sites/main/items', as: 'ndjson', body: () => endless('a', '{"type":"')},
    80 * mebibyte,
  ],
  [
    'an operation that never ends',
    {
      method: 'POST',
      path: `/v1/sites/main/runs/${runId}/commit/endless`,
      as: 'ndjson',
      body: () => endless('a', '{"strict":false,"by":"'),
    },
    80 * mebibyte,
  ],
  [
    'a question about more items than may be asked at once',
    {
      method: 'POST',
      path: `/v1/sites/main/runs/${runId}/needs`,
      as: 'ndjson',
      body: () =>
        endless(`${JSON.stringify({op: 'put', record: record('a.html'), expect: {state: 'absent'}})}\n`),
    },
    32 * mebibyte,
  ],
  [
    'a frame of four gigabytes',
    {
      method: 'PUT',
      path: `/v1/sites/main/runs/${runId}/content`,
      as: 'frames',
      body: () => endless('\xff'),
    },
    8 * mebibyte,
  ],
] as const)
  test.serial(`${what} is cut off`, t =>
    withLease(t, async () => {
      const {server, operator} = t.context;
      const {body, ...rest} = request;
      const answer = await sendRaw({...server.address, ...rest, identity: operator, body: body()});
      // A stream that has begun to answer says in its last line what an early answer says by its status.
      const inStream = answer.status === 200 && answer.text.includes('"LIMIT_EXCEEDED"');
      t.true(answer.status === undefined || [400, 413].includes(answer.status) || inStream, answer.text);
      t.true(answer.sent < most, `${answer.sent} bytes were taken`);
      t.log(`${answer.status} ${answer.code} after ${(answer.sent / mebibyte).toFixed(1)} MiB`);
    }),
  );

test.serial('a stranger’s endless body is not read', async t => {
  const {server} = t.context;
  const answer = await sendRaw({
    ...server.address,
    method: 'PUT',
    path: `/v1/sites/main/runs/${runId}/content`,
    as: 'frames',
    body: endless('\0'),
  });
  // The answer may be lost with the connection when we are still sending as it is cut.
  t.true(answer.status === undefined || answer.status === 401, answer.text);
  t.true(answer.sent < 8 * mebibyte, `${answer.sent} bytes were taken`);
  await assertServes(t);
});

const million = '['.repeat(1_000_000);
for (const [what, request] of [
  ['a document', {method: 'PUT', path: '/v1/sites/main/lease', as: 'json', body: million}],
  [
    'a member of a document',
    {method: 'PUT', path: '/v1/sites/main/lease', as: 'json', body: `{"runId":${million}`},
  ],
  ['a line', {method: 'POST', path: '/v1/sites/main/items', as: 'ndjson', body: `${million}\n`}],
  [
    'objects in a line of a commit',
    {
      method: 'POST',
      path: `/v1/sites/main/runs/${runId}/commit/deep`,
      as: 'ndjson',
      body: `{"strict":false,"by":"x"}\n${'{"op":'.repeat(1_000_000)}\n`,
    },
  ],
  [
    'a row among frames',
    {
      method: 'PUT',
      path: `/v1/sites/main/runs/${runId}/content`,
      as: 'frames',
      body: Buffer.concat([
        ...encodeFrame({type: 'rows', size: million.length + 1, zstd: false}, Buffer.from(`${million}\n`)),
        ...encodeFrame({type: 'done'}),
      ]),
    },
  ],
] as const)
  test.serial(`JSON nested a million levels is refused: ${what}`, t =>
    withLease(t, async () => {
      const {server, operator} = t.context;
      const answer = await sendRaw({...server.address, ...request, identity: operator});
      t.is(answer.status, 400, answer.text);
      t.is(answer.code, 'BAD_REQUEST');
    }),
  );

test.serial('a certificate that is none is not introduced', async t => {
  const {console} = t.context;
  await t.throwsAsync(
    console.call(introducePeer, {body: {name: 'x', certificate: 'nonsense', sites: ['main']}}),
    {code: 'BAD_REQUEST'},
  );
  t.throws(() => fingerprintOf('nonsense'));
  await assertServes(t);
});
