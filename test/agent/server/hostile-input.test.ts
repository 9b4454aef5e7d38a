import {connect as connectTcp} from 'node:net';
import {connect} from 'node:tls';
import test from 'ava';
import {listChanges, lookUpItems} from '../../../source/protocol/record-endpoints.js';
import {describeServer} from '../../../source/protocol/server-endpoints.js';
import {sendRaw, startTestAgent} from '../test-agent.js';

const json = {'content-type': 'application/json'};
const ndjson = {'content-type': 'application/x-ndjson'};

async function* endless(text: string): AsyncGenerator<Buffer, void, undefined> {
  const chunk = Buffer.from(text.repeat(Math.ceil(65_536 / text.length)));
  for (;;) yield chunk;
}

test('bodies that are not what the endpoint asks for are answered, and the agent goes on', async t => {
  const {agent, caller} = await startTestAgent(t);
  const {identity, client} = await caller('admin');
  const deep = 500_000;
  const cases: Record<
    string,
    {path?: string; body: string | Buffer; headers?: Record<string, string>; status: number}
  > = {
    'a million levels of JSON': {body: '['.repeat(deep) + ']'.repeat(deep), status: 400},
    'levels of objects': {body: `${'{"files":'.repeat(40)}1${'}'.repeat(40)}`, status: 400},
    'a JSON that stops': {body: '{"files":', status: 400},
    'no JSON': {body: 'hello', status: 400},
    'a prototype in disguise': {body: '{"__proto__":{"files":true}}', status: 400},
    'an escaped prototype': {body: '{"\\u005f_proto__":{"files":true}}', status: 400},
    'an unknown property': {body: '{"more":1}', status: 400},
    'the wrong type': {body: '{"files":{"epoch":1,"seq":0}}', status: 400},
    'broken UTF-8': {body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), status: 400},
    'more than a document may have': {body: `{"files":"${'x'.repeat(2 * 1024 * 1024)}"}`, status: 413},
    'another content type': {body: 'a=b', headers: {'content-type': 'text/plain'}, status: 400},
    'no content type': {body: '{}', headers: {}, status: 400},
    'a path that climbs': {path: '/v1/sites/..%2f..%2fetc/changes', body: '{}', status: 400},
    'a site with a NUL': {path: '/v1/sites/main%00/changes', body: '{}', status: 400},
  };
  for (const [name, {path = '/v1/sites/main/changes', body, headers = json, status}] of Object.entries(
    cases,
  )) {
    const answer = await sendRaw({url: agent.url, path, method: 'POST', identity, headers, body});
    t.is(answer.status, status, `${name}: ${answer.body}`);
    t.truthy(JSON.parse(answer.body).error.code, name);
  }
  t.is((await client.call(describeServer, {})).name, 'staging');
});

test('a bad line fails the stream it stands in with its reason', async t => {
  const {agent, caller} = await startTestAgent(t);
  const {identity} = await caller('admin');
  for (const line of [
    '{"type":"file"}',
    '{"type":"file","path":"a","x":1}',
    '['.repeat(5000),
    'x',
    '{"__proto__":1}',
  ]) {
    const answer = await sendRaw({
      url: agent.url,
      path: '/v1/sites/main/items',
      method: 'POST',
      identity,
      headers: ndjson,
      body: `${line}\n`,
    });
    t.is(answer.status, 400, line.slice(0, 40));
  }
});

test('a line that never ends is cut off', async t => {
  const {agent, caller} = await startTestAgent(t);
  const {identity, client} = await caller('admin');
  const outcome = await sendRaw({
    url: agent.url,
    path: '/v1/sites/main/items',
    method: 'POST',
    identity,
    headers: ndjson,
    body: endless('x'),
  }).then(
    answer => answer.body,
    () => 'cut',
  );
  t.true(outcome === 'cut' || outcome.includes('LIMIT_EXCEEDED'), outcome.slice(0, 200));
  t.is((await client.call(describeServer, {})).name, 'staging');
});

test('an endless body of a stranger is refused and the connection ended', async t => {
  const {agent, caller} = await startTestAgent(t);
  const {identity} = await caller(undefined);
  const {hostname, port} = new URL(agent.url);
  const socket = connect({
    host: hostname,
    port: Number(port),
    key: identity.privateKey,
    cert: identity.certificate,
    rejectUnauthorized: false,
  });
  socket.on('error', () => {});
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
  const ended = new Promise(done => socket.once('close', done));
  socket.write(
    'POST /v1/sites/main/items HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n',
  );
  const chunk = `10000\r\n${'y'.repeat(0x10000)}\r\n`;
  const send = () => {
    while (!socket.destroyed && socket.write(chunk));
    socket.once('drain', send);
  };
  send();
  await ended;
  t.true(answer.startsWith('HTTP/1.1 401'), answer.slice(0, 80));
});

test('headers without end and garbage instead of TLS leave the agent as it is', async t => {
  const {agent, caller} = await startTestAgent(t);
  const {client, identity} = await caller('admin');
  const huge = {...json, 'x-much': 'y'.repeat(64 * 1024)};
  t.is((await sendRaw({url: agent.url, path: '/v1/server', identity, headers: huge})).status, 431);
  const {hostname, port} = new URL(agent.url);
  await new Promise(done => {
    const socket = connectTcp(Number(port), hostname, () => socket.end('GET / HTTP/1.1\r\n\r\n'.repeat(100)));
    socket
      .on('error', () => {})
      .on('close', done)
      .resume();
  });
  t.is((await client.call(describeServer, {})).name, 'staging');
});

test('a caller that goes away in the middle of a stream costs the agent nothing', async t => {
  const {caller} = await startTestAgent(t);
  const {client} = await caller('admin');
  const body = (async function* () {
    yield {type: 'file' as const, path: 'a'};
    throw new Error('the source broke');
  })();
  await t.throwsAsync(
    (async () => {
      for await (const _ of await client.call(lookUpItems, {params: {site: 'main'}, body}));
    })(),
  );
  for await (const _ of await client.call(listChanges, {params: {site: 'main'}, body: {}})) break;
  t.is((await client.call(describeServer, {})).name, 'staging');
});
