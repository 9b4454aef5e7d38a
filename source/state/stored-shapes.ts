import {type TSchema, Type} from '#typebox';
import {maxServers} from '../core/id-blocks.js';

/* Shapes that several things in `state.json` are made of. */

export const strict = {additionalProperties: false} as const;
export const text = (maxLength = 4096) => Type.String({maxLength});
export const literals = <const T extends readonly string[]>(...values: T) =>
  Type.Unsafe<T[number]>(Type.Union(values.map(value => Type.Literal(value)) as TSchema[]));
/** What a server, a relationship or a profile may be called. */
export const name = Type.String({minLength: 1, maxLength: 128});
export const fingerprint = Type.String({pattern: '^[0-9a-f]{64}$'});
export const serverNumber = Type.Integer({minimum: 1, maximum: maxServers});
export const siteAddress = Type.Object({server: name, site: name}, strict);
const position = Type.Object({epoch: text(64), seq: Type.Integer({minimum: 0})}, strict);
const sidePositions = Type.Object(
  {
    files: Type.Optional(position),
    database: Type.Optional(position),
    /** The tables that took part (engine/table-set.ts). */
    tables: Type.Optional(text(64)),
  },
  strict,
);
export const patterns = Type.Array(Type.String({minLength: 1, maxLength: 1024}), {maxItems: 10_000});

export const pairPositions = Type.Object({local: sidePositions, remote: sidePositions}, strict);

/** What the scheduler remembers of a profile; made when the schedule is saved, so that nothing earlier is due. */
export const scheduling = Type.Object(
  {
    /** Starts up to this moment are dealt with. ISO 8601. */
    handled: text(64),
    /** When a scheduled run last compared everything anew. */
    verifiedAt: Type.Optional(text(64)),
    /** A start that was taken and whose run may not exist yet; `by` tells the process that took it. */
    starting: Type.Optional(
      Type.Object(
        {
          due: text(64),
          runId: text(64),
          verify: Type.Boolean(),
          takenAt: text(64),
          by: Type.Object({host: text(256), pid: Type.Integer(), startedAt: text(64)}, strict),
        },
        strict,
      ),
    ),
  },
  strict,
);
