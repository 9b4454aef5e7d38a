import {Type} from '#typebox';
import type {UpdateStatus} from '../core/update-status.js';
import {endpoint, frames, json} from './endpoint.js';
import {strict} from './endpoint-schemas.js';
import {keptReleaseSchema, signatureQuery} from './release-endpoints.js';
import {runIdSchema} from './schemas.js';
import {offeredReleaseSchema, updateStatusSchema} from './update-endpoints.js';

/*
 * The update of the agent itself (U13): a release of Lockstep is brought and its update is started as those of a site's
 * server. What an agent runs is its server's matter, so that all of it but looking needs `admin` and agent.json.
 */

const status = Type.Unsafe<UpdateStatus>(updateStatusSchema(Type.Literal('@agent')));

/** The version that runs, and the update in progress, else the last one. */
export const showAgentUpdate = endpoint({
  method: 'GET',
  path: '/v1/agent/update',
  access: 'view',
  audited: false,
  reply: json(
    Type.Object({
      version: Type.String({maxLength: 64}),
      /** Whether agent.json lets consoles update the agent. */
      allowed: Type.Boolean(),
      update: Type.Optional(status),
    }),
  ),
});

/**
 * Starts the update of the agent to a release; the agent carries it out by itself from then on, and is replaced by the
 * new version in the course of it. Idempotent by `id`. UPDATE_NOT_CONFIGURED, SITE_BUSY while a run or an update is at
 * work on any of its sites or a rollout holds one.
 */
export const startAgentUpdate = endpoint({
  method: 'POST',
  path: '/v1/agent/updates',
  access: 'admin',
  audited: true,
  body: json(
    Type.Object({id: runIdSchema, release: offeredReleaseSchema, by: Type.String({maxLength: 256})}, strict),
  ),
  reply: json(status),
});

export const findAgentUpdate = endpoint({
  method: 'GET',
  path: '/v1/agent/updates/:update',
  access: 'view',
  audited: false,
  reply: json(status),
});

/** As `describeKeptRelease` for the agent itself. */
export const describeAgentRelease = endpoint({
  method: 'GET',
  path: '/v1/agent/releases/:release',
  access: 'view',
  audited: false,
  reply: json(Type.Object({known: Type.Boolean(), archiveBytes: Type.Integer({minimum: 0})})),
});

/** As `putManifest` for the agent itself. */
export const putAgentManifest = endpoint({
  method: 'PUT',
  path: '/v1/agent/releases/:release/manifest',
  access: 'admin',
  audited: true,
  query: signatureQuery,
  body: frames,
  reply: json(keptReleaseSchema),
});

/** As `putArchive` for the agent itself. */
export const putAgentArchive = endpoint({
  method: 'PUT',
  path: '/v1/agent/releases/:release/archive',
  access: 'admin',
  audited: true,
  query: Type.Object({from: Type.String({pattern: '^[0-9]{1,15}$'})}, strict),
  body: frames,
  reply: json(keptReleaseSchema),
});
