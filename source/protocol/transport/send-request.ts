import {once} from 'node:events';
import type {Writable} from 'node:stream';
import {OperatorError} from '../../core/operator-error.js';
import {type Answering, type Exchange, type OpenExchange, openWithHttps} from './exchange.js';
import type {PinnedAgent} from './pinned-agent.js';

/** Kept connections that may turn out to be closed, one after the other, before a request counts as failed. */
const staleAtMost = 8;
/** Bytes of a body that may wait for the network. */
const bufferedBytes = 2 * 1024 * 1024;

export type OutgoingRequest = {
  readonly agent: PinnedAgent;
  readonly url: string;
  /** What operators call the agent, for errors; they name its address besides. */
  readonly name?: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly contentType?: string;
  /** Bytes are sent as they are and may be sent again; a stream is sent as it comes, as fast as it is taken. */
  readonly body?: Buffer | AsyncIterable<Uint8Array>;
  /** Milliseconds of complete silence after which the connection counts as lost. */
  readonly idleMs: number;
  readonly signal?: AbortSignal;
  /** How the request is sent; `openWithHttps` when absent. */
  readonly open?: OpenExchange;
};

export type Answer = {
  readonly status: number;
  readonly contentType: string;
  /** The body as it arrives; leaving the loop early closes the connection. */
  readonly body: AsyncIterable<Uint8Array>;
};

/**
 * Sends one request over a pinned connection. Body and answer travel at the same time and each waits for its
 * reader, so memory does not grow with them; an answer may come before the body is through.
 * @throws OperatorError UNREACHABLE, CONNECTION_LOST, CERTIFICATE_MISMATCH, NO_SUCH_ENDPOINT (no TLS there), or
 *   what the body's source throws; the reason of `signal` when it is aborted.
 */
export async function sendRequest(request: OutgoingRequest): Promise<Answer> {
  for (let left = staleAtMost; ; left--)
    try {
      return await attempt(request);
    } catch (error) {
      // The other end closed a kept connection just when it was used again; other kept ones may be as stale.
      if (!(error instanceof StaleConnection)) throw error;
      if (left === 0) throw error.cause;
    }
}

async function attempt(request: OutgoingRequest): Promise<Answer> {
  const {signal, idleMs, url, method, agent} = request;
  const peer = peerText(url, request.name);
  signal?.throwIfAborted();
  const exchange = await (request.open ?? openWithHttps)({
    agent,
    url,
    method,
    headers: {
      ...(request.contentType === undefined ? {} : {'content-type': request.contentType}),
      ...(request.body instanceof Buffer ? {'content-length': String(request.body.length)} : {}),
    },
  });
  const {upload} = exchange;
  let failure: unknown;
  const abort = () => exchange.destroy();
  signal?.addEventListener('abort', abort, {once: true});
  upload.once('close', () => signal?.removeEventListener('abort', abort));
  const explain = (error: unknown): unknown => {
    if (signal?.aborted) return signal.reason;
    return failure ?? toOperatorError(error, peer);
  };
  let thrown: unknown;
  // Errors are taken from where they are awaited; a late one on a destroyed stream must not end the process.
  upload.on('error', error => {
    // What we end ourselves is no fault of the connection's.
    if (failure === undefined) thrown ??= error;
    failure ??= toOperatorError(error, peer);
  });

  let answered = false;
  const send = async () => {
    const {body} = request;
    if (body === undefined || body instanceof Buffer) {
      if (method !== 'GET') upload.end(body);
      return;
    }
    try {
      for await (const chunk of body) {
        if (upload.destroyed || answered) return;
        // Reading on while the last chunks leave keeps both ends busy.
        if (!upload.write(chunk) && upload.writableLength > bufferedBytes) await drained(upload);
      }
      upload.end();
    } catch (error) {
      failure ??= error;
      exchange.destroy();
    }
  };
  const sending = send();
  const watchdog = watchSilence(exchange, idleMs, () => {
    failure ??= silent(peer, idleMs);
    exchange.destroy();
  });
  const answer = await exchange.answer.finally(() => watchdog.stop());
  if (answer === undefined) {
    exchange.destroy();
    const reason = explain(thrown ?? new Error('the connection was closed'));
    const repeatable = request.body === undefined || request.body instanceof Buffer;
    if (repeatable && wasStale(exchange, thrown)) throw new StaleConnection('', {cause: reason});
    throw reason;
  }
  if (answer.status >= 400) answered = true;

  async function* receive({body, isWhole}: Answering): AsyncGenerator<Uint8Array, void, undefined> {
    const chunks = body[Symbol.asyncIterator]();
    let waiting = false;
    // One timer for all chunks: an answer may have thousands of them each second.
    const timer = setTimeout(() => {
      if (!waiting) timer.refresh();
      else {
        failure ??= silent(peer, idleMs);
        exchange.destroy();
      }
    }, idleMs);
    try {
      for (;;) {
        waiting = true;
        timer.refresh();
        const next = await chunks.next();
        waiting = false;
        if (next.done === true) break;
        yield next.value as Buffer;
      }
      // The stream also ends quietly when it is destroyed; only an answer that is whole is an answer.
      if (failure !== undefined || signal?.aborted) throw explain(failure);
      if (!isWhole()) throw lost(peer);
      if (!answered) await sending;
    } catch (error) {
      throw explain(error);
    } finally {
      clearTimeout(timer);
      exchange.destroy();
    }
  }
  return {status: answer.status, contentType: answer.contentType, body: receive(answer)};
}

