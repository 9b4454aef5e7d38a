import type {PauseReason} from './decide-rollout.js';
import type {RolloutServer} from './rollout-event.js';

/** Why a rollout is paused and what makes it go on, in a sentence for people. @param waves their names, in order */
export function pauseSentence(why: PauseReason, rollout: string, waves: readonly string[]): string {
  const nameOf = (wave: number) => waves[wave - 1] ?? `wave ${wave}`;
  switch (why.kind) {
    case 'operator':
      return `Paused by an operator; \`lockstep rollout resume ${rollout}\` goes on.`;
    case 'interrupted':
      return `The process that carried it out was ended; the agents go on with what they had begun. \`lockstep rollout resume ${rollout}\` takes it up again.`;
    case 'gate':
      return `Waits for the approval of ${nameOf(why.wave)}: \`lockstep rollout approve ${rollout}\`.`;
    case 'checklist':
      return `Items of the checklist are open that ${nameOf(why.wave)} waits for: \`lockstep rollout show ${rollout}\` lists them.`;
    case 'window':
      return `Deferred: ${someOf(why.deferred)} ${why.deferred.length === 1 ? 'does' : 'do'} not fit into the window${
        why.opensMs === undefined
          ? ', which does not open again'
          : `, which opens next at ${readable(why.opensMs)}`
      }.`;
    case 'busy':
      return `Somebody else works on ${someOf(why.servers)}.`;
  }
}

/** Why a rollout stopped of itself. */
export function stopSentence(
  status: 'done' | 'failed' | 'aborted' | 'attention',
  servers: readonly RolloutServer[],
  {name, failuresAllowed}: {readonly name: string; readonly failuresAllowed: number},
): string {
  const named = (...states: RolloutServer['state'][]) =>
    servers
      .filter(({state}) => states.includes(state))
      .map(({server, site, error}) => `${server}/${site}${error === undefined ? '' : ` (${error.message})`}`);
  const failed = named('failed', 'rolled-back');
  // An update may also be aborted by somebody for itself.
  const without = named('failed', 'rolled-back', 'aborted');
  switch (status) {
    case 'done':
      return without.length === 0
        ? 'All servers run the new version.'
        : `Done, but for ${someOf(without)}, which ${without.length === 1 ? 'runs the version it' : 'run the version they'} had.`;
    case 'failed':
      return `Stopped: ${failed.length === 1 ? 'one server' : `${failed.length} servers`} failed and ${failuresAllowed} may: ${someOf(failed)}. When that is mended, \`lockstep rollout resume ${name} --retry\` tries again.`;
    case 'aborted':
      return 'Aborted by an operator.';
    case 'attention':
      return `A person must look at ${someOf(named('attention'))}.`;
  }
}

/** `a, b, c and 7 more` */
function someOf(names: readonly string[]): string {
  const shown = names.slice(0, 3);
  const more = names.length - shown.length;
  return more === 0 ? shown.join(', ') : `${shown.join(', ')} and ${more} more`;
}

function readable(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
