import {randomBytes} from 'node:crypto';
import {linkSync, readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import {setTimeout as delay} from 'node:timers/promises';
import {OperatorError} from '../core/operator-error.js';
import {isAlive, ownProcess, type ProcessIdentity} from './process-identity.js';

/** Who holds a lock. */
export type LockHolder = ProcessIdentity & {readonly host: string; readonly since: string};

/**
 * Takes a lock file for as long as this process lives. It needs no heartbeat, so neither a sleeping machine nor a clock
 * that jumps loses it; that of a process which is gone, killed ones included, is taken over at once. A holder on another
 * machine that shares the folder is believed: its file has to be removed by hand when that machine is gone.
 * @returns how to let go, or who holds it.
 */
export function tryLock(path: string): {kind: 'taken'; release(): void} | {kind: 'held'; by: LockHolder} {
  const mine: LockHolder = {...ownProcess(), host: os.hostname(), since: new Date().toISOString()};
  const text = JSON.stringify(mine);
  const own = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  // A link appears with its content, so nobody ever reads a lock that is half written.
  writeFileSync(own, text, {mode: 0o600});
  try {
    for (;;) {
      try {
        linkSync(own, path);
        return {kind: 'taken', release: () => releaseLock(path, text)};
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const found = readLock(path);
      if (found?.holder !== undefined && holds(found.holder)) return {kind: 'held', by: found.holder};
      if (found !== undefined) removeStale(path, found.text);
    }
  } finally {
    rmSync(own, {force: true});
  }
}

/** Who holds a lock file at present, if a living process does. */
export function holderOf(path: string): LockHolder | undefined {
  const found = readLock(path);
  return found?.holder && holds(found.holder) ? found.holder : undefined;
}

/**
 * Runs `work` while holding a lock that the agent and the command line share for moments only.
 * @throws OperatorError STATE_LOCKED when it is not free within ten seconds.
 */
export async function withLock<T>(path: string, work: () => T | Promise<T>): Promise<T> {
  for (const deadline = Date.now() + 10_000; ; ) {
    const lock = tryLock(path);
    if (lock.kind === 'taken') {
      try {
        return await work();
      } finally {
        lock.release();
      }
    }
    if (Date.now() > deadline)
      throw new OperatorError(
        'STATE_LOCKED',
        `${path} has been held by process ${lock.by.pid} for ten seconds.`,
        {
          hint: 'End that process, or wait for it.',
        },
      );
    await delay(5);
  }
}

function releaseLock(path: string, text: string): void {
  if (readLock(path)?.text === text) rmSync(path, {force: true});
}

/** Two processes may find the same dead lock: only the one that moves it away, and not a newer one, removed it. */
function removeStale(path: string, text: string): void {
  const aside = `${path}.stale.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (readFileSync(aside, 'utf8') !== text) {
    try {
      linkSync(aside, path);
    } catch {
      // Somebody has taken the lock in the meantime, which its former holder finds out on release.
    }
  }
  rmSync(aside, {force: true});
}

function readLock(path: string): {text: string; holder: LockHolder | undefined} | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const value = JSON.parse(text) as LockHolder;
    const holder = typeof value.pid === 'number' ? {...value, host: value.host ?? os.hostname()} : undefined;
    return {text, holder};
  } catch {
    return {text, holder: undefined};
  }
}

function holds(holder: LockHolder): boolean {
  return holder.host !== os.hostname() || isAlive(holder);
}
