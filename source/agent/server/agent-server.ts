import {constants} from 'node:crypto';
import {statSync} from 'node:fs';
import type {IncomingMessage} from 'node:http';
import type {Server as HttpsServer} from 'node:https';
import Fastify, {type FastifyError, type FastifyReply, type FastifyRequest} from 'fastify';
import type {Logger} from 'pino';
import {type ErrorCode, errorCodes} from '../../core/error-codes.js';
import {asOperatorError, OperatorError} from '../../core/operator-error.js';
import {limits} from '../../protocol/endpoint.js';
import {type Identity, readIdentitySync} from '../../protocol/identity.js';
import {contentTypes} from '../../protocol/transport/agent-connection.js';
import {parseJson} from '../../protocol/transport/json-text.js';
import {ciphers} from '../../protocol/transport/pinned-agent.js';
import {stir} from '../memory.js';
import type {AuditLog} from '../trust/audit-log.js';
import type {Pins} from '../trust/pins.js';
import {createRateLimit} from '../trust/rate-limit.js';
import {type Caller, identifyCaller} from './caller.js';

/** What every route needs of the server it is registered at. */
export type AgentServerOptions = {
  readonly dataFolder: string;
  readonly identity: Identity;
  readonly pins: Pins;
  readonly audit: AuditLog;
  readonly log: Logger;
  /** Whether a site of that name is hosted here. */
  readonly hasSite: (name: string) => boolean;
  /** Told that a call works on a site; the call is over when the returned function is called. */
  readonly enterSite: (name: string) => Promise<() => void>;
};

/** The HTTPS server of an agent; routes are added with `registerEndpoint` before it listens. */
export type AgentServer = ReturnType<typeof createAgentServer>;

/** What is written into the audit log as a refusal, wherever it was decided. */
const refusalCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'IDENTITY_REFUSED',
  'ROLE_REFUSED',
  'SITE_REFUSED',
  'INVITATION_REFUSED',
  'RATE_LIMITED',
]);
/** No route has a schema of Fastify's. */
const noCompiler = () => () => {
  throw new TypeError('no schemas are compiled here');
};
/** Milliseconds within which a whole JSON document must have arrived. */
const documentMs = 30_000;
/** Milliseconds for a sender that is answered early to read the answer before the connection is cut. */
const lingerMs = 2_000;

/**
 * Makes the server: TLS 1.3 with a certificate asked of every client and judged per request, no session that could
 * be resumed, and limits on whatever a stranger can send (DESIGN.md, "Trust").
 */
export function createAgentServer(options: AgentServerOptions) {
  const {pins, audit, log} = options;
  const fastify = Fastify({
    https: {
      ...tlsOptions(options.identity),
      requestCert: true,
      // The handshake completes for everyone, so that a stranger is told 401 and not "connection reset".
      rejectUnauthorized: false,
      handshakeTimeout: 10_000,
      headersTimeout: 15_000,
      // Bodies have limits of their own: a large transfer may take hours.
      requestTimeout: 0,
      keepAliveTimeout: 60_000,
      connectionsCheckingInterval: 5_000,
      noDelay: true,
    },
    bodyLimit: limits.document,
    forceCloseConnections: 'idle',
    routerOptions: {maxParamLength: 256},
    // What comes in and goes out is checked by our own schemas; Fastify's compilers for schemas are 4 MB of code.
    schemaController: {compilersFactory: {buildValidator: noCompiler, buildSerializer: noCompiler}},
    exposeHeadRoutes: false,
    logger: false,
  });
  fastify.server.maxConnections = 1024;
  const stopping = new AbortController();
  const refusals = createRateLimit({perKey: 60, overall: 300, windowMs: 60_000});
  let suppressed = 0;

  const identity = followIdentity(fastify.server, options, log);
  const server = {
    ...options,
    fastify,
    /** The identity as it is now: keys can be made anew while the agent runs. */
    get identity(): Identity {
      return identity();
    },
    /** Who sent a request, once that is known. */
    callers: new WeakMap<FastifyRequest, Caller>(),
    /** Aborted when the agent stops. */
    stopping: stopping.signal,
    /** Remembers a refusal; of a flood only the beginning, and how much was left out (X7). */
    async auditRefusal(request: FastifyRequest, error: OperatorError): Promise<void> {
      const caller = server.callers.get(request);
      const address = request.socket.remoteAddress ?? 'unknown';
      if (!refusals.take(address).allowed) {
        suppressed += 1;
        return;
      }
      const left = suppressed;
      suppressed = 0;
      await audit.append({
        kind: 'refusal',
        what: `${request.method} ${pathOf(request)}`,
        code: error.code,
        detail: error.message,
        address,
        ...(caller ? {caller: {fingerprint: caller.fingerprint, name: caller.name, role: caller.role}} : {}),
        ...(left > 0 ? {suppressed: left} : {}),
      });
    },
    /** Listens, and answers with the port. */
    async listen(host: string, port: number): Promise<number> {
      await fastify.listen({host, port});
      const address = fastify.server.address();
      return typeof address === 'object' && address ? address.port : port;
    },
    /** Stops accepting, lets what runs come to an end or interrupts it after `graceMs`, closes. */
    async close(graceMs = 10_000): Promise<void> {
      stopping.abort(new OperatorError('CONNECTION_LOST', 'The agent is being stopped.'));
      const hurry = setTimeout(() => fastify.server.closeAllConnections(), graceMs);
      await fastify.close();
      clearTimeout(hurry);
    },
  };

  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(contentTypes.json, {parseAs: 'buffer'}, async (_: unknown, body: Buffer) =>
    parseJson(body),
  );
  for (const type of [contentTypes.ndjson, contentTypes.frames])
    fastify.addContentTypeParser(type, async (_: unknown, body: IncomingMessage) => body);
  fastify.addHook('onRequest', async request => {
    stir();
    const document = request.headers['content-type']?.startsWith(contentTypes.json);
    if (document) expectWithin(request.raw, documentMs);
  });
  fastify.addHook('onResponse', async ({raw}) => {
    // Answered while the sender is still sending, most often a refusal. It is given a moment to read the answer and
    // is then cut off: draining a body that never ends would keep the connection for ever.
    if (raw.complete) return;
    setTimeout(() => {
      if (!raw.complete) raw.socket.destroy();
    }, lingerMs).unref();
  });
  fastify.setNotFoundHandler(async request => {
    // A stranger is not told which endpoints there are.
    identifyCaller(request.raw, 'pinned', pins);
    throw new OperatorError(
      'NO_SUCH_ENDPOINT',
      `${request.method} ${pathOf(request)} is no endpoint of this agent.`,
      {
        hint: 'The agent may be older than the console: `lockstep doctor` compares the versions.',
      },
    );
  });
  fastify.setErrorHandler(async (thrown: FastifyError, request, reply) => {
    const error = toOperatorError(thrown);
    if (refusalCodes.has(error.code)) {
      // That the log cannot be written must not turn into a way in.
      await server
        .auditRefusal(request, error)
        .catch((err: unknown) => log.error({err}, 'the audit log cannot be written'));
    }
    if (error.code === 'INTERNAL' || error.code === 'FILE_FAILED')
      log.error(
        {err: thrown, method: request.method, path: pathOf(request)},
        error.code === 'INTERNAL' ? 'defect' : error.message,
      );
    else log.debug({code: error.code, method: request.method, path: pathOf(request)}, error.message);
    sendError(reply, error);
    return reply;
  });
  return server;
}

