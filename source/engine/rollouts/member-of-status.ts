import {countOf} from '../../core/count-of.js';
import type {RolloutServer} from '../../core/rollout-event.js';
import type {UpdateState, UpdateStatus} from '../../core/update-status.js';
import type {StoredMember} from '../../state/state.js';

/** How an agent's word for an update reads in a rollout. What was deferred is still to be done. */
const states: Readonly<Record<UpdateState, StoredMember['state']>> = {
  running: 'running',
  done: 'done',
  failed: 'failed',
  'rolled-back': 'rolled-back',
  aborted: 'aborted',
  deferred: 'waiting',
  attention: 'attention',
};

/** Notes in a member how its update stands. */
export function noteStatus(member: StoredMember, status: UpdateStatus): void {
  const {state, from, startedAt, endedAt, error} = status;
  // The last step of one that failed is the mail; where it failed is what people ask.
  const failedAt = status.steps.find(record => record.state === 'failed')?.step;
  const detail = detailOf(status);
  member.state = states[state];
  member.from = from;
  member.step = failedAt ?? status.step;
  member.startedAt = startedAt;
  member.skipped = status.steps.filter(record => record.state === 'skipped').map(record => record.step);
  assign(member, 'endedAt', state === 'running' ? undefined : endedAt);
  assign(member, 'detail', detail);
  const {code, message, hint} = error ?? {};
  assign(
    member,
    'error',
    code === undefined || message === undefined
      ? undefined
      : {
          code: code.slice(0, 64),
          message: message.slice(0, 4096),
          ...(hint === undefined ? {} : {hint: hint.slice(0, 4096)}),
        },
  );
}

function assign<Key extends 'endedAt' | 'detail' | 'error'>(
  member: StoredMember,
  key: Key,
  value: StoredMember[Key],
): void {
  if (value === undefined) delete member[key];
  else member[key] = value;
}

/** What a person wants to know of an update at work. */
function detailOf({state, usersLeft, progress, track, warnings}: UpdateStatus): string | undefined {
  if (state !== 'running') return warnings.length === 0 ? undefined : warnings.join(' ').slice(0, 4096);
  if (track !== 'forward') return 'the version before is put back';
  if (usersLeft !== undefined) return countOf(usersLeft, 'user');
  if (progress !== undefined && progress.total > 0)
    return `${Math.floor((100 * progress.done) / progress.total)} %`;
  return undefined;
}

/** A member as scripts and screens see it. @param to version of the release */
export function serverOf(member: StoredMember, to: string): RolloutServer {
  const {updateId, from, step, detail, skipped = [], error, startedAt, endedAt} = member;
  return {
    server: member.server,
    site: member.site,
    wave: member.wave,
    state: member.state,
    ...(from === undefined ? {} : {from}),
    to,
    ...(step === undefined ? {} : {step}),
    ...(detail === undefined ? {} : {detail}),
    ...(skipped.length === 0 ? {} : {skipped}),
    ...(error === undefined ? {} : {error}),
    updateId,
    ...(startedAt === undefined ? {} : {startedAt}),
    ...(endedAt === undefined ? {} : {endedAt}),
  };
}
