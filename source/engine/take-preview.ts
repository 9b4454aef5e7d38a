import type {OperatorError} from '../core/operator-error.js';
import {parseSelected, type Selected} from '../core/selection.js';
import type {State, StoredProfile, StoredRelationship} from '../state/state.js';
import {closeGroup, connectGroup, type MissingMember, sharingDatabase} from './connect-group.js';
import {closeSites, connectSites} from './connect-sites.js';
import type {Engine, PreviewResult} from './engine.js';
import {type EngineContext, findCluster, findProfile, findRelationship} from './engine-context.js';
import {guardPlan} from './guard-plan.js';
import {
  initialSyncProfile,
  membersToMirror,
  refuseInitialSync,
  sourceOf,
  withEverything,
} from './initial-sync.js';
import {makePlan, type PlanObserver} from './make-plan.js';
import {limitsOf} from './member-part.js';
import {joined, named, planCluster} from './plan-cluster.js';
import {databaseWarnings} from './scan-sites.js';

/** What the next run would do (E13). Takes no lease and changes nothing. */
export function createPreviews(context: EngineContext): Pick<Engine, 'preview' | 'previewInitialSync'> {
  return {
    async preview(relationshipName, profileName, options = {}) {
      const state = await context.state.read();
      const relationship = findRelationship(state, relationshipName);
      const profile = findProfile(state, relationshipName, profileName);
      const observer = quietObserver(options);
      const selection = options.select?.map(parseSelected);
      const {maxDelete} = options;
      if (relationship.cluster !== undefined)
        return await previewCluster(context, state, relationship, profile, observer, {selection, maxDelete});
      const ends = await connectSites(context, state, relationship, observer.signal);
      try {
        const made = await makePlan(
          ends,
          {
            profile,
            everything: false,
            acceptRoot: profile.maxDelete >= 100,
            ...(selection === undefined ? {} : {selection}),
          },
          observer,
        );
        const refusal = await guardPlan(ends, profile, made.plan, made.scans, {
          maxDelete,
          signal: observer.signal,
        });
        return {
          relationship: relationshipName,
          profile: profileName,
          plan: made.plan,
          takenAt: new Date().toISOString(),
          ...refusalOf(refusal),
          ...warningsOf(databaseWarnings(ends, made.scans)),
          firstRun: made.firstRun,
          revision: profile.revision,
          adoptsLineage: made.adoptsLineage,
        };
      } finally {
        closeSites(ends);
      }
    },

    async previewInitialSync(relationshipName, options = {}) {
      const state = await context.state.read();
      const relationship = findRelationship(state, relationshipName);
      const observer = quietObserver(options);
      const force = options.force ?? false;
      if (relationship.cluster !== undefined)
        return await previewMirrors(context, state, relationship, force, observer);
      const ends = await connectSites(context, state, relationship, observer.signal);
      try {
        const profile = withEverything(initialSyncProfile(relationship), ends);
        const made = await makePlan(
          ends,
          {profile, mirrorOf: sourceOf(relationship), everything: true, acceptRoot: false},
          observer,
        );
        const refusal = await refuseInitialSync({
          ends,
          state,
          relationship,
          profile,
          force,
          made,
          signal: observer.signal,
        });
        return {
          relationship: relationshipName,
          profile: profile.name,
          plan: made.plan,
          takenAt: new Date().toISOString(),
          ...refusalOf(refusal),
          ...warningsOf(databaseWarnings(ends, made.scans)),
          firstRun: false,
          revision: profile.revision,
          adoptsLineage: false,
        };
      } finally {
        closeSites(ends);
      }
    },
  };
}

