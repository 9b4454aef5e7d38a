import {createHash} from 'node:crypto';
import type {IncomingMessage} from 'node:http';
import {Readable} from 'node:stream';
import {setTimeout as delay} from 'node:timers/promises';
import type {FastifyReply, FastifyRequest} from 'fastify';
import type {Static, TSchema} from '#typebox';
import {OperatorError} from '../../core/operator-error.js';
import type {Endpoint, Payload, PayloadOf} from '../../protocol/endpoint.js';
import {runIdSchema, siteNameSchema} from '../../protocol/schemas.js';
import {contentTypes, type ParamsOf} from '../../protocol/transport/agent-connection.js';
import {decodeLines, encodeLines} from '../../protocol/transport/ndjson.js';
import {validate} from '../../protocol/transport/validate.js';
import {type AgentServer, pathOf} from './agent-server.js';
import {authorize, type Caller, identifyCaller} from './caller.js';
import {receiveBody} from './request-body.js';

/** What a handler is given; everything in it has been checked against the endpoint's schemas. */
export type EndpointRequest<E extends Endpoint> = {
  readonly params: ParamsOf<E['path']> extends infer Params
    ? unknown extends Params
      ? Record<never, never>
      : Params
    : never;
  readonly query: E['query'] extends TSchema ? Static<E['query']> : undefined;
  /** A value, or a stream that is read as it comes and validated line by line. */
  readonly body: E['body'] extends Payload ? PayloadOf<E['body']> : undefined;
  readonly caller: Caller;
  /** Aborted when the caller goes away or the agent stops. */
  readonly signal: AbortSignal;
};

/** Answers a call with its value, or with a stream. OperatorErrors become error documents. */
export type EndpointHandler<E extends Endpoint> = (
  request: EndpointRequest<E>,
) => PayloadOf<E['reply']> | Promise<PayloadOf<E['reply']>>;

/** A stream's first item is waited for this long, so that an early failure still gets an HTTP status. */
const firstItemMs = 2_000;

/** Adds an endpoint to the server: trust, limits, validation and audit are the same for all. */
export function registerEndpoint<E extends Endpoint>(
  server: AgentServer,
  endpoint: E,
  handler: EndpointHandler<E>,
): void {
  server.fastify.route({
    method: endpoint.method,
    url: endpoint.path,
    async onRequest(request) {
      // Before a byte of the body is read: a stranger's body is nobody's business.
      const caller = identifyCaller(request.raw, endpoint.access, server.pins);
      server.callers.set(request, caller);
      const params = request.params as Record<string, string>;
      checkParams(params);
      authorize(caller, endpoint.access, params.site);
      if (params.site !== undefined && !server.hasSite(params.site))
        throw new OperatorError('UNKNOWN_SITE', `This server hosts no site ${params.site}.`, {
          hint: '`lockstep agent status --data DIR` on the server lists its sites; `lockstep agent site add` adds one.',
        });
      checkContentType(endpoint.body, request);
    },
    async handler(request, reply) {
      const caller = server.callers.get(request);
      if (!caller) throw new Error('a request without a caller');
      if (endpoint.query) validate(endpoint.query, request.query, 'The query');
      const body = readBody(endpoint.body, request);
      const {site} = request.params as {site?: string};
      if (site !== undefined) await holdSite(server, site, reply);
      if (endpoint.audited) await auditCall(server, endpoint, request, caller);
      const aborter = new AbortController();
      const stop = () => aborter.abort(server.stopping.reason);
      server.stopping.addEventListener('abort', stop, {once: true});
      reply.raw.once('close', () => {
        server.stopping.removeEventListener('abort', stop);
        if (!reply.raw.writableFinished)
          aborter.abort(new OperatorError('CONNECTION_LOST', 'The caller went away.'));
      });
      const value = await handler({
        params: request.params,
        query: endpoint.query ? request.query : undefined,
        body,
        caller,
        signal: aborter.signal,
      } as EndpointRequest<E>);
      return sendReply(server, endpoint.reply, value, request, reply);
    },
  });
}

