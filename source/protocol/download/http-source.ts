import type {Readable} from 'node:stream';
import {OperatorError} from '../../core/operator-error.js';
import {withoutCredentials} from '../../core/release.js';
import type {DownloadSource} from './download.js';

const connectMs = 15_000;
const maxRedirects = 5;
/** Answers after which another attempt can help (RFC 9110, 15; RFC 6585). */
const passing: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * A file of a web server: goes on with range requests where the server can (RFC 9110, 14), from the beginning where it
 * cannot or where the file has changed meanwhile. Redirects are followed, but never from TLS to none.
 * @param url `http:` or `https:`, perhaps with name and password
 */
export function httpSource(url: string): DownloadSource {
  const description = withoutCredentials(url);
  /** What tells whether the file is still the one that the first bytes are of (RFC 9110, 13.1.5). */
  let validator: string | undefined;
  return {
    description,
    async open(from, signal) {
      const ranged = from > 0;
      const {response, body} = await request(url, description, signal, {
        'accept-encoding': 'identity',
        ...(ranged ? {range: `bytes=${from}-`} : {}),
        ...(ranged && validator !== undefined ? {'if-range': validator} : {}),
      });
      const {statusCode, headers} = response;
      if (statusCode === 416) {
        body.destroy();
        // Nothing lies behind what has come: it is of another file.
        throw lost(description, 'answered that the file is shorter now than what has come of it');
      }
      if (statusCode !== 200 && statusCode !== 206) {
        body.destroy();
        throw unexpected(description, statusCode);
      }
      const {etag} = headers;
      validator = etag !== undefined && !etag.startsWith('W/') ? etag : headers['last-modified'];
      const encoding = headers['content-encoding'];
      if (encoding !== undefined && encoding !== 'identity') {
        body.destroy();
        throw new OperatorError(
          'DOWNLOAD_FAILED',
          `${description} is sent with the encoding ${encoding}, unasked.`,
        );
      }
      const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
      if (statusCode === 206 && Number(range?.[1]) !== from) {
        body.destroy();
        throw new OperatorError(
          'DOWNLOAD_FAILED',
          `${description} sent another part than the one that was asked for.`,
        );
      }
      const length = headers['content-length'];
      const rest = length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
      const start = statusCode === 206 ? from : 0;
      const total =
        range?.[2] !== undefined && range[2] !== '*'
          ? Number(range[2])
          : rest === undefined
            ? undefined
            : start + rest;
      return {
        from: start,
        ...(total === undefined ? {} : {totalBytes: total}),
        chunks: read(body, description),
      };
    },
  };
}

type Response = {statusCode: number; complete: boolean; headers: Record<string, string | undefined>};

async function request(
  url: string,
  description: string,
  signal: AbortSignal,
  headers: Record<string, string>,
): Promise<{response: Response; body: Readable & {response?: {complete: boolean}}}> {
  const {default: got} = await import('got');
  signal.throwIfAborted();
  let downgraded: string | undefined;
  const body = got.stream(url, {
    headers: {'user-agent': 'lockstep', ...headers},
    retry: {limit: 0},
    throwHttpErrors: false,
    decompress: false,
    maxRedirects,
    timeout: {lookup: connectMs, connect: connectMs, secureConnect: connectMs},
    hooks: {
      beforeRedirect: [
        (options, previous) => {
          const target = options.url as URL | undefined;
          if (previous.url.startsWith('https:') && target?.protocol !== 'https:') {
            downgraded = withoutCredentials(String(target));
            throw new Error('a redirect away from TLS');
          }
        },
      ],
    },
  });
  const abort = () => body.destroy();
  signal.addEventListener('abort', abort, {once: true});
  body.once('close', () => signal.removeEventListener('abort', abort));
  let failure: unknown;
  body.on('error', error => {
    failure ??= error;
  });
  try {
    const response = await new Promise<Response>((resolve, reject) => {
      body.once('response', (found: Response) => resolve(found));
      body.once('error', reject);
      body.once('close', () => reject(failure ?? new Error('the connection was closed')));
    });
    return {response, body};
  } catch (error) {
    signal.throwIfAborted();
    if (downgraded !== undefined)
      throw new OperatorError(
        'DOWNLOAD_FAILED',
        `${description} redirects to ${downgraded}, which has no TLS.`,
        {
          hint: 'Name an address that stays with https.',
        },
      );
    throw explain(description, error);
  }
}

async function* read(
  body: Readable & {response?: {complete: boolean}},
  description: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of body) yield chunk as Buffer;
  } catch (error) {
    throw lost(description, 'ended before its end', error);
  } finally {
    body.destroy();
  }
  if (body.response?.complete === false) throw lost(description, 'ended before its end');
}

function unexpected(description: string, status: number): OperatorError {
  const meaning: Readonly<Record<number, string>> = {
    401: 'name and password are missing or wrong',
    403: 'it may not be fetched',
    404: 'there is no such file',
    410: 'the file is gone',
  };
  const message = `${description} answered ${status}${meaning[status] === undefined ? '' : `: ${meaning[status]}`}.`;
  if (passing.has(status))
    return new OperatorError('CONNECTION_LOST', message, {
      hint: 'The server there has a problem; try again later.',
    });
  return new OperatorError('DOWNLOAD_FAILED', message, {hint: 'Check the address of the release.'});
}

function lost(description: string, detail: string, cause?: unknown): OperatorError {
  return new OperatorError('CONNECTION_LOST', `${description} ${detail}.`, {
    hint: 'What has come is kept, and the next attempt goes on.',
    cause,
  });
}

const unreachable: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EADDRNOTAVAIL',
]);

/** What a connection fails with, as the operator's error: out of reach, lost, or not to be trusted. */
export function explain(description: string, error: unknown): OperatorError {
  const codes: string[] = [];
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    if ('code' in cause && typeof cause.code === 'string') codes.push(cause.code);
  const detail = error instanceof Error ? error.message : String(error);
  if (codes.some(code => unreachable.has(code)))
    return new OperatorError('UNREACHABLE', `${description} cannot be reached: ${detail}.`, {
      hint: 'Is the address right, and does a firewall let this server out?',
      cause: error,
    });
  if (codes.some(code => /CERT|SELF_SIGNED|ISSUER|ERR_TLS|ERR_SSL/.test(code)))
    return new OperatorError(
      'DOWNLOAD_FAILED',
      `The certificate of ${description} is not trusted: ${detail}.`,
      {
        hint: 'A certificate of your own authority is trusted when NODE_EXTRA_CA_CERTS names its file.',
        cause: error,
      },
    );
  if (codes.some(code => /REDIRECT|UNSUPPORTED_PROTOCOL|INVALID_URL/.test(code)))
    return new OperatorError('DOWNLOAD_FAILED', `${description} cannot be fetched: ${detail}.`, {
      cause: error,
    });
  return lost(description, `was lost: ${detail}`, error);
}
