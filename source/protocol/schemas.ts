import {type TSchema, Type} from '#typebox';
import type {Hold} from '../core/hold.js';
import type {FileRecord, ItemRecord, ItemRef, RowRecord} from '../core/item.js';
import type {ItemGroups} from '../core/item-group.js';
import type {Expectation, Operation} from '../core/plan.js';
import {limits} from './endpoint.js';

/*
 * Schemas of the shapes that core/ defines as types. `Type.Unsafe<T>` ties a schema to the core type, so
 * that what has been validated has that type and core/ needs no schema library.
 */

const strict = {additionalProperties: false} as const;
const hex64 = Type.String({pattern: '^[0-9a-f]{64}$'});
/** A digest: SHA-256 in hex, a shorter one for rows, or '' for folders and tombstones. */
const digest = Type.String({pattern: '^([0-9a-f]{32}|[0-9a-f]{64})?$'});
const vector = Type.String({
  pattern: '^([0-9a-z]+:[1-9][0-9]*(,[0-9a-z]+:[1-9][0-9]*)*)?$',
  maxLength: 64 * 1024,
});
const path = Type.String({minLength: 1, maxLength: limits.path});
const name = Type.String({minLength: 1, maxLength: 256});
const key = Type.Array(Type.String(), {minItems: 1, maxItems: 64});
const seq = Type.Integer({minimum: 0});
const unsafe = <T>(schema: TSchema) => Type.Unsafe<T>(schema);

export const fingerprintSchema = hex64;
export const siteNameSchema = Type.String({pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'});
export const runIdSchema = Type.String({pattern: '^[a-z0-9-]{8,64}$'});
export const fileKindSchema = Type.Union([
  Type.Literal('file'),
  Type.Literal('folder'),
  Type.Literal('link'),
]);

const fileRef = Type.Object(
  {type: Type.Literal('file'), path, rawPath: Type.Optional(Type.String())},
  strict,
);
const rowRef = Type.Object({type: Type.Literal('row'), table: name, key}, strict);
const tableRef = Type.Object({type: Type.Literal('table'), table: name}, strict);
export const itemRefSchema = unsafe<ItemRef>(Type.Union([fileRef, rowRef, tableRef]));

const fileRecord = Type.Object(
  {
    type: Type.Literal('file'),
    path,
    rawPath: Type.Optional(Type.String()),
    vector,
    deleted: Type.Boolean(),
    seq,
    kind: fileKindSchema,
    digest,
    size: Type.Integer({minimum: 0}),
    mtime: Type.String({pattern: '^-?[0-9]{1,20}$'}),
    mode: Type.Integer({minimum: 0, maximum: 0o777}),
    problem: Type.Optional(Type.String()),
  },
  strict,
);
const rowRecord = Type.Object(
  {type: Type.Literal('row'), table: name, key, vector, deleted: Type.Boolean(), seq, digest},
  strict,
);
const tableRecord = Type.Object(
  {
    type: Type.Literal('table'),
    table: name,
    vector,
    deleted: Type.Boolean(),
    seq,
    digest,
    rows: Type.Integer({minimum: 0}),
  },
  strict,
);
export const fileRecordSchema = unsafe<FileRecord>(fileRecord);
export const rowRecordSchema = unsafe<RowRecord>(rowRecord);
export const itemRecordSchema = unsafe<ItemRecord>(Type.Union([fileRecord, rowRecord, tableRecord]));

const expectation = Type.Union([
  Type.Object({state: Type.Literal('absent')}, strict),
  Type.Object(
    {
      state: Type.Literal('present'),
      kind: Type.Optional(fileKindSchema),
      digest,
      mode: Type.Optional(Type.Integer({minimum: 0, maximum: 0o777})),
    },
    strict,
  ),
]);
export const expectationSchema = unsafe<Expectation>(expectation);

const heldVersion = Type.Object({vector, digest, deleted: Type.Boolean()}, strict);
const heldVersions = Type.Array(heldVersion, {minItems: 1, maxItems: 1024});
const held = {
  hold: Type.Optional(Type.Object({runId: runIdSchema, others: heldVersions}, strict)),
};
export const holdSchema = unsafe<Hold>(
  Type.Object(
    {
      item: Type.Union([fileRef, rowRef, tableRef]),
      runId: runIdSchema,
      own: heldVersion,
      others: heldVersions,
    },
    strict,
  ),
);

/** Column → value in tagged text (agent/database/wire-value.ts). */
export const wireValuesSchema = Type.Record(
  Type.String({minLength: 1, maxLength: 256}),
  Type.Union([Type.String(), Type.Null()]),
);

export const operationSchema = unsafe<Operation>(
  Type.Union([
    Type.Object(
      {
        op: Type.Literal('put'),
        record: Type.Union([fileRecord, rowRecord]),
        expect: expectation,
        derived: Type.Optional(
          Type.Object({key, digest, changes: wireValuesSchema, here: Type.Boolean()}, strict),
        ),
        ...held,
      },
      strict,
    ),
    Type.Object({op: Type.Literal('touch'), record: fileRecord, expect: expectation, ...held}, strict),
    Type.Object(
      {
        op: Type.Literal('delete'),
        item: Type.Union([fileRef, rowRef, tableRef]),
        expect: expectation,
        vector,
        ...held,
      },
      strict,
    ),
    Type.Object(
      {op: Type.Literal('adopt'), item: Type.Union([fileRef, rowRef, tableRef]), expect: expectation, vector},
      strict,
    ),
    Type.Object(
      {
        op: Type.Literal('copy-table'),
        table: name,
        keyed: Type.Boolean(),
        expect: Type.Optional(expectation),
        ...held,
      },
      strict,
    ),
  ]),
);

const patterns = Type.Array(Type.String({minLength: 1, maxLength: 1024}), {maxItems: 10_000});
export const itemGroupsSchema = unsafe<ItemGroups>(
  Type.Record(
    Type.String({minLength: 1, maxLength: 64}),
    Type.Object(
      {
        include: patterns,
        exclude: patterns,
        rest: Type.Optional(Type.Boolean()),
        database: Type.Optional(Type.Boolean()),
      },
      strict,
    ),
  ),
);