/** The call works on the site until its answer is sent or its connection is gone. */
async function holdSite(server: AgentServer, site: string, reply: FastifyReply): Promise<void> {
  const leave = await server.enterSite(site);
  if (reply.raw.closed) leave();
  else reply.raw.once('close', leave);
}

function checkParams(params: Record<string, string>): void {
  if (params.site !== undefined) validate(siteNameSchema, params.site, 'The name of the site');
  if (params.runId !== undefined) validate(runIdSchema, params.runId, 'The id of the run');
  for (const id of [params.update, params.lock]) if (id !== undefined) validate(runIdSchema, id, 'The id');
  if (params.step !== undefined && !/^[a-z0-9-]{1,64}$/.test(params.step))
    throw new OperatorError('BAD_REQUEST', 'The name of the step is not valid.');
}

function checkContentType(payload: Payload | undefined, request: FastifyRequest): void {
  const found = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (payload ? found !== contentTypes[payload.as] : found !== undefined)
    throw new OperatorError(
      'BAD_REQUEST',
      `The body must be ${payload ? contentTypes[payload.as] : 'empty'}.`,
    );
}

function readBody(payload: Payload | undefined, request: FastifyRequest): unknown {
  if (!payload) return undefined;
  if (payload.as === 'json') {
    validate(payload.schema, request.body, 'The body');
    return request.body;
  }
  const bytes = receiveBody(request.body as IncomingMessage);
  return payload.as === 'frames' ? bytes : decodeLines(bytes, payload.schema);
}

async function sendReply(
  server: AgentServer,
  payload: Payload,
  value: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  reply.header('content-type', contentTypes[payload.as]);
  if (payload.as === 'json') return reply.send(JSON.stringify(value));
  const items = await afterFirst(value as AsyncIterable<unknown>);
  const onError = (err: unknown) => {
    const expected = err instanceof OperatorError && err.code !== 'INTERNAL';
    server.log[expected ? 'info' : 'error'](
      {err, method: request.method, path: pathOf(request)},
      'stream failed',
    );
  };
  if (payload.as === 'ndjson') return reply.send(encodeLines(items, onError));
  const stream = Readable.from(items as AsyncIterable<Uint8Array>, {
    objectMode: false,
    highWaterMark: 256 * 1024,
  });
  stream.once('error', onError);
  return reply.send(stream);
}

/** The same stream, begun: throws here what it throws before its first item, if that happens soon. */
async function afterFirst(source: AsyncIterable<unknown>): Promise<AsyncIterable<unknown>> {
  const iterator = source[Symbol.asyncIterator]();
  const first = iterator.next();
  const patience = new AbortController();
  try {
    await Promise.race([first, delay(firstItemMs, undefined, {signal: patience.signal}).catch(() => {})]);
  } finally {
    patience.abort();
  }
  async function* resume(): AsyncGenerator<unknown, void, undefined> {
    try {
      for (let next = await first; next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.(undefined);
    }
  }
  return resume();
}

/** The last calls that need no second entry, by server. */
const repeated = new WeakMap<AgentServer, Map<string, true>>();

async function auditCall(
  server: AgentServer,
  endpoint: Endpoint,
  request: FastifyRequest,
  caller: Caller,
): Promise<void> {
  if (endpoint.method === 'PUT' && endpoint.body?.as === 'json' && isRepetition(server, request, caller))
    return;
  await server.audit.append({
    kind: 'call',
    what: `${request.method} ${pathOf(request)}`,
    caller: {fingerprint: caller.fingerprint, name: caller.name, role: caller.role},
    address: caller.address,
  });
}

/** A PUT with the same body says the same again (RFC 9110, 9.2.2): a lease renewed every five seconds is one entry. */
function isRepetition(server: AgentServer, request: FastifyRequest, caller: Caller): boolean {
  const known = repeated.get(server) ?? new Map<string, true>();
  repeated.set(server, known);
  const key = createHash('sha256')
    .update(JSON.stringify([caller.fingerprint, request.url, request.body]))
    .digest('base64');
  if (known.has(key)) return true;
  known.set(key, true);
  const [oldest] = known.keys();
  if (known.size > 256 && oldest !== undefined) known.delete(oldest);
  return false;
}
