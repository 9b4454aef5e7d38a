import pMap from 'p-map';
import {asOperatorError, OperatorError} from '../../core/operator-error.js';
import {checklistMarkdown} from '../../core/rollout-checklist.js';
import {isRunId} from '../../core/run-id.js';
import type {UpdateEvent} from '../../core/update-status.js';
import {readUpdateJournal} from '../../protocol/update-endpoints.js';
import {rolloutJournals} from '../../state/rollout-journal.js';
import type {State, StoredMember, StoredRollout} from '../../state/state.js';
import {type EngineContext, findServer, mustBeFree} from '../engine-context.js';
import {errorDocument} from '../run-steps/error-document.js';
import {approveWave} from './approve-wave.js';
import {checkDefinition} from './check-definition.js';
import {describeRollout} from './describe-rollout.js';
import {findRollout, namedMembers} from './find-rollout.js';
import {launchRollout, mustBeIdle} from './launch-rollout.js';
import {offerRelease} from './release-offer.js';
import {hasMissed, mustBeResumable, takeBackAbort, tryAgain} from './resumable-rollout.js';
import {entryOf} from './rollout-entry.js';
import type {RolloutDefinition, RolloutEntry, RolloutVerbs} from './rollout-verbs.js';
import {addressOf, askConcurrency} from './rollout-work.js';
import {ServerUpdates} from './server-updates.js';

/** Updating many servers, in waves (U16). */
export function createRollouts(context: EngineContext): RolloutVerbs {
  const {home, state, operator} = context;
  const show = async (name: string): Promise<RolloutEntry> => {
    const known = await state.read();
    return await entryOf(home, known, findRollout(known, name));
  };
  const describe = async (definition: RolloutDefinition): Promise<StoredRollout> => {
    const known = await state.read();
    mustBeFree(known.rollouts ?? [], definition.name, 'rollout');
    checkDefinition(known, definition);
    const release = await offerRelease(context, definition.release);
    return describeRollout(definition, release, operator, Date.now());
  };
  return {
    show,

    async list() {
      const known = await state.read();
      return await Promise.all((known.rollouts ?? []).map(rollout => entryOf(home, known, rollout)));
    },

    async foresee(definition) {
      await describe(definition);
    },

    async create(definition) {
      const made = await describe(definition);
      await state.change(draft => {
        mustBeFree(draft.rollouts ?? [], made.name, 'rollout');
        draft.rollouts = [...(draft.rollouts ?? []), made];
      });
      return await show(made.name);
    },

    async delete(name) {
      const entry = await show(name);
      await mustBeIdle(home, findRollout(await state.read(), name));
      if (entry.status === 'paused')
        throw new OperatorError('USAGE', `The rollout ${name} is paused and may go on.`, {
          hint: `Abort it before: lockstep rollout abort ${name}`,
        });
      await state.change(draft => {
        const rollout = findRollout(draft, name);
        draft.rollouts = draft.rollouts?.filter(other => other !== rollout) ?? [];
      });
    },

    async check(name) {
      const known = await state.read();
      const rollout = findRollout(known, name);
      const {servers} = await entryOf(home, known, rollout);
      const release = await offerRelease(context, rollout.release, rollout.digest);
      const updates = new ServerUpdates(context, known);
      try {
        return await pMap(
          servers,
          async ({server, site, wave}) => {
            try {
              return {server, site, wave, report: await updates.check({server, site}, release)};
            } catch (thrown) {
              return {server, site, wave, error: errorDocument(asOperatorError(thrown))};
            }
          },
          {concurrency: askConcurrency},
        );
      } finally {
        updates.close();
      }
    },

    start: (name, options = {}) =>
      launchRollout(context, name, {
        ...options,
        prepare({status}) {
          if (status !== 'planned')
            throw new OperatorError(
              'ROLLOUT_OVER',
              `The rollout ${name} has been started before: it is ${status}.`,
              {
                hint:
                  status === 'done'
                    ? 'Create another one.'
                    : `\`lockstep rollout resume ${name}\` goes on with it.`,
              },
            );
        },
      }),

    resume: (name, {takeOver, retry = false} = {}) =>
      launchRollout(context, name, {
        ...(takeOver === undefined ? {} : {takeOver}),
        prepare(rollout) {
          // One that is done but for some servers can be made whole.
          if (!(retry && rollout.status === 'done' && hasMissed(rollout))) mustBeResumable(rollout);
          if (retry) tryAgain(rollout);
          else if (rollout.status === 'aborted') takeBackAbort(rollout);
        },
      }),

    async pause(name) {
      await askFor(context, name, 'pause');
    },

    async abort(name) {
      if (await askFor(context, name, 'abort')) return;
      // Nobody is at work on it; agents may be, and hold its locks.
      await launchRollout(context, name, {wanted: 'abort', prepare: mustBeResumable});
    },

    async approve(name, {wave} = {}) {
      let approved = 0;
      const {rolloutId} = await launchRollout(context, name, {
        prepare(rollout, draft) {
          approved = approveWave(draft, rollout, {wave, by: operator, at: new Date().toISOString()});
        },
      });
      return {wave: approved, rolloutId};
    },

    reversible: async (name, servers) =>
      serversToRollBack(findRollout(await state.read(), name), servers).map(addressOf),

    async rollBack(name, servers) {
      const chosen = serversToRollBack(findRollout(await state.read(), name), servers);
      return await launchRollout(context, name, {kind: 'rollback', servers: chosen.map(addressOf)});
    },

    async tick(name, item, done) {
      const goesOn = await state.change(draft => {
        const rollout = findRollout(draft, name);
        const found = rollout.items[item - 1];
        if (found === undefined)
          throw new OperatorError('NOT_FOUND', `The checklist of ${name} has no item ${item} of its own.`, {
            hint: `It has ${rollout.items.length}; \`lockstep rollout show ${name}\` lists them.`,
          });
        if (done) {
          found.tickedBy ??= operator;
          found.tickedAt ??= new Date().toISOString();
        } else {
          delete found.tickedBy;
          delete found.tickedAt;
        }
        const {status, pausedFor, items} = rollout;
        return (
          status === 'paused' &&
          pausedFor?.kind === 'checklist' &&
          !items.some(({before, tickedAt}) => before === pausedFor.wave && tickedAt === undefined)
        );
      });
      if (goesOn) await launchRollout(context, name, {prepare: mustBeResumable});
      return await show(name);
    },

    async exportChecklist(name) {
      const entry = await show(name);
      return checklistMarkdown(entry, entry.checklist, entry.servers);
    },

    async *watch(rollout, {signal} = {}) {
      yield* rolloutJournals.follow(home, await legOf(context, rollout), signal);
    },

    async journal(name, server) {
      const known = await state.read();
      const [member] = namedMembers(findRollout(known, name), [server]);
      const updates = new ServerUpdates(context, known);
      const client = await context.connect(findServer(known, member!.server));
      try {
        const status = await updates.find(member!, member!.updateId);
        if (status === undefined)
          throw new OperatorError('NOT_FOUND', `${server} has not begun its update yet.`, {
            hint: `\`lockstep rollout watch ${name}\` shows when it does.`,
          });
        const events: UpdateEvent[] = [];
        for (;;) {
          const {events: more} = await client.call(readUpdateJournal, {
            params: {site: member!.site, update: member!.updateId},
            query: {after: String(events.at(-1)?.seq ?? 0)},
          });
          if (more.length === 0) return {status, events};
          events.push(...more);
        }
      } finally {
        updates.close();
        client.close();
      }
    },
  };
}

