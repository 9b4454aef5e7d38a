import type {RolloutServer} from '../../core/rollout-event.js';
import {updateSteps} from '../../core/update-steps.js';
import type {RolloutEntry} from '../../engine/rollouts/rollout-verbs.js';
import {formatTime} from '../format.js';
import type {Model} from '../model.js';
import {bold, cut, dim, type Line, line, marker, wrap} from '../view/lines.js';
import {markerOfRollout, serverName, statusText, waveName} from './describe-rollout.js';

/** How a rollout stands, what its gates wait for, and what the server under the cursor is at. */
export function drawRolloutHead(
  entry: RolloutEntry | undefined,
  server: RolloutServer | undefined,
  model: Model,
  width: number,
): Line[] {
  if (entry === undefined) return [];
  const reason = wrap(reasonText(entry, model), Math.max(20, width - 24)).slice(0, 2);
  const status = statusText(entry).slice(5);
  return [
    line(' ', marker(markerOfRollout(entry)), ' ', bold(status), `   ${reason[0] ?? ''}`),
    ...reason.slice(1).map(text => line(`       ${text}`)),
    line(dim(' gate '), cut(gateText(entry), width - 7)),
    ...(server === undefined ? [] : serverLines(server, width)),
  ];
}

/** Why it stands as it does; what a gate or the checklist waits for is said in the line of the gate. */
function reasonText(entry: RolloutEntry, model: Model): string {
  const {status, dueAt, scheduled, reason, pausedFor} = entry;
  if (pausedFor?.kind === 'gate' || pausedFor?.kind === 'checklist') return '';
  if (reason !== undefined) return reason;
  if (status !== 'planned') return '';
  if (!scheduled) return 's starts it; nothing has been touched yet';
  return `the scheduler starts it ${formatTime(dueAt, model.now, model.time)}`;
}

function gateText({gates, approvals, approvers, fourEyes, pausedFor, status, waves}: RolloutEntry): string {
  const who = `${approvers.length > 0 ? `by ${approvers.join(' or ')}` : 'by anybody who may operate'}${
    fourEyes ? ', but not by who created or started it' : ''
  }`;
  if (status === 'paused' && pausedFor?.kind === 'gate')
    return `${waveName(pausedFor.wave ?? 1, waves[(pausedFor.wave ?? 1) - 1]?.name)} waits for approval ${who}; a approves`;
  if (status === 'paused' && pausedFor?.kind === 'checklist')
    return `wave ${pausedFor.wave} waits for its open items of the checklist; Tab, then Space ticks`;
  const open = gates.filter(wave => !approvals.some(approval => approval.wave === wave));
  if (open.length === 0) return gates.length === 0 ? 'none' : 'all approved';
  return `before wave ${open.join(', ')}: approval ${who}`;
}

/** `web2/main › drain › Warn the users and let them finish   3 users left` */
function serverLines(server: RolloutServer, width: number): Line[] {
  const step = updateSteps.find(({name}) => name === server.step);
  const path = [serverName(server), ...(step === undefined ? [] : [step.name, step.title])].join(' › ');
  const detail = server.state === 'running' ? (server.detail ?? '') : '';
  const {error} = server;
  return [
    line(' ', bold(cut(path, width - 2)), detail === '' ? '' : `   ${detail}`),
    ...(error === undefined
      ? []
      : wrap(
          [error.message, ...(error.hint === undefined ? [] : [error.hint]), `(${error.code})`].join(' '),
          width - 7,
        )
          .slice(0, 2)
          .map((text, index) => line(' ', index === 0 ? marker('fail') : '    ', ' ', text))),
  ];
}
