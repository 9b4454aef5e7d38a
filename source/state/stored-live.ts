import {type Static, Type} from '#typebox';
import {literals, name, pairPositions, scheduling, siteAddress, strict, text} from './stored-shapes.js';

/** What is kept of a live server between two live syncs, on the editorial side (G3). */
const liveServer = Type.Object(
  {
    /** When a live sync last did everything for it. */
    lastSync: Type.Optional(Type.Object({at: text(64), runId: text(64)}, strict)),
    /** Why the last one did not. */
    error: Type.Optional(Type.Object({at: text(64), message: text(16_384)}, strict)),
    /** By phase and tenant, where both sides' change streams stood. */
    positions: Type.Record(text(512), pairPositions),
  },
  strict,
);

/** A live sync: an editorial site and the live servers that it is published to (G). */
export const live = Type.Object(
  {
    name,
    local: siteAddress,
    /** Empty when they are the members of a cluster. */
    servers: Type.Array(siteAddress, {maxItems: 256}),
    cluster: Type.Optional(name),
    tenants: Type.Array(name, {maxItems: 256}),
    /** Tables and table groups that go along with every tenant; absent for all that no group claims. */
    extra: Type.Optional(Type.Array(text(256), {maxItems: 10_000})),
    policy: literals('local-wins', 'remote-wins'),
    maxDelete: Type.Number({minimum: 0, maximum: 100}),
    createdAt: text(64),
    schedule: Type.Optional(text(256)),
    missed: Type.Optional(literals('run', 'skip')),
    scheduling: Type.Optional(scheduling),
    /** Random; another one after every edit. */
    revision: text(64),
    /** By `SERVER/SITE`. */
    memory: Type.Record(text(512), liveServer),
    /** Where the merged logs lie: files of the editorial server (G6). */
    logs: Type.Optional(
      Type.Array(Type.Object({name: text(256), file: text(16_384), server: name}, strict), {maxItems: 1000}),
    ),
  },
  strict,
);

export type StoredLive = Static<typeof live>;
