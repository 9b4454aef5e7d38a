import {createHash} from 'node:crypto';
import {Agent} from 'node:https';
import type {Duplex} from 'node:stream';
import {connect, type TLSSocket} from 'node:tls';
import {OperatorError} from '../../core/operator-error.js';
import type {Identity} from '../identity.js';

/** The suites of TLS 1.3, the cheapest first: all of them are beyond reach, and a large file is nothing but this. */
export const ciphers = 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384';
/** Milliseconds for connecting and the TLS handshake together. */
const handshakeMs = 10_000;
/** Milliseconds after which an unused connection is closed: sooner than the agent does, so that none dies in use. */
const idleConnectionMs = 20_000;

export type PinnedAgentOptions = {
  /** SHA-256 of the certificate that must answer; undefined only to ask who is there (`certificateOf`). */
  readonly fingerprint: string | undefined;
  readonly identity?: Pick<Identity, 'certificate' | 'privateKey'>;
};

/**
 * Connections to one agent whose certificate is pinned. A connection is handed out only after the handshake has
 * shown the right certificate, so nothing, a pairing secret least of all, is ever sent to anyone else. TLS 1.3
 * only and never a resumed session, which would show no certificate (DESIGN.md, "Trust").
 */
export class PinnedAgent extends Agent {
  readonly #options: PinnedAgentOptions;
  /** DER of the certificate that answered last. */
  peerCertificate: Buffer | undefined;

  constructor(options: PinnedAgentOptions) {
    super({keepAlive: true, maxCachedSessions: 0, maxSockets: 64, timeout: idleConnectionMs});
    this.#options = options;
  }

  override createConnection(
    options: {host?: string | null; port?: string | number | null; signal?: AbortSignal},
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    const {fingerprint, identity} = this.#options;
    const host = options.host ?? '127.0.0.1';
    const socket = connect({
      host,
      port: Number(options.port),
      ...(identity ? {key: identity.privateKey, cert: identity.certificate} : {}),
      minVersion: 'TLSv1.3',
      ciphers,
      // Chains and names play no part: the fingerprint below is what decides.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ALPNProtocols: ['http/1.1'],
      ...(/^[\d.]+$|:/.test(host) ? {} : {servername: host}),
    });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 15_000);
    let settled = false;
    const settle = (error: Error | undefined) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      socket.off('error', settle);
      if (error) {
        // The error is already reported; what the dying socket still emits must not end the process.
        socket.on('error', () => {});
        socket.destroy();
      }
      callback?.(error ?? null, socket as Duplex);
    };
    const timer = setTimeout(
      () =>
        settle(
          Object.assign(new Error(`no TLS handshake within ${handshakeMs / 1000} s`), {code: 'ETIMEDOUT'}),
        ),
      handshakeMs,
    );
    socket.on('error', settle);
    socket.once('close', () =>
      settle(
        Object.assign(new Error('the connection was closed during the handshake'), {code: 'ECONNRESET'}),
      ),
    );
    socket.once('secureConnect', () => {
      const certificate = certificateBytes(socket);
      this.peerCertificate = certificate;
      const found = certificate ? createHash('sha256').update(certificate).digest('hex') : 'none';
      if (fingerprint === undefined || (found === fingerprint && !socket.isSessionReused()))
        settle(undefined);
      else settle(mismatch(`${host}:${options.port}`, fingerprint, found));
    });
    return undefined;
  }
}

function certificateBytes(socket: TLSSocket): Buffer | undefined {
  return socket.getPeerX509Certificate()?.raw;
}

function mismatch(address: string, expected: string, found: string): OperatorError {
  return new OperatorError(
    'CERTIFICATE_MISMATCH',
    `${address} shows another certificate (${found.slice(0, 16)}…) than the one that was pinned (${expected.slice(0, 16)}…).`,
    {
      hint: 'If the server made new keys, add it again with a new invitation; if nobody did, somebody else is answering there.',
      details: {expected, found},
    },
  );
}
