import {currentStep, type UpdateProgress} from '../../core/update-journal.js';
import {type Recovery, recoverUpdate} from '../../core/update-recovery.js';
import type {UpdateStepName} from '../../core/update-steps.js';
import {lookAt} from './server-folder.js';
import type {UpdateRequest} from './update-request.js';

/** Steps in which the markers of the folders may be gone already. */
const cleaning: readonly UpdateStepName[] = ['clean-up', 'withdraw-clean-up', 'rollback-clean-up', 'notify'];
/** Steps before the end of `ready`, which marks the old folder. */
const unmarked: readonly UpdateStepName[] = ['preflight', 'download', 'verify', 'unpack', 'ready'];

/** What to do with an update that a restarted agent finds unfinished; the disk is believed before the journal (X6). */
export function findRecovery({folder, id}: UpdateRequest, progress: UpdateProgress): Recovery {
  const {last, track, facts} = progress;
  const step = currentStep(progress);
  const lenient = track === 'withdraw' || cleaning.includes(step) || unmarked.includes(step);
  return recoverUpdate({track, step, phase: last?.phase ?? 'begun'}, lookAt(folder, id, facts, lenient));
}