/** The path without its query, cut to what a log should hold. */
export function pathOf(request: FastifyRequest): string {
  return (request.url.split('?', 1)[0] ?? '').slice(0, 512);
}

function sendError(reply: FastifyReply, error: OperatorError): void {
  void reply
    .code(errorCodes[error.code].http)
    .header('content-type', contentTypes.json)
    .send(JSON.stringify({error: error.toDocument()}));
}

function expectWithin(request: IncomingMessage, ms: number): void {
  const timer = setTimeout(() => {
    if (!request.complete) request.socket.destroy();
  }, ms);
  timer.unref();
  request.once('end', () => clearTimeout(timer));
  request.once('close', () => clearTimeout(timer));
}

function toOperatorError(thrown: FastifyError): OperatorError {
  if (thrown instanceof OperatorError) return thrown;
  if (thrown.statusCode === 413)
    return new OperatorError('LIMIT_EXCEEDED', 'The body is too large.', {cause: thrown});
  if (thrown.statusCode !== undefined && thrown.statusCode >= 400 && thrown.statusCode < 500)
    return new OperatorError('BAD_REQUEST', thrown.message, {cause: thrown});
  return asOperatorError(thrown);
}

function tlsOptions(identity: Pick<Identity, 'certificate' | 'privateKey'>) {
  return {
    key: identity.privateKey,
    cert: identity.certificate,
    minVersion: 'TLSv1.3',
    ciphers,
    secureOptions: constants.SSL_OP_NO_TICKET,
    sessionTimeout: 1,
  } as const;
}

/**
 * New keys are used from the next connection on, whoever made them (`cert regenerate` is another process);
 * connections under the old certificate are closed as soon as they are idle.
 * @returns the identity as it is now.
 */
function followIdentity(server: HttpsServer, options: AgentServerOptions, log: Logger): () => Identity {
  let current = options.identity;
  let seen = markOf(current.path);
  const refresh = () => {
    const mark = markOf(current.path);
    if (mark === seen) return;
    try {
      const next = readIdentitySync(options.dataFolder);
      server.setSecureContext(tlsOptions(next));
      current = next;
      seen = mark;
      server.closeIdleConnections();
      log.info({fingerprint: next.fingerprint}, 'now using the new certificate');
    } catch (err) {
      // Key and certificate are exchanged one after the other; the next connection tries again.
      log.warn({err}, 'the new certificate cannot be used yet');
    }
  };
  server.prependListener('connection', refresh);
  return () => {
    refresh();
    return current;
  };
}

function markOf(path: string): string {
  const stats = statSync(path, {bigint: true, throwIfNoEntry: false});
  return stats ? `${stats.ino}:${stats.mtimeNs}` : '';
}
