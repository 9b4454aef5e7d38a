import {randomBytes} from 'node:crypto';
import {OperatorError} from '../../core/operator-error.js';
import {parseSchedule} from '../../core/schedule.js';
import type {State, StoredLive} from '../../state/state.js';
import {addressText} from '../connect-sites.js';
import type {LiveDefinition, LiveEntry, LiveVerbs} from '../engine.js';
import {checkName, type EngineContext, findLive, mustBeFree} from '../engine-context.js';
import {introduceSites, withdrawAgents} from '../introduce-agents.js';
import {checkSchedules, compareSchedules, newScheduling, type Starter} from '../scheduler/schedules.js';
import {launchRun} from '../start-run.js';
import {serversOf} from './live-relationship.js';
import {previewLive} from './preview-live.js';

/** Live syncs: an editorial site and the live servers it is published to (G). */
export function createLives(context: EngineContext): LiveVerbs {
  const {state} = context;
  return {
    async list() {
      const known = await state.read();
      return (known.lives ?? []).map(live => toEntry(known, live));
    },

    async create(definition) {
      checkName(definition.name, 'live sync');
      check(definition);
      const known = await state.read();
      mustBeFree(known.lives ?? [], definition.name, 'live sync');
      await compareSchedules(known, definition.schedule);
      const made: StoredLive = {
        ...stored(definition),
        createdAt: new Date().toISOString(),
        ...(definition.schedule === undefined ? {} : {scheduling: newScheduling()}),
      };
      await introduceSites(context, known, made.local, serversOf(known, made), 'local');
      return await state.change(draft => {
        mustBeFree(draft.lives ?? [], made.name, 'live sync');
        checkSchedules(draft, starterOf(made), made.schedule);
        draft.lives = [...(draft.lives ?? []), made];
        return toEntry(draft, made);
      });
    },

    async edit(name, changes) {
      const known = await state.read();
      const before = findLive(known, name);
      const edited = stored({...definitionOf(before), ...changes});
      check(edited);
      await compareSchedules(known, edited.schedule);
      if (changes.servers !== undefined)
        await introduceSites(context, known, before.local, serversOf(known, edited), 'local');
      return await state.change(draft => {
        const live = findLive(draft, name);
        checkSchedules(draft, starterOf(live), edited.schedule);
        const memory = Object.fromEntries(
          // What was seen under the old description says nothing about the new one; when it was, does.
          Object.entries(live.memory).map(([server, {lastSync, error}]) => [
            server,
            {...(lastSync && {lastSync}), ...(error && {error}), positions: {}},
          ]),
        );
        const renewed: StoredLive = {
          ...edited,
          createdAt: live.createdAt,
          memory,
          // The same schedule goes on where it was.
          ...(edited.schedule === undefined
            ? {}
            : {scheduling: (live.schedule === edited.schedule && live.scheduling) || newScheduling()}),
          ...(live.logs === undefined ? {} : {logs: live.logs}),
        };
        draft.lives = draft.lives?.map(other => (other === live ? renewed : other)) ?? [];
        return toEntry(draft, renewed);
      });
    },

    async delete(name) {
      const known = await state.read();
      const servers = serversOf(known, findLive(known, name));
      const deleted = await state.change(draft => {
        const live = findLive(draft, name);
        draft.lives = draft.lives?.filter(other => other !== live) ?? [];
        return live;
      });
      const left = await state.read();
      const untold = [];
      for (const remote of servers)
        untold.push(...(await withdrawAgents(context, left, {local: deleted.local, remote})));
      return {untold};
    },

    async run(name, {maxDelete} = {}) {
      findLive(await state.read(), name);
      return await launchRun(context, {
        kind: 'live',
        live: name,
        by: context.operator,
        ...(maxDelete === undefined ? {} : {maxDelete}),
      });
    },

    preview: (name, options) => previewLive(context, name, options),
  };
}

function stored({
  name,
  local,
  servers,
  tenants,
  extra,
  policy,
  maxDelete,
  schedule,
  missed,
}: LiveDefinition): Omit<StoredLive, 'createdAt'> {
  return {
    name,
    local,
    ...(typeof servers === 'string' ? {servers: [], cluster: servers} : {servers: [...servers]}),
    tenants: [...tenants],
    ...(extra === undefined ? {} : {extra: [...extra]}),
    policy,
    maxDelete,
    ...(schedule === undefined ? {} : {schedule}),
    ...(missed === undefined ? {} : {missed}),
    revision: randomBytes(8).toString('hex'),
    memory: {},
  };
}

function definitionOf({
  name,
  local,
  servers,
  cluster,
  tenants,
  extra,
  policy,
  maxDelete,
  schedule,
  missed,
}: StoredLive): LiveDefinition {
  return {
    name,
    local,
    servers: cluster ?? servers,
    tenants,
    ...(extra === undefined ? {} : {extra}),
    policy,
    maxDelete,
    ...(schedule === undefined ? {} : {schedule}),
    ...(missed === undefined ? {} : {missed}),
  };
}

function starterOf({name}: StoredLive): Starter {
  return {relationship: '', profile: '', live: name};
}

/** @throws OperatorError USAGE */
function check({
  servers,
  tenants,
  maxDelete,
  schedule,
}: Pick<LiveDefinition, 'servers' | 'tenants' | 'maxDelete' | 'schedule'>): void {
  const refuse = (message: string, hint: string) => new OperatorError('USAGE', message, {hint});
  const texts = typeof servers === 'string' ? [] : servers.map(addressText);
  if (new Set(texts).size !== texts.length) throw refuse('A live server is named twice.', 'Name each once.');
  if (new Set(tenants).size !== tenants.length) throw refuse('A tenant is named twice.', 'Name each once.');
  for (const tenant of tenants)
    if (/[/*\\\p{C}]/u.test(tenant) || tenant.startsWith('.'))
      throw refuse(
        `"${tenant.slice(0, 80)}" is no name for a tenant.`,
        'A tenant is an item group, a table group or a folder of the editorial site.',
      );
  if (!(maxDelete >= 0 && maxDelete <= 100))
    throw refuse(`${maxDelete} is no share of deletions.`, 'Between 0% and 100%.');
  if (schedule !== undefined) parseSchedule(schedule);
}

function toEntry(state: State, live: StoredLive): LiveEntry {
  const {name, local, cluster, tenants, extra, policy, maxDelete, createdAt, memory, logs, schedule, missed} =
    live;
  return {
    name,
    local,
    servers: serversOf(state, live).map(address => {
      const {lastSync, error} = memory[addressText(address)] ?? {};
      return {...address, ...(lastSync && {lastSync}), ...(error && {error})};
    }),
    ...(cluster === undefined ? {} : {cluster}),
    tenants,
    ...(extra === undefined ? {} : {extra}),
    policy,
    maxDelete,
    ...(schedule === undefined ? {} : {schedule}),
    ...(missed === undefined ? {} : {missed}),
    createdAt,
    ...(logs === undefined ? {} : {logs}),
  };
}
