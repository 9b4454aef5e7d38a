import {type Static, Type} from '#typebox';
import {literals, name, siteAddress, strict, text} from './stored-shapes.js';

const moment = text(64);
const shortError = Type.Object({code: text(64), message: text(), hint: Type.Optional(text())}, strict);

/** One server of a rollout, from the moment at which the rollout was started (U16). */
const rolloutMember = Type.Object(
  {
    server: name,
    site: name,
    /** From 1. */
    wave: Type.Integer({minimum: 1}),
    state: literals('waiting', 'running', 'done', 'failed', 'rolled-back', 'attention', 'aborted'),
    /** Chosen before the agent hears of it, so that nothing is started twice. */
    updateId: text(64),
    from: Type.Optional(text(256)),
    step: Type.Optional(text(64)),
    detail: Type.Optional(text()),
    skipped: Type.Optional(Type.Array(text(64), {maxItems: 100})),
    error: Type.Optional(shortError),
    startedAt: Type.Optional(moment),
    endedAt: Type.Optional(moment),
  },
  strict,
);

/** An item of the checklist that the operator wrote. */
const rolloutItem = Type.Object(
  {
    text: Type.String({minLength: 1, maxLength: 500}),
    /** The wave that does not begin before it is ticked. */
    before: Type.Optional(Type.Integer({minimum: 1})),
    tickedBy: Type.Optional(text(512)),
    tickedAt: Type.Optional(moment),
  },
  strict,
);

/** Updating a set of servers to a release, in waves (U16). */
export const rollout = Type.Object(
  {
    name,
    /** `NAME-VERSION` */
    release: text(256),
    version: text(256),
    /** SHA-256 of its manifest, so that all servers get the same. */
    digest: text(64),
    /** Empty when they are the members of a cluster. */
    servers: Type.Array(siteAddress, {maxItems: 10_000}),
    cluster: Type.Optional(name),
    /** As operators write them (core/rollout-waves.ts). */
    waves: Type.Array(Type.String({maxLength: 100_000}), {minItems: 1, maxItems: 1000}),
    failuresAllowed: Type.Integer({minimum: 0}),
    concurrency: Type.Integer({minimum: 1, maximum: 256}),
    bakeMs: Type.Integer({minimum: 0}),
    gates: Type.Array(Type.Integer({minimum: 1}), {maxItems: 1000}),
    /** Empty: anybody whose role allows it. */
    approvers: Type.Array(text(512), {maxItems: 1000}),
    /** Whoever created or started it does not approve. */
    fourEyes: Type.Boolean(),
    window: Type.Optional(text(256)),
    /** The scheduler starts it when its window opens. */
    scheduled: Type.Boolean(),
    mailTo: Type.Optional(text(256)),
    /** Milliseconds that a server which is held or out of reach is waited for. */
    patienceMs: Type.Integer({minimum: 0}),
    items: Type.Array(rolloutItem, {maxItems: 1000}),
    createdBy: text(512),
    createdAt: moment,
    status: literals('planned', 'running', 'paused', 'done', 'failed', 'aborted', 'attention'),
    /** Why, in a sentence. */
    reason: Type.Optional(text()),
    /** What it waits for while it is paused, and before which wave. */
    pausedFor: Type.Optional(
      Type.Object(
        {
          kind: literals('operator', 'gate', 'checklist', 'window', 'busy', 'interrupted'),
          wave: Type.Optional(Type.Integer({minimum: 1})),
        },
        strict,
      ),
    ),
    /** When the scheduler goes on with it. */
    dueAt: Type.Optional(moment),
    wanted: literals('run', 'pause', 'abort'),
    startedBy: Type.Optional(text(512)),
    startedAt: Type.Optional(moment),
    endedAt: Type.Optional(moment),
    approvals: Type.Array(
      Type.Object({wave: Type.Integer({minimum: 1}), by: text(512), at: moment}, strict),
      {maxItems: 1000},
    ),
    /** Under which its servers are held for it. */
    lockId: Type.Optional(text(64)),
    /** The process at work, or the last one: an id of `rollouts/`. */
    leg: Type.Optional(text(64)),
    /** All of them, oldest first. */
    legs: Type.Array(text(64), {maxItems: 1000}),
    /** Frozen when it starts; empty before. */
    members: Type.Array(rolloutMember, {maxItems: 10_000}),
  },
  strict,
);

export type StoredRollout = Static<typeof rollout>;
export type StoredMember = Static<typeof rolloutMember>;
