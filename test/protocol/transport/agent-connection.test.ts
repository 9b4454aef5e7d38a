import {connect as connectTo, createServer, type Socket} from 'node:net';
import test from 'ava';
import {startAgent} from '../../../source/agent/agent.js';
import {createAgentClient} from '../../../source/client/agent-client.js';
import {fingerprintOf} from '../../../source/protocol/identity.js';
import {listChanges} from '../../../source/protocol/record-endpoints.js';
import {takeLease} from '../../../source/protocol/run-endpoints.js';
import {describeServer} from '../../../source/protocol/server-endpoints.js';
import {certificateOf, connectAgent} from '../../../source/protocol/transport/agent-connection.js';
import {startTestAgent} from '../../agent/test-agent.js';

/** Both send their requests in another way (exchange.ts) and must fail in the same. */
const callers = [
  {who: 'a console', connect: createAgentClient},
  {who: 'an agent', connect: connectAgent},
];

for (const {who, connect} of callers) {
  test(`${who}: a kept connection that the restarted agent no longer knows is opened anew`, async t => {
    const {agent, data, caller} = await startTestAgent(t);
    const {client} = await caller('operate', [], connect);
    await client.call(describeServer, {});
    await agent.stop();
    await t.throwsAsync(client.call(describeServer, {}), {code: 'UNREACHABLE'});
    const again = await startAgent(data);
    t.teardown(() => again.stop());
    t.is((await client.call(describeServer, {})).name, 'staging');
  });

  test(`${who}: kept connections that are all closed when they are used again are no failure`, async t => {
    const {agent, caller} = await startTestAgent(t);
    const {identity} = await caller('operate', [], connect);
    // A line that resets connections which were made before, with the first byte that comes over them.
    let isCut = (_: number) => false;
    let made = 0;
    const sockets: Socket[] = [];
    const line = createServer(inward => {
      const number = made++;
      const outward = connectTo(agent.port, '127.0.0.1');
      sockets.push(inward, outward);
      outward.on('error', () => {}).on('data', bytes => inward.write(bytes));
      inward
        .on('error', () => outward.destroy())
        .on('data', bytes => {
          if (isCut(number)) inward.resetAndDestroy();
          else outward.write(bytes);
        });
    });
    await new Promise<void>(done => line.listen(0, '127.0.0.1', done));
    t.teardown(() => {
      for (const socket of sockets) socket.destroy();
      line.close();
    });
    const {port} = line.address() as {port: number};
    const client = connect({url: `https://127.0.0.1:${port}`, fingerprint: agent.fingerprint, identity});
    t.teardown(() => client.close());
    const ask = async () => (await client.call(describeServer, {})).name;
    t.deepEqual(await Promise.all([ask(), ask(), ask()]), ['staging', 'staging', 'staging']);
    const before = made;
    isCut = number => number < before;
    t.is(await ask(), 'staging');
    t.true(made > before, 'a new connection was made');

    // One that is cut whenever it is made says what happened.
    isCut = () => true;
    const lost = await t.throwsAsync(ask());
    t.like(lost, {code: 'CONNECTION_LOST'});
    t.regex(lost.message, /connection to .* was lost/);
  });

  test(`${who}: an agent that falls silent is a lost connection`, async t => {
    const {agent, caller} = await startTestAgent(t);
    const {identity} = await caller('operate', [], connect);
    // Between console and agent lies a line that goes dead without being closed.
    let dead = false;
    const sockets: Socket[] = [];
    const line = createServer(inward => {
      const outward = connectTo(agent.port, '127.0.0.1');
      sockets.push(inward, outward);
      for (const [from, to] of [
        [inward, outward],
        [outward, inward],
      ] as const)
        from
          .on('error', () => {})
          .on('data', bytes => {
            if (!dead) to.write(bytes);
          });
    });
    await new Promise<void>(done => line.listen(0, '127.0.0.1', done));
    t.teardown(() => {
      for (const socket of sockets) socket.destroy();
      line.close();
    });
    const {port} = line.address() as {port: number};
    const client = connect({
      url: `https://127.0.0.1:${port}`,
      fingerprint: agent.fingerprint,
      identity,
      timeoutMs: 3_000,
    });
    t.teardown(() => client.close());
    await client.call(describeServer, {});
    dead = true;
    await t.throwsAsync(client.call(describeServer, {}), {code: 'CONNECTION_LOST'});
  });

  test(`${who}: an aborted call throws the reason and closes its connection`, async t => {
    const {caller} = await startTestAgent(t);
    const {client} = await caller('operate', [], connect);
    const reason = new Error('enough');
    await t.throwsAsync(client.call(describeServer, {signal: AbortSignal.abort(reason)}), {is: reason});
    const abort = new AbortController();
    const lines = await client.call(listChanges, {params: {site: 'main'}, body: {}, signal: abort.signal});
    abort.abort(reason);
    await t.throwsAsync(Array.fromAsync(lines), {is: reason});
  });

  test.serial(`${who}: many calls at once share connections and none is lost`, async t => {
    const {caller} = await startTestAgent(t);
    const {client} = await caller('operate', [], connect);
    const answers = await Promise.all(Array.from({length: 100}, () => client.call(describeServer, {})));
    t.is(answers.length, 100);
  });
}

test('the certificate that answers can be asked for, with a pin and without', async t => {
  const {agent, caller} = await startTestAgent(t);
  const {client} = await caller('view');
  t.is(fingerprintOf(await client.certificate()), agent.fingerprint);
  t.is(fingerprintOf(await certificateOf(agent.url)), agent.fingerprint);
});

test('what the agent refuses arrives with code, hint and details', async t => {
  const {caller} = await startTestAgent(t);
  const {client} = await caller('operate');
  const lease = (runId: string) =>
    client.call(takeLease, {params: {site: 'main'}, body: {runId, by: 'me', purpose: 'sync'}});
  await lease('20260101-000000-aaaaaa');
  const error = await t.throwsAsync(lease('20260101-000000-bbbbbb'), {code: 'SITE_BUSY'});
  t.like(error, {details: {holder: {runId: '20260101-000000-aaaaaa'}}});
  await t.throwsAsync(
    client.call(takeLease, {
      params: {site: 'none'},
      body: {runId: '20260101-000000-aaaaaa', by: 'me', purpose: 'sync'},
    }),
    {code: 'UNKNOWN_SITE'},
  );
});
