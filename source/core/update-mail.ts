import type {UpdateProgress} from './update-journal.js';
import type {UpdateState} from './update-status.js';

/** What a mail tells of an update. */
export type UpdateReport = {
  readonly id: string;
  readonly server: string;
  readonly site: string;
  readonly by: string;
  readonly from: string;
  readonly to: string;
  readonly folder: string;
  readonly state: UpdateState;
  readonly startedAt: string;
  readonly progress: Pick<UpdateProgress, 'steps' | 'warnings' | 'error' | 'facts' | 'rolledBackBy'>;
};

const outcomes: Readonly<Record<UpdateState, (report: UpdateReport) => string>> = {
  running: ({to}) => `is being updated to ${to}`,
  done: ({from, to}) => `was updated from ${from || 'no version'} to ${to}`,
  failed: ({from, to}) =>
    `was not updated to ${to}: ${from || 'the old version'} runs on, and nothing was changed`,
  'rolled-back': ({from, to, progress}) =>
    progress.rolledBackBy === undefined
      ? `was not updated to ${to}: ${from || 'the old version'} runs again with its old data`
      : `was taken back from ${to}: ${from || 'the old version'} runs again, as it was before the update`,
  aborted: ({from, to}) =>
    `was not updated to ${to}: the update was aborted, ${from || 'the old version'} runs`,
  deferred: ({from, to}) =>
    `was not updated to ${to} yet: the window was too short, ${from || 'the old version'} runs on`,
  attention: ({to}) => `NEEDS ATTENTION: the update to ${to} could not be brought to an end`,
};

/** What to do after an update that ended so; a sentence. */
export function nextStepOf({
  state,
  progress,
  folder,
}: Pick<UpdateReport, 'state' | 'progress' | 'folder'>): string | undefined {
  const hint = progress.error?.hint;
  switch (state) {
    case 'running':
      return undefined;
    case 'done':
      return progress.warnings.length === 0
        ? 'Nothing needs to be done.'
        : 'The new version runs. Look at what is said under "Warnings".';
    case 'attention':
      return `Look at ${folder} and the folders beside it before anything else; nothing more is touched there. ${hint ?? ''}`.trim();
    case 'deferred':
      return 'Start it again in another window, or a longer one.';
    case 'rolled-back':
      return [
        progress.facts.failed === undefined
          ? ''
          : `The new version is kept as ${progress.facts.failed} to look at; remove it when it is not needed.`,
        hint ?? 'Find the cause, then start the update again.',
      ]
        .join(' ')
        .trim();
    case 'failed':
    case 'aborted':
      return hint ?? 'Start the update again when the cause is gone.';
  }
}

/** The mail to the administrator and to who started it (U12): what was done, how long it took, what to do next. */
export function updateMail(report: UpdateReport): {subject: string; text: string} {
  const {server, site, id, by, state, startedAt, progress} = report;
  const steps = progress.steps
    .filter(({state}) => state !== 'running')
    .map(({title, state, durationMs = 0, detail, error}) => {
      const time = `${(durationMs / 1000).toFixed(1)} s`.padStart(9);
      const word = {done: 'done', skipped: 'skipped', failed: 'FAILED', running: ''}[state];
      const more = error?.message ?? detail;
      return `  ${time}  ${word.padEnd(7)}  ${title}${more === undefined ? '' : `\n                      ${more}`}`;
    });
  const sections = [
    `${server}/${site} ${outcomes[state](report)}.`,
    ...(state !== 'done' && progress.error !== undefined ? [`Why: ${progress.error.message}`] : []),
    `What to do next: ${nextStepOf(report)}`,
    ...(progress.warnings.length === 0
      ? []
      : [`Warnings:\n${progress.warnings.map(warning => `  - ${warning}`).join('\n')}`]),
    `What was done:\n${steps.join('\n')}`,
    `Update ${id}, started by ${by} at ${startedAt} (UTC).`,
  ];
  return {
    subject: `[Lockstep] ${server}/${site} ${outcomes[state](report)}`,
    text: `${sections.join('\n\n')}\n`,
  };
}
