import {Type} from '#typebox';
import type {ScanResult} from '../core/site-description.js';
import {endpoint, json, ndjson} from './endpoint.js';
import {strict, text} from './endpoint-schemas.js';
import {itemGroupsSchema, itemRecordSchema, itemRefSchema} from './schemas.js';

const progress = Type.Object({
  type: Type.Literal('progress'),
  done: Type.Integer(),
  total: Type.Optional(Type.Integer()),
  unit: text(16),
});

/** Brings the file index and the row versions up to date. Safe to call at any time; concurrent calls share one scan. */
export const scanSite = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/scan',
  access: 'view',
  audited: false,
  body: json(
    Type.Object(
      {
        files: Type.Boolean(),
        database: Type.Boolean(),
        /** An emptied or changed root is taken as meant (`--max-delete 100%`). */
        acceptRoot: Type.Optional(Type.Boolean()),
        /** Every row is compared with its version (`run --verify`). */
        verify: Type.Optional(Type.Boolean()),
      },
      strict,
    ),
  ),
  reply: ndjson(
    Type.Union([
      progress,
      Type.Object({type: Type.Literal('scanned'), result: Type.Unsafe<ScanResult>(Type.Object({}))}),
    ]),
  ),
});

/** Where a change stream is read from: everything with a higher sequence number of that epoch; another epoch or 0 is everything. */
export const positionSchema = Type.Object({epoch: text(64), seq: Type.Integer({minimum: 0})}, strict);

export type Position = {epoch: string; seq: number};

/** Records changed since the given positions, in `compareItems` order; a part that is absent is not listed. */
export const listChanges = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/changes',
  access: 'view',
  audited: false,
  body: json(
    Type.Object({files: Type.Optional(positionSchema), database: Type.Optional(positionSchema)}, strict),
  ),
  reply: ndjson(itemRecordSchema),
});

/** The records of named items, in the order asked; `null` for an item never known. */
export const lookUpItems = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/items',
  access: 'view',
  audited: false,
  body: ndjson(itemRefSchema),
  reply: ndjson(Type.Union([itemRecordSchema, Type.Null()])),
});

/** Live items below the named folders, for the question what a folder that is to go still holds. Path order within each. */
export const listInside = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/inside',
  access: 'view',
  audited: false,
  body: json(Type.Object({paths: Type.Array(text(16 * 1024), {maxItems: 10_000})}, strict)),
  reply: ndjson(itemRecordSchema),
});

const scope = Type.Object(
  {
    groups: itemGroupsSchema,
    items: Type.Array(text(64), {maxItems: 256}),
    filter: Type.Unsafe<import('../core/profile.js').FileFilter>(
      Type.Object({kind: text(16), patterns: Type.Optional(Type.Array(text()))}),
    ),
  },
  strict,
);

/** Live items of a scope, for the deletion guard (E34). */
export const countItems = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/count',
  access: 'view',
  audited: false,
  body: json(Type.Object({scope}, strict)),
  reply: json(Type.Object({files: Type.Integer(), rows: Type.Integer()})),
});

/** Column values of rows and text of small files, for the eye only: values are cut, binary is described (E13). */
export const showItems = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/show',
  access: 'view',
  audited: false,
  body: ndjson(itemRefSchema),
  reply: ndjson(
    Type.Union([
      Type.Object({
        type: Type.Literal('row'),
        columns: Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()])),
      }),
      Type.Object({type: Type.Literal('text'), text: Type.String()}),
      Type.Object({type: Type.Literal('binary'), description: Type.String()}),
      Type.Object({type: Type.Literal('absent')}),
    ]),
  ),
});
