import {OperatorError} from '../core/operator-error.js';
import {exitCodeOfRollout, type RolloutEvent} from '../core/rollout-event.js';
import type {Engine} from '../engine/engine.js';
import type {CommandContext} from './command-context.js';
import {lineOfRolloutEvent} from './rollout-line.js';
import {stayWith} from './stay-with.js';

type RolloutFinished = RolloutEvent & {type: 'rollout.finished'};

/** Starts the process of a rollout and stays with it, or with `detach` prints its id and leaves. */
export async function attachToRollout(
  context: CommandContext,
  engine: Engine,
  name: string,
  detach: boolean,
  start: () => Promise<{rolloutId: string}>,
): Promise<number> {
  const {rolloutId} = await start();
  if (!detach) return watchRollout(context, engine, name, rolloutId);
  if (context.options.json) context.output.document({rolloutId});
  else context.output.print(rolloutId);
  return 0;
}

/**
 * Follows the work on a rollout until it ends or is paused, and resolves with the exit status that this stands for. A
 * signal detaches: the rollout goes on.
 * @param which its name, or the id of one process
 */
export async function watchRollout(
  context: CommandContext,
  engine: Engine,
  name: string,
  which = name,
): Promise<number> {
  const {output} = context;
  /** The last line about each server: not every event changes what a person sees. */
  const said = new Map<string, string>();
  const end = await stayWith<RolloutEvent, RolloutFinished>(context, {
    watch: signal => engine.rollouts.watch(which, {signal}),
    isFinished: event => event.type === 'rollout.finished',
    show(event) {
      const line = lineOfRolloutEvent(event, output);
      const about = event.type === 'rollout.server' ? `${event.server}/${event.site}` : '';
      if (line !== undefined && (about === '' || said.get(about) !== line)) output.print(line);
      if (line !== undefined && about !== '') said.set(about, line);
      if (event.type === 'rollout.finished' && event.error !== undefined)
        output.tell(
          `${event.error.code}: ${event.error.message}${event.error.hint === undefined ? '' : `\n  ${event.error.hint}`}`,
        );
    },
    leaving: `The rollout ${name} goes on. Watch it with \`lockstep rollout watch ${name}\`, end it with \`lockstep rollout abort ${name}\`.`,
    brokenOff: () =>
      new OperatorError('ROLLOUT_INTERRUPTED', `The journal of ${name} ends before the rollout does.`, {
        hint: `lockstep rollout resume ${name}`,
      }),
  });
  return end.finished === undefined ? end.exitCode : exitCodeOfRollout(end.finished);
}
