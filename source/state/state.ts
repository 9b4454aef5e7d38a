import {type Static, Type} from '#typebox';
import type {FileFilter} from '../core/profile.js';
import {live} from './stored-live.js';
import {rollout} from './stored-rollout.js';
import {
  fingerprint,
  literals,
  name,
  pairPositions,
  patterns,
  scheduling,
  serverNumber,
  siteAddress,
  strict,
  text,
} from './stored-shapes.js';

/** Number of the shape below; a file with a higher one was written by a newer Lockstep. */
export const stateVersion = 1;

/** Several sites that stand for one remote side (E23). */
const cluster = Type.Object(
  {
    name,
    /** The first is the one that is served first. */
    members: Type.Array(siteAddress, {minItems: 1, maxItems: 256}),
    /** All members work on one database, though their agents may not see that. */
    sharedDatabase: Type.Boolean(),
    createdAt: text(64),
  },
  strict,
);

const server = Type.Object(
  {
    name,
    url: Type.String({pattern: '^https://', maxLength: 2048}),
    fingerprint,
    role: text(32),
    addedAt: text(64),
    sites: Type.Array(name, {maxItems: 10_000}),
    /** The server's number (E25). */
    number: Type.Optional(serverNumber),
    /** Numbers of its sites that are another one's: two sites of one server that are related to each other. */
    siteNumbers: Type.Optional(Type.Record(name, serverNumber)),
  },
  strict,
);

const relationship = Type.Object(
  {
    name,
    local: siteAddress,
    /** Of a cluster its first member. */
    remote: siteAddress,
    /** Name of the cluster that is the remote side (E23). */
    cluster: Type.Optional(name),
    /** Direction of the initial sync (E5). */
    initial: literals('upload', 'download'),
    createdAt: text(64),
    initialSync: Type.Optional(
      Type.Object(
        {
          at: text(64),
          runId: text(64),
          /** Where both databases stood when they were alike; absent when something was left undone. */
          positions: Type.Optional(pairPositions),
          /** Members that could not be reached then; the next run makes them mirrors too. */
          pending: Type.Optional(Type.Array(text(512), {maxItems: 256})),
        },
        strict,
      ),
    ),
  },
  strict,
);

/** What a profile's runs remember: where both sides' change streams stood when nothing was left to do. */
const syncMemory = Type.Object(
  {
    positions: Type.Optional(pairPositions),
    /** The same for each member of a cluster, by `SERVER/SITE`. */
    members: Type.Optional(Type.Record(text(512), pairPositions)),
    /** The first run with files has been done; it went both ways (E10). */
    firstFileRunDone: Type.Boolean(),
  },
  strict,
);

const profile = Type.Object(
  {
    relationship: name,
    name,
    items: Type.Array(name, {minItems: 1, maxItems: 256}),
    direction: literals('upload', 'download', 'bidirectional'),
    policy: literals('local-wins', 'remote-wins'),
    filter: Type.Unsafe<FileFilter>(
      Type.Union([
        Type.Object({kind: Type.Literal('none')}, strict),
        Type.Object({kind: literals('only', 'exclude'), patterns}, strict),
      ]),
    ),
    replace: literals('newer', 'always'),
    backup: literals('off', 'initial', 'every-run'),
    maxDelete: Type.Number({minimum: 0, maximum: 100}),
    schedule: Type.Optional(text(256)),
    missed: Type.Optional(literals('run', 'skip')),
    verify: Type.Optional(literals('off', 'daily', 'weekly', 'monthly', 'every-run')),
    scheduling: Type.Optional(scheduling),
    /** Random; another one after every edit, so that a saved plan knows which profile it was made for. */
    revision: text(64),
    memory: syncMemory,
  },
  strict,
);

/** A row that a run renamed or renumbered (E18). */
const collision = Type.Object(
  {
    number: Type.Integer({minimum: 1}),
    kind: text(256),
    table: text(256),
    key: Type.Array(text(), {minItems: 1, maxItems: 64}),
    column: text(256),
    original: Type.String(),
    modified: Type.String(),
    /** Where the row was made. */
    server: name,
    site: name,
    runId: text(64),
    at: text(64),
    reviewed: Type.Boolean(),
    mailedTo: Type.Optional(text(512)),
    /** The other end of that run, which has the row too. */
    other: Type.Optional(siteAddress),
    /** Noted before the commit; whether it happened is not known yet, and it is not on the list. */
    unsettled: Type.Optional(Type.Literal(true)),
  },
  strict,
);

/** What the console keeps in `state.json`. */
export const stateSchema = Type.Object(
  {
    version: Type.Literal(stateVersion),
    servers: Type.Array(server, {maxItems: 100_000}),
    /** The highest number that a server ever got (E25). */
    lastNumber: Type.Optional(serverNumber),
    clusters: Type.Array(cluster, {maxItems: 10_000}),
    lives: Type.Optional(Type.Array(live, {maxItems: 10_000})),
    rollouts: Type.Optional(Type.Array(rollout, {maxItems: 10_000})),
    relationships: Type.Array(relationship, {maxItems: 100_000}),
    profiles: Type.Array(profile, {maxItems: 100_000}),
    /** Oldest first. */
    collisions: Type.Optional(Type.Array(collision, {maxItems: 20_000})),
    /** Saved plans that were run, oldest first; a plan can be run once (CLI.md). */
    usedPlans: Type.Array(Type.Object({planId: text(64), runId: text(64)}, strict), {maxItems: 10_000}),
  },
  strict,
);

export type {StoredLive} from './stored-live.js';
export type {StoredMember, StoredRollout} from './stored-rollout.js';
export type State = Static<typeof stateSchema>;
export type StoredCluster = Static<typeof cluster>;
export type StoredServer = Static<typeof server>;
export type StoredRelationship = Static<typeof relationship>;
export type StoredProfile = Static<typeof profile>;
export type Scheduling = Static<typeof scheduling>;
export type StoredCollision = Static<typeof collision>;
export type SyncMemory = Static<typeof syncMemory>;

export function emptyState(): State {
  return {version: stateVersion, servers: [], clusters: [], relationships: [], profiles: [], usedPlans: []};
}
