import {Type} from '#typebox';
import type {Change} from '../core/change.js';
import {endpoint, ndjson} from './endpoint.js';
import {strict, text} from './endpoint-schemas.js';
import {holdSchema, itemRecordSchema, itemRefSchema, operationSchema} from './schemas.js';

const historyEntry = {
  id: text(64),
  runId: text(64),
  at: text(64),
  item: itemRefSchema,
  action: Type.Union([Type.Literal('update'), Type.Literal('delete'), Type.Literal('create')]),
  restorable: Type.Boolean(),
};

const change = Type.Unsafe<Change>(
  Type.Object({
    ...historyEntry,
    before: Type.Optional(itemRecordSchema),
    after: Type.Optional(itemRecordSchema),
  }),
);

/** What runs changed here (E10), newest first. `item` is an `itemId` (core/item.ts). */
export const listHistory = endpoint({
  method: 'GET',
  path: '/v1/sites/:site/history',
  access: 'view',
  audited: false,
  query: Type.Object({runId: Type.Optional(text(64)), item: Type.Optional(text(limitsOfQuery()))}, strict),
  reply: ndjson(Type.Object(historyEntry)),
});

/** The change with that id, or the newest change of an item whose old version is kept; `null` for none. In the order asked. */
export const findChanges = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/history/find',
  access: 'view',
  audited: false,
  body: ndjson(Type.Union([Type.Object({id: text(64)}, strict), Type.Object({item: itemRefSchema}, strict)])),
  reply: ndjson(Type.Union([change, Type.Null()])),
});

/** Everything that a run changed here, newest first, after a line that says whether it was undone (X2). */
export const listRunChanges = endpoint({
  method: 'GET',
  path: '/v1/sites/:site/runs/:runId/changes',
  access: 'view',
  audited: false,
  reply: ndjson(
    Type.Union([
      Type.Object({type: Type.Literal('run'), undoneBy: Type.Union([text(64), Type.Null()])}),
      Type.Object({type: Type.Literal('change'), change}),
    ]),
  ),
});

/**
 * Stages content from this site's own history for operations of an undo or a restore: what was there before the change
 * with the id `entry`. A line `missing` names an operation, by its position, whose content is not kept any more.
 */
export const recallContent = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/runs/:runId/recall',
  access: 'operate',
  audited: true,
  body: ndjson(Type.Object({entry: text(64), operation: operationSchema}, strict)),
  reply: ndjson(
    Type.Union([
      Type.Object({type: Type.Literal('progress'), done: Type.Integer()}),
      Type.Object({type: Type.Literal('missing'), index: Type.Integer(), error: text()}),
      Type.Object({type: Type.Literal('recalled')}),
    ]),
  ),
});

/** Items that an undo put back here and that nobody has changed here since (core/hold.ts). */
export const listHolds = endpoint({
  method: 'GET',
  path: '/v1/sites/:site/holds',
  access: 'view',
  audited: false,
  reply: ndjson(holdSchema),
});

function limitsOfQuery(): number {
  return 8192;
}
