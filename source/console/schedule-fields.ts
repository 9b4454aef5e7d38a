import {asOperatorError} from '../core/operator-error.js';
import type {MissedRule} from '../core/profile.js';
import {parseSchedule} from '../core/schedule.js';
import {choiceField, type Field, type Form, labelled, textField, textOfField} from './form.js';

/** The fields of a form that say when something starts by itself (E12), as it is described so far. */
export function scheduleFields(
  described: {readonly schedule?: string | undefined; readonly missed?: MissedRule} | undefined,
): readonly Field[] {
  return [
    textField(
      'schedule',
      'Schedule',
      described?.schedule ?? '',
      'none; or: daily 2026-12-01T02:00 Europe/Berlin',
    ),
    choiceField(
      'missed',
      'Missed starts',
      labelled<MissedRule>({skip: 'wait for the next', run: 'run once'}),
      described?.missed ?? 'skip',
    ),
  ];
}

/** Whether a schedule was typed; `missed` means nothing without. */
export function isScheduled(form: Form): boolean {
  return !isNone(textOfField(form, 'schedule'));
}

/** Why a schedule cannot be saved as it was typed. */
export function scheduleProblem(text: string): string | undefined {
  if (isNone(text)) return undefined;
  try {
    parseSchedule(text);
    return undefined;
  } catch (error) {
    return asOperatorError(error).message;
  }
}

function isNone(text: string): boolean {
  return text === '' || text === 'none';
}
