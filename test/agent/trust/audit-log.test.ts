import {appendFile, readFile, rm, truncate, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {openAuditLog, verifyAuditLog} from '../../../source/agent/trust/audit-log.js';
import {temporaryFolder} from '../test-agent.js';

type Tampering = (path: string, lines: string[]) => Promise<unknown>;

const write = (path: string, lines: readonly string[]) =>
  writeFile(path, lines.map(line => `${line}\n`).join(''));

const tamperings: Record<string, {tamper: Tampering; line: number}> = {
  'a word that was changed': {
    tamper: (path, lines) => write(path, lines.with(1, lines[1]!.replace('call 2', 'call 9'))),
    line: 2,
  },
  'a line that was removed in the middle': {
    tamper: (path, lines) => write(path, lines.toSpliced(2, 1)),
    line: 3,
  },
  'two lines that changed places': {
    tamper: (path, lines) => write(path, [lines[1]!, lines[0]!, ...lines.slice(2)]),
    line: 1,
  },
  'a missing end': {tamper: (path, lines) => write(path, lines.slice(0, -1)), line: 4},
  'an end that is cut in a line': {
    tamper: async (path, lines) => truncate(path, Buffer.byteLength(lines.join('\n')) - 10),
    line: 5,
  },
  'a log that is gone': {tamper: path => rm(path), line: 0},
  'an empty log': {tamper: path => write(path, []), line: 0},
  'a line put in at the end': {tamper: path => appendFile(path, '{"seq":6,"what":"nothing"}\n'), line: 6},
};

for (const [name, {tamper, line}] of Object.entries(tamperings))
  test(`verification notices ${name}`, async t => {
    const folder = await temporaryFolder(t);
    const log = openAuditLog(folder);
    for (let call = 1; call <= 5; call += 1) await log.append({kind: 'call', what: `call ${call}`});
    t.deepEqual(await verifyAuditLog(folder), {kind: 'whole', entries: 5});
    const path = join(folder, 'audit.ndjson');
    await tamper(path, (await readFile(path, 'utf8')).trim().split('\n'));
    t.like(await verifyAuditLog(folder), {kind: 'tampered', line});
    // What is written afterwards must not hide it.
    await openAuditLog(folder).append({kind: 'call', what: 'later'});
    t.is((await verifyAuditLog(folder)).kind, 'tampered');
  });

test('a log whose record of the end is gone or names another chain is tampered with', async t => {
  const folder = await temporaryFolder(t);
  await openAuditLog(folder).append({kind: 'call', what: 'a'});
  const head = join(folder, 'audit-head.json');
  const text = await readFile(head, 'utf8');
  await rm(head);
  t.is((await verifyAuditLog(folder)).kind, 'tampered');
  await writeFile(head, text.replace(/"hash":"./, '"hash":"x'));
  t.is((await verifyAuditLog(folder)).kind, 'tampered');
});

test('several writers, as agent and command line are, keep one chain', async t => {
  const folder = await temporaryFolder(t);
  const writers = [1, 2, 3].map(() => openAuditLog(folder));
  await Promise.all(
    Array.from({length: 60}, (_, call) => writers[call % 3]!.append({kind: 'call', what: `call ${call}`})),
  );
  t.deepEqual(await verifyAuditLog(folder), {kind: 'whole', entries: 60});
});

test('a crash between log and head, or in a line, leaves a log that is whole and goes on', async t => {
  const folder = await temporaryFolder(t);
  const log = openAuditLog(folder);
  const head = join(folder, 'audit-head.json');
  await log.append({kind: 'call', what: 'a'});
  const before = await readFile(head, 'utf8');
  await log.append({kind: 'call', what: 'b'});
  await writeFile(head, before);
  t.deepEqual(await verifyAuditLog(folder), {kind: 'whole', entries: 2});
  await appendFile(join(folder, 'audit.ndjson'), '{"seq":3,"at":"20');
  await openAuditLog(folder).append({kind: 'call', what: 'c'});
  t.deepEqual(await verifyAuditLog(folder), {kind: 'whole', entries: 3});
});
