import {type Static, Type} from '#typebox';
import {longestInvitationMs} from '../core/longest-invitation.js';
import {endpoint, json} from './endpoint.js';
import {role, strict, text} from './endpoint-schemas.js';
import {fingerprintSchema, siteNameSchema} from './schemas.js';

/*
 * What an operator sees and decides about an agent's trust without a shell on its machine (E4, X1, X7). Looking needs
 * `operate`, because the answers name everybody who calls; deciding needs `admin`.
 */

const peerSchema = Type.Object({
  fingerprint: fingerprintSchema,
  name: text(256),
  role: Type.Union([role, Type.Literal('peer')]),
  sites: Type.Array(siteNameSchema),
  /** Sites whose content the agent exchanges with that peer by connections of its own. */
  outbound: Type.Optional(Type.Array(siteNameSchema)),
  /** ISO 8601, UTC. */
  addedAt: text(64),
});

/** A pinned certificate as an agent lists it. */
export type PinnedPeer = Static<typeof peerSchema>;

/** Whose certificates the agent has pinned, and as what. */
export const listPeers = endpoint({
  method: 'GET',
  path: '/v1/peers',
  access: 'operate',
  audited: false,
  reply: json(Type.Object({peers: Type.Array(peerSchema)})),
});

/** Pins a console's certificate by hand; pinning again replaces the role. */
export const pinConsole = endpoint({
  method: 'POST',
  path: '/v1/peers/pin',
  access: 'admin',
  audited: true,
  body: json(Type.Object({certificate: text(16 * 1024), name: text(256), role: role}, strict)),
  reply: json(Type.Object({peer: peerSchema})),
});

/** Forgets a pinned certificate; its holder is refused from the next request on. NOT_FOUND when there is none. */
export const revokePeer = endpoint({
  method: 'POST',
  path: '/v1/peers/revoke',
  access: 'admin',
  audited: true,
  body: json(Type.Object({fingerprint: fingerprintSchema}, strict)),
  reply: json(Type.Object({peer: peerSchema})),
});

/** Makes an invitation, as `lockstep agent invite` does on the machine itself. Milliseconds, at most a year. */
export const makeInvitation = endpoint({
  method: 'POST',
  path: '/v1/invitations',
  access: 'admin',
  audited: true,
  body: json(
    Type.Object({role: role, ttlMs: Type.Integer({minimum: 1000, maximum: longestInvitationMs})}, strict),
  ),
  reply: json(Type.Object({invitation: text(), expiresAt: text(64)})),
});

/** Entries of the audit log that one answer holds at most. */
export const auditPage = 500;

const auditEntrySchema = Type.Object({
  /** Numbers go up by one; a gap would be tampering. */
  seq: Type.Integer({minimum: 1}),
  /** ISO 8601, UTC, by the agent's clock. */
  at: text(64),
  kind: Type.Union([Type.Literal('call'), Type.Literal('refusal'), Type.Literal('command')]),
  what: text(),
  caller: Type.Optional(Type.Object({fingerprint: text(64), name: text(256), role: text(16)})),
  address: Type.Optional(text(256)),
  code: Type.Optional(text(64)),
  detail: Type.Optional(text(64 * 1024)),
  suppressed: Type.Optional(Type.Integer()),
});

/** One line of an agent's audit log. */
export type AuditEntry = Static<typeof auditEntrySchema>;

const auditVerdictSchema = Type.Union([
  Type.Object({kind: Type.Literal('whole'), entries: Type.Integer()}),
  Type.Object({
    kind: Type.Literal('tampered'),
    entries: Type.Integer(),
    line: Type.Integer(),
    detail: text(),
  }),
]);

/**
 * The newest entries of the audit log, newest first, before the entry `before` if it is named. With `verify` the whole
 * chain is checked too, which reads all of the log.
 */
export const readAudit = endpoint({
  method: 'GET',
  path: '/v1/audit',
  access: 'operate',
  audited: false,
  query: Type.Object(
    {
      limit: Type.Optional(Type.String({pattern: '^[1-9][0-9]{0,2}$'})),
      before: Type.Optional(Type.String({pattern: '^[1-9][0-9]{0,15}$'})),
      verify: Type.Optional(Type.Literal('yes')),
    },
    strict,
  ),
  reply: json(
    Type.Object({
      entries: Type.Array(auditEntrySchema, {maxItems: auditPage}),
      /** There are older ones. */
      more: Type.Boolean(),
      verdict: Type.Optional(auditVerdictSchema),
    }),
  ),
});