/** A kept connection was closed before its request was answered; `cause` is what that is for whoever asked. */
class StaleConnection extends Error {}

function wasStale(exchange: Exchange, error: unknown): boolean {
  return exchange.reusedConnection && ['ECONNRESET', 'EPIPE'].includes(codeOf(error) ?? '');
}

async function drained(upload: Writable): Promise<void> {
  if (upload.destroyed) return;
  const either = new AbortController();
  try {
    await Promise.race([
      once(upload, 'drain', {signal: either.signal}),
      once(upload, 'close', {signal: either.signal}),
    ]);
  } finally {
    either.abort();
  }
}

/** Calls back when neither direction of the connection moved a byte for `idleMs`. */
function watchSilence(exchange: Exchange, idleMs: number, onSilence: () => void): {stop(): void} {
  let moved = -1;
  let since = Date.now();
  const timer = setInterval(
    () => {
      const now = exchange.movedBytes;
      if (now !== moved) {
        moved = now;
        since = Date.now();
      } else if (Date.now() - since >= idleMs) onSilence();
    },
    Math.min(1_000, idleMs / 4),
  );
  return {stop: () => clearInterval(timer)};
}

function silent(peer: string, idleMs: number): OperatorError {
  return new OperatorError('CONNECTION_LOST', `${peer} has said nothing for ${idleMs / 1000} s.`, {
    hint: 'See with `lockstep agent status` on that server whether the agent is running and what it logs.',
  });
}

function lost(peer: string, cause?: unknown): OperatorError {
  return new OperatorError('CONNECTION_LOST', `The connection to ${peer} was lost.`, {
    hint: 'See with `lockstep agent status` on that server whether the agent is still running.',
    cause,
  });
}

const unreachable = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EADDRNOTAVAIL',
]);

function toOperatorError(error: unknown, peer: string): OperatorError {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof OperatorError) return cause;
  const code = codeOf(error);
  const detail = error instanceof Error ? error.message : String(error);
  if (code !== undefined && unreachable.has(code))
    return new OperatorError('UNREACHABLE', `${peer} cannot be reached: ${detail}.`, {
      hint: 'Is the agent running there, is the port open, is the address right?',
      cause: error,
    });
  if (code === 'EPROTO' || code?.startsWith('ERR_SSL') || code?.startsWith('HPE_'))
    return new OperatorError('NO_SUCH_ENDPOINT', `What answers at ${peer} is no Lockstep agent.`, {
      hint: 'Check host and port; an agent listens on 8732 unless its agent.json says otherwise.',
      cause: error,
    });
  return lost(peer, error);
}

function codeOf(error: unknown): string | undefined {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    if ('code' in cause && typeof cause.code === 'string' && cause.code !== 'ERR_GOT_REQUEST_ERROR')
      return cause.code;
  return undefined;
}

/** What a person recognises of an agent: its name, as far as it has one here, and host and port of its URL. */
export function peerText(url: string, name?: string): string {
  const address = URL.canParse(url) ? new URL(url).host : url;
  return name === undefined ? address : `${name} (${address})`;
}
