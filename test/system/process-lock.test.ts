import {spawnSync} from 'node:child_process';
import {existsSync, readdirSync, writeFileSync} from 'node:fs';
import {hostname} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {holderOf, tryLock, withLock} from '../../source/system/process-lock.js';
import {temporaryFolder} from '../agent/test-agent.js';

test('a lock is held by one, and free again after it is released', async t => {
  const path = join(await temporaryFolder(t), 'lock');
  const first = tryLock(path);
  t.is(first.kind, 'taken');
  const second = tryLock(path);
  t.like(second, {kind: 'held', by: {pid: process.pid}});
  t.is(holderOf(path)?.pid, process.pid);
  if (first.kind === 'taken') first.release();
  t.false(existsSync(path));
  t.is(tryLock(path).kind, 'taken');
});

test('the lock of a process that is gone is taken over at once, also when its number lives again', async t => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'lock');
  const host = hostname();
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  for (const text of [
    JSON.stringify({pid: dead, startedAt: '1', host}),
    JSON.stringify({pid: process.pid, startedAt: 'another time', host}),
    'torn',
    '',
  ]) {
    writeFileSync(path, text);
    t.is(holderOf(path), undefined);
    const lock = tryLock(path);
    t.is(lock.kind, 'taken', text);
    if (lock.kind === 'taken') lock.release();
  }
  t.deepEqual(readdirSync(folder), []);
});

test('work under a lock is done one after the other', async t => {
  const path = join(await temporaryFolder(t), 'lock');
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({length: 8}, () =>
      withLock(path, async () => {
        inside += 1;
        most = Math.max(most, inside);
        await new Promise(setImmediate);
        inside -= 1;
      }),
    ),
  );
  t.is(most, 1);
});

test('a holder on another machine is believed', async t => {
  const path = join(await temporaryFolder(t), 'lock');
  writeFileSync(path, JSON.stringify({pid: 999_999_999, startedAt: '1', host: 'another', since: ''}));
  t.is(holderOf(path)?.host, 'another');
  t.is(tryLock(path).kind, 'held');
});
