import {lock} from 'proper-lockfile';
import {OperatorError} from '../core/operator-error.js';

/** Milliseconds after which the lock of a process that was killed is taken over. */
const staleMs = 5_000;
/** Milliseconds that another process is waited for. */
const patienceMs = 20_000;

/** Proof of the lock, asked right before what it protects is written. */
export type HeldLock = {
  /** @throws OperatorError STATE_LOCKED when the lock was lost (the process was stopped for long). */
  assertHeld(): void;
};

/**
 * Does `work` while no other process holds the lock of `file`, which need not exist; its folder must.
 * @throws OperatorError STATE_LOCKED when another process does not let go.
 */
export async function withFileLock<T>(file: string, work: (held: HeldLock) => Promise<T>): Promise<T> {
  let lost: Error | undefined;
  let release: () => Promise<void>;
  try {
    release = await lock(file, {
      realpath: false,
      stale: staleMs,
      update: 1_000,
      retries: {retries: patienceMs / 50, factor: 1, minTimeout: 50, maxTimeout: 50, randomize: true},
      onCompromised: error => {
        lost = error;
      },
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
    throw new OperatorError('STATE_LOCKED', `${file} is held by another Lockstep process.`, {
      hint: 'Wait until it is done and try again.',
      cause: error,
    });
  }
  try {
    return await work({
      assertHeld() {
        if (lost)
          throw new OperatorError(
            'STATE_LOCKED',
            `The lock on ${file} was lost while it was being changed.`,
            {
              hint: 'Nothing was written; try again.',
              cause: lost,
            },
          );
      },
    });
  } finally {
    if (!lost) await release().catch(() => {});
  }
}
