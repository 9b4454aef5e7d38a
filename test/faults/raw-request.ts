import {once} from 'node:events';
import {Agent, request} from 'node:https';
import type {Identity} from '../../source/protocol/identity.js';
import {contentTypes} from '../../source/protocol/transport/agent-connection.js';

export type RawRequest = {
  readonly url: string;
  readonly method?: string;
  readonly path: string;
  readonly identity?: Identity;
  readonly as?: keyof typeof contentTypes;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** A kept connection; without it every request has one of its own. */
  readonly agent?: Agent;
};

/** What came back; no status when the connection was cut before an answer. */
export type RawAnswer = {
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly text: string;
  /** Bytes of the body that were taken from us before the answer or the cut. */
  readonly sent: number;
};

/** A connection like a stranger's program makes it: TLS 1.3, whatever certificate, nothing checked. */
export function openConnection(identity?: Identity): Agent {
  return new Agent({keepAlive: true, maxSockets: 1, ...tlsOf(identity)});
}

/** Sends a request as a hostile or broken program might, without the client's own care. */
export async function sendRaw(options: RawRequest): Promise<RawAnswer> {
  const {url, path, identity, as, body} = options;
  const outgoing = request(url + path, {
    method: options.method ?? 'GET',
    agent: options.agent ?? false,
    ...(options.agent === undefined ? tlsOf(identity) : {}),
    headers: {...(as === undefined ? {} : {'content-type': contentTypes[as]}), ...options.headers},
  });
  let sent = 0;
  let over = false;
  const answer = new Promise<{status: number | undefined; text: string}>(resolve => {
    outgoing.once('error', () => resolve({status: undefined, text: ''}));
    outgoing.once('response', response => {
      let text = '';
      const done = () => resolve({status: response.statusCode, text});
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', done).once('error', done).once('close', done);
    });
  }).finally(() => {
    over = true;
  });
  const upload = async () => {
    if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
      outgoing.end(body);
      sent = body?.length ?? 0;
      return;
    }
    for await (const chunk of body) {
      if (over || outgoing.destroyed) return;
      sent += chunk.length;
      if (!outgoing.write(chunk)) await Promise.race([once(outgoing, 'drain'), answer]);
    }
    outgoing.end();
  };
  // A connection that is cut is told by the answer.
  upload().catch(() => {});
  const {status, text} = await answer;
  const sentBeforeAnswer = sent;
  if (options.agent === undefined || sent > 0) outgoing.destroy();
  return {status, text, code: codeIn(text), sent: sentBeforeAnswer};
}

/** The error code of an answer, be it a document or the last line of a stream. */
function codeIn(text: string): string | undefined {
  try {
    const last = JSON.parse(text.trim().split('\n').at(-1) ?? '') as {error?: {code?: string}};
    return last.error?.code;
  } catch {
    return undefined;
  }
}

function tlsOf(identity: Identity | undefined) {
  return {
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3' as const,
    ...(identity === undefined ? {} : {key: identity.privateKey, cert: identity.certificate}),
  };
}
