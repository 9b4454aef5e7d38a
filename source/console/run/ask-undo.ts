import type {RunEntry} from '../../engine/engine.js';
import {isRunning, ownerOf} from '../describe.js';
import {formatCount} from '../format.js';
import type {Model} from '../model.js';
import {textInput} from '../text-input.js';

/** Why a run can be neither undone nor redone, if so. */
export function notUndoable(run: RunEntry | undefined): string | undefined {
  if (run === undefined) return 'the log is not loaded yet';
  if (isRunning(run)) return 'the run is in progress';
  if (run.kind === 'undo') return `it undid ${run.undoes}; redo that one`;
  if (run.kind === 'redo') return `it did ${run.redoes} again; undo that one`;
  if (run.kind === 'restore') return 'it restored old versions; H shows what they replaced';
  return run.applied === 0 ? 'it changed nothing' : undefined;
}

/** Asks before a run is undone, or done again after it was; the name of what it belongs to must be typed. */
export function askUndo(model: Model, run: RunEntry): Model {
  const redo = run.undoneBy !== undefined;
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: redo ? `Redo run ${run.runId}?` : `Undo run ${run.runId}?`,
      effects: redo
        ? [
            ['each side', 'gets again what the run had brought, where nobody changed it since'],
            ['what was held', 'travels again'],
          ]
        : [
            ['each side', `gets back what the run changed there: ${formatCount(run.applied)} items`],
            ['what was changed since', 'is left alone and listed'],
            ['later runs', 'leave it alone until a side changes it, or the run is redone'],
          ],
      typeName: ownerOf(run),
      input: textInput(),
      commands: [
        {
          type: 'undo-run',
          run: {runId: run.runId, relationship: run.relationship, profile: run.profile},
          redo,
        },
      ],
      thenBack: false,
    },
  };
}
