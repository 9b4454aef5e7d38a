import {type TSchema, Type} from '#typebox';
import type {
  RolloutLock,
  UpdateCheckReport,
  UpdateEvent,
  UpdateNotice,
  UpdateStatus,
} from '../core/update-status.js';
import {endpoint, json} from './endpoint.js';
import {moment, strict, text} from './endpoint-schemas.js';
import {releaseDigestSchema} from './release-manifest.js';
import {runIdSchema, siteNameSchema} from './schemas.js';

const mailAddress = Type.String({pattern: '^[^\\s@<>,;"]+@[^\\s@<>,;"]+$', maxLength: 256});

/** Only what a caller must be able to rely on is checked; the rest is the agent's word. */
export const updateStatusSchema = (site: TSchema) =>
  Type.Object({
    id: runIdSchema,
    site,
    state: text(32),
    step: text(64),
    from: text(256),
    to: text(256),
    startedAt: text(64),
    steps: Type.Array(Type.Object({step: text(64), title: text(256), state: text(16)}), {maxItems: 1000}),
    warnings: Type.Array(text(), {maxItems: 1000}),
    committed: Type.Boolean(),
  });
const status = Type.Unsafe<UpdateStatus>(updateStatusSchema(siteNameSchema));
const report = Type.Unsafe<UpdateCheckReport>(
  Type.Object({
    checks: Type.Array(
      Type.Object({
        name: text(64),
        outcome: Type.Union([Type.Literal('passed'), Type.Literal('warning'), Type.Literal('failed')]),
        message: text(),
      }),
      {maxItems: 1000},
    ),
    passed: Type.Boolean(),
    worstCaseMs: Type.Integer({minimum: 0}),
  }),
);
const event = Type.Unsafe<UpdateEvent>(
  Type.Object({seq: Type.Integer({minimum: 1}), at: text(64), type: text(16), step: text(64)}),
);
const notice = Type.Unsafe<UpdateNotice>(
  Type.Object({site: siteNameSchema, state: text(32), message: text()}),
);
const lock = Type.Unsafe<RolloutLock>(
  Type.Object({lockId: text(64), rolloutId: text(64), by: text(256), since: text(64)}),
);

/**
 * What is to run: the manifest of a release as it was signed, byte for byte, with its signature; or the SHA-256 under
 * which it was brought before (`putManifest`), for one that is too long for a call. And where the agent gets its archive
 * from: a `ReleaseSource`.
 */
export const offeredReleaseSchema = Type.Object(
  {
    manifest: Type.Optional(Type.String({minLength: 2, maxLength: 900_000})),
    signature: Type.Optional(text(16 * 1024)),
    digest: Type.Optional(releaseDigestSchema),
    source: Type.Record(Type.String({maxLength: 64}), Type.Unknown(), {maxProperties: 16}),
  },
  strict,
);

/**
 * When it may happen. `from`: the agent waits for it by itself; `until`: the users must be able to work again by then
 * even in the worst case, else the update ends `deferred` with nothing changed (U1).
 */
export const updateWindowSchema = Type.Object(
  {from: Type.Optional(moment), until: Type.Optional(moment)},
  strict,
);

/**
 * Checks everything that an update would need, and changes nothing (U15, `--dry-run`). Without a release only what does
 * not depend on it. What is wrong is a finding in the answer and no error.
 */
export const checkUpdate = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/update-check',
  access: 'operate',
  audited: false,
  body: json(
    Type.Object(
      {release: Type.Optional(offeredReleaseSchema), window: Type.Optional(updateWindowSchema)},
      strict,
    ),
  ),
  reply: json(report),
});

/**
 * Starts the update of a site's service; the agent carries it out by itself from then on. Idempotent by `id`: a
 * repeated call answers how that update stands. SITE_BUSY with `details.holder` when a run or another update holds
 * the site, or `details.lock` when another rollout has locked it; what the preflight finds is not thrown here but is how
 * the update then ends.
 */
