import {OperatorError} from '../../core/operator-error.js';
import type {Side} from '../../core/plan.js';
import type {State, StoredProfile, StoredRelationship, SyncMemory} from '../../state/state.js';
import type {EngineContext} from '../engine-context.js';
import type {SidePositions} from './commit-side.js';

/** Plans that the state remembers as run; older ones are stale by their profile's positions anyway. */
const rememberedPlans = 5_000;

/**
 * Keeps what a run has seen (DESIGN.md, "Life of a sync run", 10).
 * @param positions undefined when something was left undone: then the next run must see it again
 */
export async function recordSync(
  context: EngineContext,
  profile: StoredProfile,
  seen: {positions: Record<Side, SidePositions> | undefined; firstRunDone: boolean},
): Promise<void> {
  await context.state.change(state => {
    // Edited or deleted while the run went on: what it saw belongs to the old description.
    const stored = state.profiles.find(({revision}) => revision === profile.revision);
    if (stored !== undefined) stored.memory = remember(stored.memory, seen);
  });
}

/** As `recordSync`, for one member of a cluster (E23). */
export async function recordMember(
  context: EngineContext,
  profile: StoredProfile,
  member: string,
  {positions, firstRunDone}: {positions: Record<Side, SidePositions> | undefined; firstRunDone: boolean},
): Promise<void> {
  await context.state.change(state => {
    const stored = state.profiles.find(({revision}) => revision === profile.revision);
    if (stored === undefined) return;
    const members = positions === undefined ? {} : {members: {...stored.memory.members, [member]: positions}};
    stored.memory = remember({...stored.memory, ...members}, {positions: undefined, firstRunDone});
  });
}

/** Notes that a member has become a mirror which could not at the initial sync. */
export async function recordMirrored(
  context: EngineContext,
  relationship: string,
  member: string,
): Promise<void> {
  await context.state.change(({relationships}) => {
    const initialSync = relationships.find(({name}) => name === relationship)?.initialSync;
    if (initialSync?.pending !== undefined)
      initialSync.pending = initialSync.pending.filter(name => name !== member);
  });
}

function remember(
  memory: SyncMemory,
  {positions, firstRunDone}: {positions: Record<Side, SidePositions> | undefined; firstRunDone: boolean},
): SyncMemory {
  return {
    ...memory,
    ...(positions === undefined ? {} : {positions}),
    firstFileRunDone: memory.firstFileRunDone || firstRunDone,
  };
}

/**
 * What is known of a profile that was never run as it is: what an initial sync left alike in the databases is alike for
 * every profile, so that its first run asks for what changed since and not for all rows. Files depend on its filter.
 */
export function freshMemory({initialSync}: StoredRelationship, firstFileRunDone: boolean): SyncMemory {
  const positions = initialSync?.positions;
  return {firstFileRunDone, ...(positions === undefined ? {} : {positions})};
}

function ofDatabase({files: _, ...rest}: SidePositions): SidePositions {
  return rest;
}

/** Notes an initial sync and leaves its profile behind (E6). */
export async function recordInitialSync(
  context: EngineContext,
  profile: StoredProfile,
  done: {
    runId: string;
    positions: Record<Side, SidePositions> | undefined;
    /** Members of a cluster that could not be reached. */
    pending?: readonly string[];
  },
): Promise<void> {
  await context.state.change(state => {
    const relationship = state.relationships.find(({name}) => name === profile.relationship);
    if (relationship === undefined) return;
    const positions = done.positions && {
      local: ofDatabase(done.positions.local),
      remote: ofDatabase(done.positions.remote),
    };
    relationship.initialSync = {
      at: new Date().toISOString(),
      runId: done.runId,
      ...(positions === undefined ? {} : {positions}),
      ...(done.pending === undefined || done.pending.length === 0 ? {} : {pending: [...done.pending]}),
    };
    const memory = remember({firstFileRunDone: true}, {positions: done.positions, firstRunDone: true});
    const known = freshMemory(relationship, true);
    const isSame = ({relationship: of, name}: StoredProfile) =>
      of === profile.relationship && name === profile.name;
    const existing = state.profiles.find(isSame);
    // What was seen before the destination was overwritten says nothing any more.
    for (const other of state.profiles)
      if (other.relationship === profile.relationship)
        other.memory = {...known, firstFileRunDone: other.memory.firstFileRunDone};
    if (existing === undefined) state.profiles.push({...profile, memory});
    else existing.memory = known;
  });
}

/** @throws OperatorError STALE_PLAN when the plan was run already. */
export function mustBeUnused(state: State, planId: string): void {
  const used = state.usedPlans.find(plan => plan.planId === planId);
  if (used !== undefined)
    throw new OperatorError('STALE_PLAN', `This plan was run already, by ${used.runId}.`, {
      hint: 'A plan can be run once. Take a new preview.',
    });
}

/** Marks a plan as used, just before anything is changed. @throws OperatorError STALE_PLAN */
export async function markUsed(context: EngineContext, planId: string, runId: string): Promise<void> {
  await context.state.change(state => {
    mustBeUnused(state, planId);
    state.usedPlans = [...state.usedPlans.slice(-rememberedPlans + 1), {planId, runId}];
  });
}
