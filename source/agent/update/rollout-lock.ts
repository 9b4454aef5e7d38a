import {readFileSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {OperatorError} from '../../core/operator-error.js';
import type {RolloutLock} from '../../core/update-status.js';
import type {UpdateSubject} from './update-subject.js';

type Locked = Pick<UpdateSubject, 'name' | 'folder'>;

/** Where it is kept that a rollout holds a site (U16). */
const lockFile = ({folder}: Locked) => join(folder, 'rollout-lock.json');

export function readLock(site: Locked): RolloutLock | undefined {
  try {
    return JSON.parse(readFileSync(lockFile(site), 'utf8')) as RolloutLock;
  } catch {
    return undefined;
  }
}

/**
 * Holds a site for a rollout.
 * @param takeOver the lock of another rollout that may be taken from it
 * @throws OperatorError SITE_BUSY with `details.lock`
 */
export async function lockSite(
  site: Locked,
  {takeOver, ...lock}: RolloutLock & {readonly takeOver?: string},
): Promise<RolloutLock> {
  const held = readLock(site);
  if (held?.lockId === lock.lockId) return held;
  if (held !== undefined && held.lockId !== takeOver) throw lockedBy(site, held);
  await writeFileAtomic(lockFile(site), JSON.stringify(lock), {mode: 0o600});
  return lock;
}

/** Nothing happens when another rollout holds the site. */
export function unlockSite(site: Locked, lockId: string): void {
  if (readLock(site)?.lockId === lockId) rmSync(lockFile(site), {force: true});
}

/** @throws OperatorError SITE_BUSY with `details.lock` when another rollout than that of `lockId` holds the site */
export function checkNotLocked(site: Locked, lockId?: string): void {
  const lock = readLock(site);
  if (lock !== undefined && lock.lockId !== lockId) throw lockedBy(site, lock);
}

function lockedBy({name}: Locked, lock: RolloutLock): OperatorError {
  return new OperatorError(
    'SITE_BUSY',
    `Site ${name} is held by rollout ${lock.rolloutId} of ${lock.by} since ${lock.since}.`,
    {hint: `Wait for its end, or take it over by its lock ${lock.lockId}.`, details: {lock}},
  );
}