export const startUpdate = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/updates',
  access: 'operate',
  audited: true,
  body: json(
    Type.Object(
      {
        id: runIdSchema,
        release: offeredReleaseSchema,
        by: text(256),
        /** The starter's address; told how it ended besides the administrator of agent.json (U12). */
        mailTo: Type.Optional(mailAddress),
        window: Type.Optional(updateWindowSchema),
        rolloutId: Type.Optional(runIdSchema),
        /** The lock under which the rollout holds the site. */
        lockId: Type.Optional(runIdSchema),
      },
      strict,
    ),
  ),
  reply: json(status),
});

/** The update in progress, else the last one; nothing for a site that was never updated. */
export const currentUpdate = endpoint({
  method: 'GET',
  path: '/v1/sites/:site/update',
  access: 'view',
  audited: false,
  reply: json(
    Type.Object({
      update: Type.Optional(status),
      lock: Type.Optional(lock),
      /** Whether agent.json of the site says how it is updated. */
      configured: Type.Boolean(),
    }),
  ),
});

/** Every update of a site that the agent remembers, newest first. */
export const listUpdates = endpoint({
  method: 'GET',
  path: '/v1/sites/:site/updates',
  access: 'view',
  audited: false,
  reply: json(Type.Object({updates: Type.Array(status, {maxItems: 1000})})),
});

/** How one update stands. @throws NOT_FOUND */
export const showUpdate = endpoint({
  method: 'GET',
  path: '/v1/sites/:site/updates/:update',
  access: 'view',
  audited: false,
  reply: json(status),
});

/** The events of an update after one that is known, oldest first; up to 500 at a time. */
export const readUpdateJournal = endpoint({
  method: 'GET',
  path: '/v1/sites/:site/updates/:update/journal',
  access: 'view',
  audited: false,
  query: Type.Object({after: Type.String({pattern: '^[0-9]{1,9}$'})}, strict),
  reply: json(Type.Object({events: Type.Array(event, {maxItems: 500})})),
});

/**
 * Aborts an update: at once before the service is stopped, by rolling back until the commit; after it
 * UPDATE_NOT_ABORTABLE. Answers at once; how it ends is asked with `showUpdate`.
 */
export const abortUpdate = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/updates/:update/abort',
  access: 'operate',
  audited: true,
  body: json(Type.Object({by: text(256)}, strict)),
  reply: json(status),
});

/**
 * Goes back to the version before an update that is done: the old folder comes back and, where the update had migrated
 * the data, the data from the backup made then (what is there now is backed up before). UPDATE_NOT_REVERSIBLE says why
 * that is not possible any more. Answers at once.
 */
export const rollBackUpdate = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/updates/:update/rollback',
  access: 'operate',
  audited: true,
  body: json(Type.Object({by: text(256), mailTo: Type.Optional(mailAddress)}, strict)),
  reply: json(status),
});

/** What a site can tell its users about an update (U4). The same stands in the file that agent.json names. */
export const showNotice = endpoint({
  method: 'GET',
  path: '/v1/sites/:site/notice',
  access: 'pinned',
  audited: false,
  reply: json(notice),
});

/**
 * Holds a site for a rollout, so that one at a time updates it (U16). Idempotent by `lockId`; `takeOver` names the lock
 * that it takes the place of. SITE_BUSY with `details.lock` otherwise. Lasts until it is released.
 */
export const lockForRollout = endpoint({
  method: 'PUT',
  path: '/v1/sites/:site/rollout-lock',
  access: 'operate',
  audited: true,
  body: json(
    Type.Object(
      {lockId: runIdSchema, rolloutId: runIdSchema, by: text(256), takeOver: Type.Optional(runIdSchema)},
      strict,
    ),
  ),
  reply: json(lock),
});

/** Gives a rollout's hold back; nothing happens when another one holds the site. */
export const unlockAfterRollout = endpoint({
  method: 'DELETE',
  path: '/v1/sites/:site/rollout-lock/:lock',
  access: 'operate',
  audited: true,
  reply: json(Type.Object({})),
});
