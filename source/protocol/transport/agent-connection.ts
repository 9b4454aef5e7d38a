import type {Static, TSchema} from '#typebox';
import {type ErrorDocument, OperatorError} from '../../core/operator-error.js';
import {type Endpoint, limits, type Payload, type PayloadOf} from '../endpoint.js';
import type {Identity} from '../identity.js';
import type {OpenExchange} from './exchange.js';
import {parseJson} from './json-text.js';
import {decodeLines, encodeLines, isErrorDocument} from './ndjson.js';
import {PinnedAgent} from './pinned-agent.js';
import {type Answer, peerText, sendRequest} from './send-request.js';
import {validate} from './validate.js';

/** The names after a colon in an endpoint's path. */
export type ParamsOf<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? {[Key in Name]: string} & ParamsOf<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? {[Key in Name]: string}
    : unknown;

/** What a call of an endpoint needs: its path's names, its query, its body; and what may stop it. */
export type CallOptions<E extends Endpoint> = {readonly signal?: AbortSignal} & (unknown extends ParamsOf<
  E['path']
>
  ? {readonly params?: Record<string, never>}
  : {readonly params: ParamsOf<E['path']>}) &
  (E['query'] extends TSchema ? {readonly query?: Static<E['query']>} : unknown) &
  (E['body'] extends Payload ? {readonly body: PayloadOf<E['body']>} : unknown);

/** Typed calls to one agent over mutual, pinned TLS. */
export type AgentConnection = {
  readonly url: string;
  readonly fingerprint: string;
  /**
   * Calls an endpoint. A `json` reply is the value; an `ndjson` or `frames` reply is a stream that is read as it
   * comes, and leaving its loop early closes the connection. An `ndjson` stream may throw the agent's error at any
   * point.
   * @throws OperatorError what the agent answers with, or as `sendRequest`; INVALID_ANSWER.
   */
  call<E extends Endpoint>(endpoint: E, options: CallOptions<E>): Promise<PayloadOf<E['reply']>>;
  /** The certificate (PEM) that answers there, checked against the pin: what `introducePeer` wants to be told. */
  certificate(): Promise<string>;
  /** Closes the kept connections; calls in progress fail. */
  close(): void;
};

export type ConnectionOptions = {
  /** `https://HOST:PORT` */
  readonly url: string;
  /** What operators call the agent, for errors. */
  readonly name?: string;
  /** The pin: SHA-256 of the agent's certificate, lower-case hex. */
  readonly fingerprint: string;
  readonly identity?: Pick<Identity, 'certificate' | 'privateKey'>;
  /** Milliseconds of silence after which a call fails with CONNECTION_LOST; default 60 s for NDJSON, 5 min otherwise. */
  readonly timeoutMs?: number;
  /** How requests are sent; as agents do it when absent. */
  readonly open?: OpenExchange;
};

/** Makes a connection to an agent; nothing is opened before the first call. */
export function connectAgent(options: ConnectionOptions): AgentConnection {
  const {url, name, fingerprint, timeoutMs, open} = options;
  const agent = new PinnedAgent({fingerprint, ...(options.identity ? {identity: options.identity} : {})});
  const base = url.replace(/\/+$/, '');
  return {
    url: base,
    fingerprint,
    async call<E extends Endpoint>(endpoint: E, callOptions: CallOptions<E>) {
      const {params, query, body, signal} = callOptions as {
        params?: Record<string, string>;
        query?: Record<string, string | undefined>;
        body?: unknown;
        signal?: AbortSignal;
      };
      const answer = await sendRequest({
        agent,
        url: base + fillPath(endpoint.path, params ?? {}) + queryText(query),
        method: endpoint.method,
        ...encodeBody(endpoint.body, body),
        // An NDJSON reply has heartbeats; everything else may be quiet while the agent works.
        idleMs: timeoutMs ?? (endpoint.reply.as === 'ndjson' ? 60_000 : 300_000),
        ...(name === undefined ? {} : {name}),
        ...(signal ? {signal} : {}),
        ...(open ? {open} : {}),
      });
      if (answer.status !== 200) throw await refusal(answer, peerText(base, name));
      return (await decodeReply(endpoint.reply, answer)) as PayloadOf<E['reply']>;
    },
    async certificate() {
      if (!agent.peerCertificate) {
        const answer = await sendRequest({agent, url: `${base}/v1/server`, method: 'GET', idleMs: 30_000});
        await collect(answer.body);
      }
      return toPem(agent.peerCertificate);
    },
    close() {
      agent.destroy();
    },
  };
}

