import writeFileAtomic from 'write-file-atomic';
import type {AgentClient} from '../client/agent-client.js';
import {readCertificateFile} from '../protocol/certificate-file.js';
import {fingerprintOf, type Identity, regenerateIdentity, subjectOf} from '../protocol/identity.js';
import {
  type AuditEntry,
  listPeers,
  makeInvitation,
  type PinnedPeer,
  pinConsole,
  readAudit,
  revokePeer,
} from '../protocol/trust-endpoints.js';
import type {ServerEntry, ServerVerbs} from './engine.js';
import {type EngineContext, findServer} from './engine-context.js';
import {notWritable} from './not-writable.js';

export type {AuditEntry, PinnedPeer};

/** What a console may be invited or pinned as. */
export type ConsoleRole = 'view' | 'operate' | 'admin';

/** Whether the chain of an audit log is what was written. */
export type AuditVerdict =
  | {kind: 'whole'; entries: number}
  | {kind: 'tampered'; entries: number; line: number; detail: string};

/** The console's own certificate; the key is never shown. */
export type OwnIdentity = {
  fingerprint: string;
  /** Who the certificate says it belongs to. */
  name: string;
  /** ISO 8601, UTC. */
  notAfter: string;
  path: string;
};

/**
 * Trust as an operator sees it from the console (E4, X1, X7). Verbs that name a server throw NOT_FOUND, ROLE_REFUSED
 * and the failures of a connection.
 */
export type TrustVerbs = {
  own(): Promise<OwnIdentity>;
  /** Makes new keys and discards the old ones: every server refuses this console until it is paired anew. */
  regenerateOwn(): Promise<OwnIdentity>;
  /** Writes a certificate, never a key: the console's own, or that of a server. */
  export(file: string, server?: string): Promise<{path: string; fingerprint: string}>;
  /** Whose certificates a server has pinned; `own` marks this console. */
  peers(server: string): Promise<readonly (PinnedPeer & {own: boolean})[]>;
  /** Pins the certificate in a file as a console's; pinning again replaces the role. */
  pin(server: string, file: string, options: {role: ConsoleRole; name?: string}): Promise<PinnedPeer>;
  /** Pins the certificate in a file as a server's: a new one, with its address, or the one of that name (E4). */
  pinServer(file: string, options: {name?: string; url?: string}): Promise<ServerEntry>;
  revoke(server: string, fingerprint: string): Promise<PinnedPeer>;
  invite(
    server: string,
    options: {role: ConsoleRole; ttlMs: number},
  ): Promise<{invitation: string; expiresAt: string}>;
  /** Newest first; of what is older than the entry `before`. With `verify` the whole chain is checked. */
  audit(
    server: string,
    options?: {limit?: number; before?: number; verify?: boolean},
  ): Promise<{entries: readonly AuditEntry[]; more: boolean; verdict?: AuditVerdict}>;
};

export function createTrust(context: EngineContext, servers: Pick<ServerVerbs, 'trust'>): TrustVerbs {
  const at = async <T>(server: string, work: (client: AgentClient) => Promise<T>): Promise<T> => {
    const client = await context.connect(findServer(await context.state.read(), server));
    try {
      return await work(client);
    } finally {
      client.close();
    }
  };
  return {
    own: async () => describeOwn(await context.identity()),

    async regenerateOwn() {
      const {certificate} = await context.identity();
      return describeOwn(await regenerateIdentity(context.home, subjectOf(certificate)));
    },

    async export(file, server) {
      const certificate =
        server === undefined
          ? (await context.identity()).certificate
          : await at(server, client => client.certificate());
      await writeCertificate(file, certificate);
      return {path: file, fingerprint: fingerprintOf(certificate)};
    },

    async peers(server) {
      const {fingerprint} = await context.identity();
      const {peers} = await at(server, client => client.call(listPeers, {}));
      return peers.map(peer => ({...peer, own: peer.fingerprint === fingerprint}));
    },

    async pin(server, file, {role, name}) {
      const certificate = await readCertificateFile(file);
      const {peer} = await at(server, client =>
        client.call(pinConsole, {body: {certificate, role, name: name ?? subjectOf(certificate)}}),
      );
      return peer;
    },

    async pinServer(file, {name, url}) {
      const certificate = await readCertificateFile(file);
      return servers.trust(certificate, {
        name: name ?? subjectOf(certificate),
        ...(url === undefined ? {} : {url}),
      });
    },

    async revoke(server, fingerprint) {
      return (await at(server, client => client.call(revokePeer, {body: {fingerprint}}))).peer;
    },

    invite: (server, options) => at(server, client => client.call(makeInvitation, {body: options})),

    audit: (server, {limit, before, verify = false} = {}) =>
      at(server, client =>
        client.call(readAudit, {
          query: {
            ...(limit === undefined ? {} : {limit: String(limit)}),
            ...(before === undefined ? {} : {before: String(before)}),
            ...(verify ? {verify: 'yes'} : {}),
          },
        }),
      ),
  };
}

function describeOwn({certificate, fingerprint, notAfter, path}: Identity): OwnIdentity {
  return {fingerprint, name: subjectOf(certificate), notAfter, path};
}

async function writeCertificate(file: string, certificate: string): Promise<void> {
  try {
    await writeFileAtomic(file, certificate, {mode: 0o644});
  } catch (cause) {
    throw notWritable(file, cause);
  }
}
