import {Type} from '#typebox';
import type {SiteDescription} from '../core/site-description.js';
import {endpoint, json} from './endpoint.js';
import {address, pem, role, serverNumber, strict, text} from './endpoint-schemas.js';
import {fingerprintSchema, itemGroupsSchema, siteNameSchema} from './schemas.js';

export const siteDescriptionSchema = Type.Unsafe<SiteDescription>(
  Type.Object({
    name: siteNameSchema,
    version: text(256),
    staging: Type.Boolean(),
    allowForceInitial: Type.Boolean(),
    engine: Type.Union([
      Type.Literal('sqlite'),
      Type.Literal('postgres'),
      Type.Literal('mysql'),
      Type.Null(),
    ]),
    databaseId: Type.Optional(text(64)),
    tableGroups: Type.Optional(
      Type.Record(text(256), Type.Array(text(256), {maxItems: 10_000}), {maxProperties: 1000}),
    ),
    userTables: Type.Optional(Type.Array(text(256), {maxItems: 10_000})),
    groups: itemGroupsSchema,
    maxDelete: Type.Optional(Type.Number({minimum: 0, maximum: 100})),
    number: Type.Optional(serverNumber),
    initialSync: Type.Optional(Type.Object({at: text(64), from: text(512)})),
  }),
);

export const serverDescriptionSchema = Type.Object({
  name: text(256),
  serverId: text(64),
  version: text(64),
  fingerprint: fingerprintSchema,
  /** Milliseconds since the epoch by the agent's clock, for the skew check (E26). */
  clock: Type.Integer(),
  /** The role under which the caller is pinned. */
  role: Type.Union([role, Type.Literal('peer')]),
  sites: Type.Array(siteDescriptionSchema),
});

/** The only call that needs no pin: proves a one-time secret and is pinned for it (X1). Rate-limited. */
export const pair = endpoint({
  method: 'POST',
  path: '/v1/pair',
  access: 'anyone',
  audited: true,
  body: json(Type.Object({secret: text(256), name: text(256)}, strict)),
  reply: json(Type.Object({role, server: serverDescriptionSchema})),
});

/** Who the agent is and which sites it hosts. */
export const describeServer = endpoint({
  method: 'GET',
  path: '/v1/server',
  access: 'pinned',
  audited: false,
  reply: json(serverDescriptionSchema),
});

/**
 * Introduces another agent (X1, E5): pins its certificate as a peer that may act on `sites`; with those of `outbound`
 * this agent may exchange content with it by connections of its own, which gives the peer no right here (X7).
 * Idempotent; sites add up.
 */
export const introducePeer = endpoint({
  method: 'POST',
  path: '/v1/peers',
  access: 'admin',
  audited: true,
  body: json(
    Type.Object(
      {
        name: text(256),
        certificate: pem,
        sites: Type.Array(siteNameSchema, {maxItems: 256}),
        outbound: Type.Optional(Type.Array(siteNameSchema, {maxItems: 256})),
      },
      strict,
    ),
  ),
  reply: json(Type.Object({fingerprint: fingerprintSchema})),
});

/**
 * Takes back what an introduction gave, when the last relationship that needed it is deleted (X7). A peer that is left
 * with nothing is not pinned any more. Idempotent.
 */
export const withdrawPeer = endpoint({
  method: 'POST',
  path: '/v1/peers/withdraw',
  access: 'admin',
  audited: true,
  body: json(
    Type.Object(
      {
        fingerprint: fingerprintSchema,
        sites: Type.Array(siteNameSchema, {maxItems: 256}),
        outbound: Type.Array(siteNameSchema, {maxItems: 256}),
      },
      strict,
    ),
  ),
  reply: json(Type.Object({})),
});

/** Asks an agent to try its connection to another one; the four failures of E4 are four kinds. */
export const testPeer = endpoint({
  method: 'POST',
  path: '/v1/peers/test',
  access: 'view',
  audited: false,
  body: json(Type.Object({url: address, fingerprint: fingerprintSchema, site: siteNameSchema}, strict)),
  reply: json(
    Type.Object({
      kind: Type.Union([
        Type.Literal('connected'),
        Type.Literal('certificate-mismatch'),
        Type.Literal('no-endpoint'),
        Type.Literal('unknown-site'),
        Type.Literal('identity-refused'),
        Type.Literal('unreachable'),
      ]),
      detail: text(),
    }),
  ),
});
