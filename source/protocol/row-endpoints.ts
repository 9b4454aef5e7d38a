import {Type} from '#typebox';
import type {Selected} from '../core/selection.js';
import {endpoint, json, ndjson} from './endpoint.js';
import {decimal, nothing, serverNumber, strict, text} from './endpoint-schemas.js';
import {itemRecordSchema, itemRefSchema, wireValuesSchema} from './schemas.js';

/**
 * Exact values of some columns of rows and, with `changes`, the digest that each would have with those (E18); `null` for
 * a row that is gone. In the order asked.
 */
export const identifyRows = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/identify',
  access: 'view',
  audited: false,
  body: ndjson(
    Type.Object(
      {row: itemRefSchema, columns: Type.Array(text(256), {maxItems: 64}), changes: wireValuesSchema},
      strict,
    ),
  ),
  reply: ndjson(
    Type.Union([
      Type.Null(),
      Type.Object({digest: text(64), values: wireValuesSchema, changedDigest: text(64)}),
    ]),
  ),
});

/** Keys of rows that hold given values, as the database compares them (E18), at most ten. In the order asked. */
export const findRows = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/find',
  access: 'view',
  audited: false,
  body: ndjson(Type.Object({table: text(256), values: wireValuesSchema}, strict)),
  reply: ndjson(Type.Object({keys: Type.Array(Type.Array(Type.String()))})),
});

/** Tells the user whose row was renamed by e-mail (E18), from the site where the row was made. */
export const notifyUser = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/notify',
  access: 'operate',
  audited: true,
  body: json(
    Type.Object(
      {
        table: text(256),
        key: Type.Array(text(), {minItems: 1, maxItems: 64}),
        kind: text(256),
        original: text(),
        modified: text(),
      },
      strict,
    ),
  ),
  /** `waits` says why the mail is tried again later. */
  reply: json(Type.Object({to: text(512), waits: Type.Optional(text())})),
});

/** Gives a site the number of its server (E25). From the next scan on its database issues ids of that number. */
export const setNumber = endpoint({
  method: 'PUT',
  path: '/v1/sites/:site/number',
  access: 'operate',
  audited: true,
  body: json(Type.Object({number: serverNumber}, strict)),
  reply: json(nothing),
});

/** The columns whose ids a site's database issues (E25). */
export const listIds = endpoint({
  method: 'GET',
  path: '/v1/sites/:site/ids',
  access: 'view',
  audited: false,
  reply: ndjson(
    Type.Object({
      table: text(256),
      column: text(256),
      steered: Type.Boolean(),
      highest: decimal,
      limit: decimal,
      next: Type.Optional(decimal),
      block: Type.Optional(Type.Object({from: decimal, to: decimal})),
    }),
  ),
});

/** What an operator should know of a site's database as it is made, one sentence a line (`doctor`). */
export const listNotes = endpoint({
  method: 'GET',
  path: '/v1/sites/:site/notes',
  access: 'view',
  audited: false,
  reply: ndjson(Type.Object({note: text(4096)})),
});

/**
 * Live rows that reference any of the named rows, directly or through other such rows, found by foreign keys.
 * Each line names the child and the parent it was found by.
 */
export const listChildren = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/children',
  access: 'view',
  audited: false,
  body: ndjson(itemRefSchema),
  reply: ndjson(Type.Object({child: itemRecordSchema, parent: itemRefSchema})),
});

/**
 * Live rows that the named live rows reference, directly or indirectly (the parents a new row needs).
 */
export const listParents = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/parents',
  access: 'view',
  audited: false,
  body: ndjson(itemRefSchema),
  reply: ndjson(Type.Object({child: itemRefSchema, parent: itemRecordSchema})),
});

/**
 * What belongs to a selection here (E20–E22): the selected rows and files, what refers to the rows and what they
 * mention; `of` counts the selected things from 0. An item that is known to be gone comes as its tombstone.
 */
export const expandSelection = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/selection',
  access: 'view',
  audited: false,
  body: ndjson(
    Type.Unsafe<Selected>(
      Type.Union([
        Type.Object(
          {
            kind: Type.Union([Type.Literal('content'), Type.Literal('folder')]),
            key: Type.Array(text(), {minItems: 1, maxItems: 64}),
          },
          strict,
        ),
        Type.Object({kind: Type.Literal('file'), path: text(16 * 1024)}, strict),
      ]),
    ),
  ),
  reply: ndjson(
    Type.Union([
      Type.Object({type: Type.Literal('member'), of: Type.Integer(), record: itemRecordSchema}),
      Type.Object({type: Type.Literal('unknown'), of: Type.Integer(), reason: text()}),
    ]),
  ),
});
