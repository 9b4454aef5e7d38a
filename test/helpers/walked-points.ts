import {type FaultName, faultPoints} from '../../source/core/fault-point.js';

/** Passed only by an agent that starts after a crash. */
export const recoveryPoints = ['recovery.begun', 'recovery.finished'] as const satisfies readonly FaultName[];

/** Passed only when a backup is put back, which has walks of its own (test/end-to-end/backups.test.ts). */
const restorePoints: readonly FaultName[] = ['restore.begun', 'restore.replaced'];

/** The points of an agent that a run with a backup can come by. */
export const walked: readonly FaultName[] = faultPoints.agent.filter(
  name => !(recoveryPoints as readonly FaultName[]).includes(name) && !restorePoints.includes(name),
);

/** The local agent opens all connections and so starts every transfer; each side receives. */
const transferStarts: readonly FaultName[] = ['transfer.started', 'transfer.staged'];

export const expectedAt: Readonly<Record<'local' | 'remote', readonly FaultName[]>> = {
  local: walked,
  remote: walked.filter(name => !transferStarts.includes(name)),
};
