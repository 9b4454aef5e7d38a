import {mkdtempSync, readdirSync, renameSync, rmSync, utimesSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {pino} from 'pino';
import {Outbox} from '../../../source/agent/mail/outbox.js';
import {eventually} from '../../helpers/lockstep.js';
import {type MailServer, startMailServer} from '../../helpers/mail-server.js';

const mail = {to: 'anna@example.com', subject: 'Updated', text: 'web1 was updated.\n'};
const dayMs = 86_400_000;

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'lockstep-outbox-'));
  t.teardown(() => rmSync(folder, {recursive: true, force: true}));
  return folder;
}

function open(t: ExecutionContext, folder: string, {port}: MailServer): Outbox {
  const settings = {smtp: `smtp://127.0.0.1:${port}`, from: 'Lockstep <lockstep@web1.example.com>'};
  const outbox = new Outbox({
    folder,
    settingsOf: () => settings,
    log: pino({level: 'silent'}),
    patienceMs: [5],
  });
  t.teardown(() => outbox.close());
  return outbox;
}

const isSent = (folder: string) => () => readdirSync(folder).every(name => name.endsWith('.sent'));
const messageId = ({text}: {text: string}) => /^Message-ID: (.*)\r$/im.exec(text)?.[1];

test('U12: a mail that is put again after a restart of the agent is not sent again', async t => {
  const server = await startMailServer(t);
  const folder = folderOf(t);
  const before = open(t, folder, server);
  await before.put('update-1', 'main', mail);
  await eventually('the mail is sent', isSent(folder));
  await before.close();

  // The agent ended before its journal said that the mail was put.
  const after = open(t, folder, server);
  await after.put('update-1', 'main', mail);
  t.is(await after.send('update-1', 'main', mail), undefined);
  t.false(after.isWaiting('update-1'));
  await after.put('update-2', 'main', {...mail, subject: 'Another'});
  await eventually('the other mail is sent', () => server.mails.length > 1);
  await eventually('nothing waits', isSent(folder));
  t.deepEqual(
    server.mails.map(({text}) => /^Subject: (.*)\r$/m.exec(text)?.[1]),
    ['Updated', 'Another'],
  );
});

test('U12: a mail that is sent twice all the same can be told by its Message-ID', async t => {
  const server = await startMailServer(t);
  const folder = folderOf(t);
  const before = open(t, folder, server);
  await before.put('update-1', 'main', mail);
  await eventually('the mail is sent', isSent(folder));
  await before.close();
  // As if the agent had died right after the server's word.
  renameSync(path.join(folder, 'update-1.sent'), path.join(folder, 'update-1.json'));
  open(t, folder, server).wake();
  await eventually('it is sent again', () => server.mails.length > 1);
  t.deepEqual(server.mails.map(messageId), Array(2).fill('<update-1@web1.example.com>'));
});

test('an outbox that is closed has brought to an end what it was sending, and knows it as sent', async t => {
  const server = await startMailServer(t);
  const folder = folderOf(t);
  const outbox = open(t, folder, server);
  const sending = outbox.send('collision-1', 'main', mail);
  await outbox.close();
  t.deepEqual(readdirSync(folder), ['collision-1.sent']);
  t.is(await sending, undefined);
});

test('what was sent long ago is forgotten', async t => {
  const server = await startMailServer(t);
  const folder = folderOf(t);
  const outbox = open(t, folder, server);
  await outbox.send('update-1', 'main', mail);
  const longAgo = (Date.now() - 8 * dayMs) / 1000;
  utimesSync(path.join(folder, 'update-1.sent'), longAgo, longAgo);
  outbox.wake();
  await eventually('it is gone', () => readdirSync(folder).length === 0);
  t.is(server.mails.length, 1);
});
