import {PassThrough} from 'node:stream';
import type {Client} from 'basic-ftp';
import {OperatorError} from '../../core/operator-error.js';
import {withoutCredentials} from '../../core/release.js';
import type {DownloadSource, OpenedSource} from './download.js';
import {explain} from './http-source.js';

/** Milliseconds without any sign of the server. */
const timeoutMs = 30_000;
const implicitPort = 990;

/**
 * A file of an FTP server; goes on with REST (RFC 3659, 5) where the server can. `ftps:` is FTP with AUTH TLS, or with
 * TLS from the start on port 990; the certificate must be one that the system trusts. The path is relative to the folder
 * that the login leads to; `//` at its beginning makes it absolute.
 * @param url `ftp:` or `ftps:`, perhaps with name and password
 */
export function ftpSource(url: string): DownloadSource {
  const description = withoutCredentials(url);
  const address = parse(url, description);
  return {
    description,
    async open(from, signal) {
      const {Client} = await import('basic-ftp');
      const client = new Client(timeoutMs);
      const close = () => client.close();
      signal.addEventListener('abort', close, {once: true});
      try {
        signal.throwIfAborted();
        await client.access(address.access);
        return await retrieve(client, address.path, from, description);
      } catch (error) {
        client.close();
        signal.throwIfAborted();
        throw toOperatorError(description, error);
      }
    },
  };
}

function parse(url: string, description: string) {
  const {protocol, hostname, port, username, password, pathname} = new URL(url);
  const path = decodeURIComponent(pathname).slice(1);
  if (path === '' || /\p{Cc}/u.test(path))
    throw new OperatorError('USAGE', `${description} names no file.`, {hint: 'ftp://HOST/FOLDER/FILE.zip'});
  const host = hostname.replace(/^\[|\]$/g, '');
  return {
    path,
    access: {
      host,
      ...(port === '' ? {} : {port: Number(port)}),
      ...(username === ''
        ? {}
        : {user: decodeURIComponent(username), password: decodeURIComponent(password)}),
      ...(protocol === 'ftp:'
        ? {}
        : {
            secure: Number(port) === implicitPort ? ('implicit' as const) : true,
            secureOptions: {host, servername: /^[\d.]+$|:/.test(host) ? '' : host},
          }),
    },
  };
}

async function retrieve(
  client: Client,
  path: string,
  from: number,
  description: string,
): Promise<OpenedSource> {
  // Not every server tells sizes; one that has no such file says so when it is asked for.
  const totalBytes = await client.size(path).catch((error: unknown) => {
    if (isReply(error)) return undefined;
    throw error;
  });
  if (totalBytes !== undefined && from > totalBytes) from = 0;
  const chunks = new PassThrough({highWaterMark: 256 * 1024});
  let failure: unknown;
  const transfer = client.downloadTo(chunks, path, from).catch((error: unknown) => {
    failure = error;
    chunks.destroy();
  });
  await Promise.race([transfer, new Promise<void>(resolve => chunks.once('readable', resolve))]);
  // An end without a byte may be a refusal that is still to be said.
  if (chunks.readableLength === 0) await transfer;
  // Refused before the first byte, and not for the file: the server does not begin in the middle.
  if (from > 0 && isReply(failure) && failure.code >= 500 && failure.code !== 550)
    return retrieve(client, path, 0, description);
  if (failure !== undefined) throw failure;
  async function* read(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of chunks) yield chunk as Buffer;
      await transfer;
    } catch (error) {
      throw toOperatorError(description, failure ?? error);
    } finally {
      client.close();
    }
    if (failure !== undefined) throw toOperatorError(description, failure);
  }
  return {from, ...(totalBytes === undefined ? {} : {totalBytes}), chunks: read()};
}

/** A refusal of the server, with its code (RFC 959, 4.2). */
function isReply(error: unknown): error is Error & {code: number} {
  return error instanceof Error && 'code' in error && typeof error.code === 'number';
}

function toOperatorError(description: string, error: unknown): OperatorError {
  if (error instanceof OperatorError) return error;
  if (!isReply(error) || error.code < 500) return explain(description, error);
  const meaning = error.code === 530 ? 'name or password is wrong' : error.message;
  return new OperatorError('DOWNLOAD_FAILED', `${description} cannot be fetched: ${meaning}.`, {
    hint: 'Check the address of the release, and that its user may read it there.',
    cause: error,
  });
}
