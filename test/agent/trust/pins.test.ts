import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {openPins} from '../../../source/agent/trust/pins.js';
import {temporaryFolder} from '../test-agent.js';

const one = 'a'.repeat(64);
const other = `a${'b'.repeat(63)}`;

test('what another process changes is seen at the next look', async t => {
  const folder = await temporaryFolder(t);
  const agent = openPins(folder);
  const commandLine = openPins(folder);
  t.is(agent.find(one), undefined);
  await commandLine.trust({fingerprint: one, name: 'me', role: 'view', sites: []});
  t.is(agent.find(one)?.role, 'view');
  await commandLine.trust({fingerprint: one, name: 'me', role: 'admin', sites: []});
  t.is(agent.find(one)?.role, 'admin');
  await commandLine.revoke(one);
  t.is(agent.find(one), undefined);
});

test('changes made by several at the same time are all kept', async t => {
  const folder = await temporaryFolder(t);
  await Promise.all(
    Array.from({length: 20}, (_, index) =>
      openPins(folder).trust({fingerprint: `${index}`.padStart(64, '0'), name: 'x', role: 'view', sites: []}),
    ),
  );
  t.is(openPins(folder).list().length, 20);
});

test('a beginning names a certificate when it is long enough and fits one', async t => {
  const pins = openPins(await temporaryFolder(t));
  await pins.trust({fingerprint: one, name: 'one', role: 'view', sites: []});
  await pins.trust({fingerprint: other, name: 'other', role: 'view', sites: []});
  await t.throwsAsync(pins.revoke('a'), {code: 'NOT_FOUND'});
  await t.throwsAsync(pins.revoke('c'.repeat(64)), {code: 'NOT_FOUND'});
  t.is((await pins.revoke(other.slice(0, 8).toUpperCase())).name, 'other');
});

test('a console cannot be turned into a peer by an introduction', async t => {
  const pins = openPins(await temporaryFolder(t));
  await pins.trust({fingerprint: one, name: 'me', role: 'admin', sites: []});
  await t.throwsAsync(pins.introduce({fingerprint: one, name: 'x', sites: ['main']}), {
    code: 'ALREADY_EXISTS',
  });
});

test('a file that cannot be read trusts nobody and says so', async t => {
  const folder = await temporaryFolder(t);
  const pins = openPins(folder);
  for (const text of ['', '{', '{"version":1,"pins":[{"fingerprint":"x"}]}', '{"version":2,"pins":[]}']) {
    await writeFile(join(folder, 'pins.json'), text);
    t.throws(() => pins.find(one), {code: 'INVALID_STATE'}, text);
  }
});
