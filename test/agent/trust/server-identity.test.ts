import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {startAgent} from '../../../source/agent/agent.js';
import {createAgentVerbs} from '../../../source/agent/verbs.js';
import {temporaryFolder} from '../test-agent.js';

/** What a cloned image looks like: the same files, another machine. */
async function moveToAnotherMachine(data: string): Promise<void> {
  const path = join(data, 'server.json');
  const record = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, JSON.stringify({...record, machine: 'another'}));
}

test('an identity on another machine is not served until it is renewed or adopted', async t => {
  const data = await temporaryFolder(t);
  const verbs = createAgentVerbs();
  const idOf = async () => JSON.parse(await readFile(join(data, 'server.json'), 'utf8')).serverId as string;
  await verbs.init({data, name: 'staging', listen: '127.0.0.1:0'});
  const original = await idOf();

  await moveToAnotherMachine(data);
  await t.throwsAsync(startAgent(data), {code: 'IDENTITY_MOVED'});
  await verbs.adopt(data);
  t.is(await idOf(), original);
  await (await startAgent(data)).stop();

  await moveToAnotherMachine(data);
  await t.throwsAsync(verbs.invite({data, role: 'admin', ttlMs: 1000}), {code: 'IDENTITY_MOVED'});
  const before = (await verbs.certificate.show({data})).fingerprint;
  const after = (await verbs.certificate.regenerate({data})).fingerprint;
  t.not(after, before);
  t.not(await idOf(), original);
  await (await startAgent(data)).stop();
});

test('new keys on the same machine leave the server who it is', async t => {
  const data = await temporaryFolder(t);
  const verbs = createAgentVerbs();
  await verbs.init({data, name: 'staging', listen: '127.0.0.1:0'});
  const before = await readFile(join(data, 'server.json'), 'utf8');
  await verbs.certificate.regenerate({data});
  t.is(await readFile(join(data, 'server.json'), 'utf8'), before);
});