/** @throws OperatorError NOT_FOUND, USAGE when nothing of what is named can be brought back */
function serversToRollBack(
  rollout: StoredRollout,
  servers: readonly string[] | undefined,
): readonly StoredMember[] {
  const chosen = namedMembers(rollout, servers);
  const wrong = chosen.find(member => member.state !== 'done');
  if (servers !== undefined && servers.length > 0 && wrong !== undefined)
    throw new OperatorError(
      'USAGE',
      `${addressOf(wrong)} does not run the new version: it is ${wrong.state}.`,
      {hint: 'Only a server that is done can be rolled back; one at work is aborted.'},
    );
  // What ran the version before has no version to go back to that the rollout knows of.
  const done = chosen.filter(({state, from}) => state === 'done' && from !== rollout.version);
  if (done.length === 0)
    throw new OperatorError('USAGE', `No server of ${rollout.name} was brought to the new version by it.`, {
      hint: `\`lockstep rollout show ${rollout.name}\` shows how they stand.`,
    });
  return done;
}

/** Tells the process at work what is wanted. @returns whether there is one */
async function askFor(
  {home, state}: EngineContext,
  name: string,
  wanted: 'pause' | 'abort',
): Promise<boolean> {
  const rollout = findRollout(await state.read(), name);
  const atWork = rollout.leg !== undefined && (await rolloutJournals.isAtWork(home, rollout.leg));
  if (atWork)
    await state.change(draft => {
      findRollout(draft, name).wanted = wanted;
    });
  else if (wanted === 'pause' || rollout.status === 'planned' || rollout.status === 'done')
    throw new OperatorError(
      'ROLLOUT_OVER',
      `Nothing of the rollout ${name} is at work: it is ${rollout.status}.`,
      {
        hint: `\`lockstep rollout show ${name}\` shows how it stands.`,
      },
    );
  return atWork;
}

/** The id of a process: itself, or the latest of a rollout. @throws OperatorError NOT_FOUND */
async function legOf({state}: EngineContext, rollout: string): Promise<string> {
  const known: State = await state.read();
  if (isRunId(rollout) && !(known.rollouts ?? []).some(({name}) => name === rollout)) return rollout;
  const {leg} = findRollout(known, rollout);
  if (leg !== undefined) return leg;
  throw new OperatorError('NOT_FOUND', `The rollout ${rollout} has not been started yet.`, {
    hint: `lockstep rollout start ${rollout}`,
  });
}
