import {Type} from '#typebox';
import type {AfterSyncResult} from '../core/after-sync.js';
import type {OutcomeRun} from '../core/outcome-runs.js';
import type {OperationOutcome} from '../core/site-description.js';
import {endpoint, json, ndjson} from './endpoint.js';
import {nothing, strict, text} from './endpoint-schemas.js';
import {positionSchema} from './record-endpoints.js';
import {operationSchema, runIdSchema} from './schemas.js';

const holder = Type.Object({
  runId: text(64),
  by: text(256),
  since: text(64),
  work: Type.Optional(Type.Union([Type.Literal('update'), Type.Literal('agent-update')])),
});

/** `work` is absent for a run; an update of the site's service holds it as well, and one of the agent itself. */
export type LeaseHolder = {runId: string; by: string; since: string; work?: 'update' | 'agent-update'};

/** Takes or renews the lease of a site for a run. Lasts `leaseMs`; busy is SITE_BUSY with `details.holder`. */
export const takeLease = endpoint({
  method: 'PUT',
  path: '/v1/sites/:site/lease',
  access: 'operate',
  audited: true,
  body: json(Type.Object({runId: runIdSchema, by: text(256), purpose: text(64)}, strict)),
  reply: json(Type.Object({holder, leaseMs: Type.Integer()})),
});

export const releaseLease = endpoint({
  method: 'DELETE',
  path: '/v1/sites/:site/lease/:runId',
  access: 'operate',
  audited: true,
  reply: json(nothing),
});

const outcomeRun = Type.Object(
  {
    from: Type.Integer({minimum: 0}),
    count: Type.Integer({minimum: 0}),
    outcome: Type.Union([Type.Literal('applied'), Type.Literal('unchanged'), Type.Literal('skipped')]),
  },
  strict,
);

/**
 * Carries out a run's operations on this side: re-checks every expectation, moves what is replaced into history,
 * puts the staged files into place and applies rows in one transaction; all or, after a failure, nothing.
 * Answers one outcome per operation, in order. Idempotent by run id and `step`: a repeated call answers what the
 * first one did. With `strict` any unmet expectation refuses the whole commit (STALE_PLAN).
 */
export const commitRun = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/runs/:runId/commit/:step',
  access: 'operate',
  audited: true,
  body: ndjson(
    Type.Union([
      Type.Object(
        {
          strict: Type.Boolean(),
          by: text(256),
          /** Lineage that the database takes over with this commit (initial sync, adoption). */
          lineage: Type.Optional(text(64)),
          /** Recorded as this site's initial sync (E6). */
          initialSyncFrom: Type.Optional(text(512)),
          /** The run that this commit undoes or redoes here (X2). */
          undo: Type.Optional(
            Type.Object(
              {runId: runIdSchema, kind: Type.Union([Type.Literal('undo'), Type.Literal('redo')])},
              strict,
            ),
          ),
        },
        strict,
      ),
      operationSchema,
    ]),
  ),
  reply: ndjson(
    Type.Union([
      Type.Object({type: Type.Literal('progress'), done: Type.Integer(), total: Type.Integer()}),
      Type.Object({type: Type.Literal('outcome'), outcome: Type.Unsafe<OperationOutcome>(Type.Object({}))}),
      /** As many plain outcomes, one after the other (core/outcome-runs.ts). */
      Type.Object({type: Type.Literal('outcomes'), run: Type.Unsafe<OutcomeRun>(outcomeRun)}),
      Type.Object({
        type: Type.Literal('committed'),
        /** Positions before and after; when `before` is the scan's, the run may record `after` as seen. */
        files: Type.Object({before: positionSchema, after: positionSchema}),
        database: Type.Union([Type.Null(), Type.Object({before: positionSchema, after: positionSchema})]),
      }),
    ]),
  ),
});

/**
 * Takes the site's actions after a run that has changed it (E29, E32): commands and a web alert, all of them from
 * agent.json and none from the call. Idempotent by run id; a repeated call answers what the first one did.
 */
export const afterSync = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/runs/:runId/after-sync',
  access: 'operate',
  audited: true,
  reply: ndjson(
    Type.Union([
      Type.Object({type: Type.Literal('working')}),
      Type.Object({type: Type.Literal('result'), result: Type.Unsafe<AfterSyncResult>(Type.Object({}))}),
    ]),
  ),
});

/** Ends a run at this side: discards what is staged. Idempotent; part of every run's end, however it ended. */
export const endRun = endpoint({
  method: 'DELETE',
  path: '/v1/sites/:site/runs/:runId',
  access: 'operate',
  audited: true,
  reply: json(nothing),
});