/** What a run over the members of a cluster would do (E23). */
async function previewCluster(
  context: EngineContext,
  state: State,
  {name, local, cluster: clusterName}: StoredRelationship,
  profile: StoredProfile,
  observer: PlanObserver,
  {selection, maxDelete}: {selection: readonly Selected[] | undefined; maxDelete: number | undefined},
): Promise<PreviewResult> {
  const cluster = findCluster(state, clusterName!);
  const group = await connectGroup(context, state, {local, members: cluster.members}, observer.signal);
  try {
    const {plan, made, missing} = await planCluster(group, cluster, profile, observer, selection);
    const refusals = await Promise.all(
      made.map(({member, made: {plan, scans}}) =>
        guardPlan(member.ends, profile, plan, scans, {maxDelete, signal: observer.signal}),
      ),
    );
    return {
      relationship: name,
      profile: profile.name,
      plan,
      takenAt: new Date().toISOString(),
      ...refusalOf(refusals.find(refusal => refusal !== undefined)),
      ...warningsOf(made.flatMap(({member, made: {scans}}) => databaseWarnings(member.ends, scans))),
      firstRun: made.some(({made: {firstRun}}) => firstRun),
      revision: profile.revision,
      adoptsLineage: made.some(({made: {adoptsLineage}}) => adoptsLineage),
      ...missingOf(missing),
    };
  } finally {
    closeGroup(group);
  }
}

/** What the initial sync of the members of a cluster would do (E6, E23). */
async function previewMirrors(
  context: EngineContext,
  state: State,
  relationship: StoredRelationship,
  force: boolean,
  observer: PlanObserver,
): Promise<PreviewResult> {
  const cluster = findCluster(state, relationship.cluster!);
  const addresses = {local: relationship.local, members: cluster.members};
  const group = await connectGroup(context, state, addresses, observer.signal);
  try {
    const sharing = sharingDatabase(group.members, cluster.sharedDatabase);
    const parts = [];
    const warnings: string[] = [];
    let refusal: OperatorError | undefined;
    for (const member of membersToMirror(relationship, group.members, force)) {
      const {ends} = member;
      const profile = withEverything(initialSyncProfile(relationship), ends);
      const limits = limitsOf(member, sharing);
      const mirrorOf = sourceOf(relationship);
      const made = await makePlan(
        ends,
        {profile, mirrorOf, limits, everything: true, acceptRoot: false},
        observer,
      );
      const {server, site} = ends.remote;
      refusal ??= await refuseInitialSync({
        ...{ends, state, profile, force, made, signal: observer.signal},
        relationship: {...relationship, remote: {server: server.name, site: site.name}},
      });
      parts.push(named(made, member));
      warnings.push(...databaseWarnings(ends, made.scans));
    }
    const {name, revision} = initialSyncProfile(relationship);
    return {
      relationship: relationship.name,
      profile: name,
      plan: joined(parts),
      takenAt: new Date().toISOString(),
      ...refusalOf(refusal),
      ...warningsOf(warnings),
      firstRun: false,
      revision,
      adoptsLineage: false,
      ...missingOf(group.missing),
    };
  } finally {
    closeGroup(group);
  }
}

function missingOf(missing: readonly MissingMember[]): Pick<PreviewResult, 'missing'> {
  if (missing.length === 0) return {};
  return {
    missing: missing.map(({name: member, error: {code, message}}) => ({member, error: {code, message}})),
  };
}

function refusalOf(error: OperatorError | undefined): Pick<PreviewResult, 'refusal'> {
  if (error === undefined) return {};
  const {code, message, hint} = error;
  return {refusal: {code, message, ...(hint === undefined ? {} : {hint})}};
}

/** A member's scans tell of the local site again. */
function warningsOf(warnings: readonly string[]): Pick<PreviewResult, 'warnings'> {
  return warnings.length === 0 ? {} : {warnings: [...new Set(warnings)]};
}

const phaseTexts: Readonly<Partial<Record<string, string>>> = {
  preconditions: 'checking both sites',
  scan: 'scanning both sites',
  changes: 'comparing',
  reconcile: 'deciding',
};

/** Watches the making of a plan that nobody records. */
export function quietObserver({
  signal = new AbortController().signal,
  onProgress = () => {},
}: {
  signal?: AbortSignal;
  onProgress?: (text: string) => void;
}): PlanObserver {
  return {
    signal,
    phase(phase, work) {
      onProgress(phaseTexts[phase] ?? phase);
      return work();
    },
    progress:
      phase =>
      ({side, done, total, unit}) =>
        onProgress(
          `${phaseTexts[phase] ?? phase}${side === undefined ? '' : ` (${side})`}: ${done}${total === undefined ? '' : ` of ${total}`} ${unit}`,
        ),
  };
}
