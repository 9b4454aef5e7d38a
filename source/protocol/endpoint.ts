import type {Static, TSchema} from '#typebox';

/** Roles of a pinned certificate (X7). `peer` is an agent; the others are consoles, in rising order of right. */
export type Role = 'view' | 'operate' | 'admin' | 'peer';

/**
 * Who may call an endpoint. `anyone` is the pairing call only; `pinned` every pinned certificate;
 * the others name the least console role, or `site-peer`: an agent that is pinned for the site in the path
 * (console roles of at least `operate` may then call too).
 */
export type Access = 'anyone' | 'pinned' | 'view' | 'operate' | 'admin' | 'site-peer';

/**
 * One description per endpoint, shared by agent and client. `body` and `reply` say how the bytes travel:
 * a schema is one JSON document; `ndjson` is a stream of documents of that schema, one a line;
 * `frames` is a content stream (protocol/content-frames.ts).
 */
export type Endpoint<
  Path extends string = string,
  Body extends Payload | undefined = Payload | undefined,
  Reply extends Payload = Payload,
> = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: Path;
  readonly access: Access;
  /** Whether a call changes something and so belongs into the audit log (X7). */
  readonly audited: boolean;
  readonly query?: TSchema;
  readonly body?: Body;
  readonly reply: Reply;
};

export type Payload =
  | {readonly as: 'json'; readonly schema: TSchema}
  | {readonly as: 'ndjson'; readonly schema: TSchema}
  | {readonly as: 'frames'};

/** The TypeScript type that a payload carries: a value, or a stream of values. */
export type PayloadOf<P> = P extends {as: 'json'; schema: infer S extends TSchema}
  ? Static<S>
  : P extends {as: 'ndjson'; schema: infer S extends TSchema}
    ? AsyncIterable<Static<S>>
    : P extends {as: 'frames'}
      ? AsyncIterable<Uint8Array>
      : undefined;

export const json = <S extends TSchema>(schema: S) => ({as: 'json', schema}) as const;
export const ndjson = <S extends TSchema>(schema: S) => ({as: 'ndjson', schema}) as const;
export const frames = {as: 'frames'} as const;

/** Keeps the literal types of a description. */
export function endpoint<const E extends Endpoint>(description: E): E {
  return description;
}

/** Limits on everything that comes from outside. Bytes, unless the name says otherwise. */
export const limits = {
  /** One JSON document. */
  document: 1024 * 1024,
  /** One line of NDJSON: one record, one operation, one row. */
  line: 64 * 1024 * 1024,
  /** One NDJSON stream: some millions of records. */
  stream: 4 * 1024 * 1024 * 1024,
  /** Depth of nesting of any JSON. */
  depth: 32,
  /** Length of a path in its escaped text form. */
  path: 16 * 1024,
  /** Text of one file that a preview compares. */
  diffText: 512 * 1024,
} as const;
