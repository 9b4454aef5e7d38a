import {Type} from '#typebox';
import type {BackupDescription} from '../core/site-description.js';
import {endpoint, json, ndjson} from './endpoint.js';
import {strict, text} from './endpoint-schemas.js';

const step = Type.String({pattern: '^[a-z0-9-]{1,64}$'});
const progress = Type.Object({type: Type.Literal('progress'), done: Type.Number(), total: Type.Number()});

const backup = Type.Unsafe<BackupDescription>(
  Type.Object({
    name: text(512),
    at: text(64),
    bytes: Type.Integer({minimum: 0}),
    by: text(256),
    runId: Type.Optional(text(64)),
    state: Type.Union([
      Type.Literal('good'),
      Type.Literal('damaged'),
      Type.Literal('gone'),
      Type.Literal('unknown'),
    ]),
  }),
);

/** The backups of a site's database (E16), newest first. */
export const listBackups = endpoint({
  method: 'GET',
  path: '/v1/sites/:site/backups',
  access: 'view',
  audited: false,
  reply: json(Type.Object({folder: text(), backups: Type.Array(backup, {maxItems: 100_000})})),
});

/**
 * Makes a backup of the site's database, before a step of a run changes it or by hand. Idempotent by run id and step: a
 * repeated call answers the backup that the first one made. Old backups go according to the site's configuration.
 */
export const createBackup = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/runs/:runId/backup',
  access: 'operate',
  audited: true,
  body: json(Type.Object({by: text(256), step: Type.Optional(step)}, strict)),
  reply: ndjson(Type.Union([progress, Type.Object({type: Type.Literal('made'), backup})])),
});

/**
 * Makes the site's database what a backup of it is. Needs the lease. With `afterStep` only when the commit of
 * that step of the run reached the database: that is how a run that fails takes back what it did; an interrupted commit
 * is settled first. Without it, what is there now is backed up before, where that can be done.
 */
export const restoreBackup = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/runs/:runId/restore',
  access: 'operate',
  audited: true,
  body: json(Type.Object({name: text(512), by: text(256), afterStep: Type.Optional(step)}, strict)),
  reply: ndjson(
    Type.Union([
      progress,
      Type.Object({
        type: Type.Literal('restored'),
        restored: Type.Boolean(),
        /** The backup of what was there before. */
        before: Type.Optional(backup),
        /** Why there is none. */
        warning: Type.Optional(text()),
      }),
    ]),
  ),
});