/**
 * Asks who answers at an address, without trusting it: for showing a fingerprint to a person, never for deciding.
 * @throws OperatorError as `sendRequest`.
 */
export async function certificateOf(url: string): Promise<string> {
  const agent = new PinnedAgent({fingerprint: undefined});
  try {
    const answer = await sendRequest({
      agent,
      url: `${url.replace(/\/+$/, '')}/v1/server`,
      method: 'GET',
      idleMs: 30_000,
    });
    await collect(answer.body);
    return toPem(agent.peerCertificate);
  } finally {
    agent.destroy();
  }
}

export const contentTypes = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  frames: 'application/octet-stream',
} as const satisfies Record<Payload['as'], string>;

function encodeBody(
  payload: Payload | undefined,
  body: unknown,
): {contentType?: string; body?: Buffer | AsyncIterable<Uint8Array>} {
  if (!payload) return {};
  const contentType = contentTypes[payload.as];
  if (payload.as === 'json') return {contentType, body: Buffer.from(JSON.stringify(body ?? null))};
  if (payload.as === 'frames') return {contentType, body: body as AsyncIterable<Uint8Array>};
  // A source that fails fails the call: the agent must not take the error line for the end of the list.
  return {contentType, body: encodeLines(body as AsyncIterable<unknown>)};
}

async function decodeReply(payload: Payload, answer: Answer): Promise<unknown> {
  if (payload.as === 'frames') return answer.body;
  if (payload.as === 'ndjson') return decodeLines(answer.body, payload.schema);
  const value = parseJson(await collect(answer.body));
  try {
    validate(payload.schema, value, 'The answer');
  } catch (error) {
    throw new OperatorError('INVALID_ANSWER', (error as Error).message, {
      hint: 'Console and agent may be of different versions: `lockstep doctor` compares them.',
      cause: error,
    });
  }
  return value;
}

async function refusal(answer: Answer, peer: string): Promise<OperatorError> {
  let document: ErrorDocument | undefined;
  try {
    const value = parseJson(await collect(answer.body));
    if (typeof value === 'object' && value !== null && 'error' in value && isErrorDocument(value.error))
      document = value.error;
  } catch (error) {
    if (error instanceof OperatorError && error.code !== 'BAD_REQUEST') return error;
  }
  if (document) return OperatorError.fromDocument(document);
  return new OperatorError(
    'NO_SUCH_ENDPOINT',
    `${peer} answered ${answer.status} and not as an agent does.`,
    {
      hint: 'Is that the address of a Lockstep agent, and of this version?',
    },
  );
}

/** A whole body in memory; LIMIT_EXCEEDED when it is longer than a document may be. */
async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > limits.document)
      throw new OperatorError('LIMIT_EXCEEDED', `The answer is longer than ${limits.document} bytes.`);
    pieces.push(chunk);
  }
  return Buffer.concat(pieces);
}

function fillPath(path: string, params: Record<string, string>): string {
  return path.replace(/:([A-Za-z]+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
}

function queryText(query: Record<string, string | undefined> | undefined): string {
  const entries = Object.entries(query ?? {}).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return entries.length === 0 ? '' : `?${new URLSearchParams(entries)}`;
}

function toPem(der: Buffer | undefined): string {
  const lines = der?.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
