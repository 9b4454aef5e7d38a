import {execFile} from 'node:child_process';
import {createHash} from 'node:crypto';
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {createServer, type IncomingMessage, type Server, type ServerResponse} from 'node:http';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import anyTest, {type ExecutionContext, type TestFn} from 'ava';
import type {OperatorError} from '../../../source/core/operator-error.js';
import {type DownloadOptions, download} from '../../../source/protocol/download/download.js';
import {ftpSource} from '../../../source/protocol/download/ftp-source.js';
import {httpSource} from '../../../source/protocol/download/http-source.js';
import {openIdentity} from '../../../source/protocol/identity.js';
import {FtpServer} from './ftp-server.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
type Context = {
  folder: string;
  to: string;
  /** Serves with a handler and gives the address of the file. */
  serve(handler: Handler): Promise<string>;
  servers: Server[];
};
const test = anyTest as TestFn<Context>;

const content = Buffer.from(Array.from({length: 300_000}, (_, index) => (index * 7919) % 251));
const expected = {sizeBytes: content.length, sha256: createHash('sha256').update(content).digest('hex')};

test.beforeEach(t => {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-download-'));
  const servers: Server[] = [];
  const serve = async (handler: Handler) => {
    const server = createServer(handler);
    servers.push(server);
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as {port: number}).port}/app.zip`;
  };
  t.context = {folder, to: join(folder, 'app.zip'), serve, servers};
});
test.afterEach.always(t => {
  for (const server of t.context.servers) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(t.context.folder, {recursive: true, force: true});
});

const options = (to: string): DownloadOptions => ({to, expected, maxBytes: 1e9, backoffMs: 1});
const rangeOf = (request: IncomingMessage) =>
  Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);

/** Answers a range as a good server does. */
function sendFrom(response: ServerResponse, from: number, bytes = content): void {
  if (from === 0) response.writeHead(200, {'content-length': bytes.length, etag: '"1"'});
  else
    response.writeHead(206, {
      'content-length': bytes.length - from,
      'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
      etag: '"1"',
    });
  response.end(bytes.subarray(from));
}

async function failure(
  t: {throwsAsync: (p: Promise<unknown>) => Promise<Error | undefined>},
  work: Promise<unknown>,
) {
  return (await t.throwsAsync(work)) as OperatorError;
}

test('a truncated answer is gone on with where it ended', async t => {
  const {to, serve} = t.context;
  const asked: number[] = [];
  const validators = new Set<unknown>();
  const url = await serve((request, response) => {
    const from = rangeOf(request);
    asked.push(from);
    if (from > 0) validators.add(request.headers['if-range']);
    if (from >= 200_000) return sendFrom(response, from);
    response.writeHead(from === 0 ? 200 : 206, {
      'content-length': content.length - from,
      ...(from === 0 ? {} : {'content-range': `bytes ${from}-299999/300000`}),
      etag: '"1"',
    });
    response.write(content.subarray(from, from + 100_000), () => response.destroy());
  });
  const retries: string[] = [];
  const done = await download(httpSource(url), {...options(to), onRetry: error => retries.push(error.code)});
  t.deepEqual(done, expected);
  t.true(readFileSync(to).equals(content));
  // A cut connection takes with it what was received but not yet read; what was written is never asked for again.
  t.is(asked[0], 0);
  t.true(asked.length >= 3, String(asked));
  for (const [index, from] of asked.slice(1).entries())
    t.true(from >= asked[index]! && from <= asked[index]! + 100_000, String(asked));
  t.true(asked.at(-1)! >= 200_000, String(asked));
  t.deepEqual([...validators], ['"1"']);
  t.deepEqual(new Set(retries), new Set(['CONNECTION_LOST']));
  t.is(retries.length, asked.length - 1);
  t.false(existsSync(`${to}.part`));
  // What is there already is not fetched again.
  const before = asked.length;
  await download(httpSource(url), options(to));
  t.is(asked.length, before);
});

test('what came before a crash is gone on with, and a server without ranges begins anew', async t => {
  const {to, serve} = t.context;
  writeFileSync(`${to}.part`, content.subarray(0, 150_000));
  const ranges: number[] = [];
  const good = await serve((request, response) => {
    ranges.push(rangeOf(request));
    sendFrom(response, rangeOf(request));
  });
  await download(httpSource(good), options(to));
  t.deepEqual(ranges, [150_000]);
  rmSync(to);
  writeFileSync(`${to}.part`, content.subarray(0, 150_000));
  const simple = await serve((_, response) => sendFrom(response, 0));
  t.deepEqual(await download(httpSource(simple), options(to)), expected);
});

test('a wrong checksum is deleted and not fetched again', async t => {
  const {to, serve} = t.context;
  let asked = 0;
  const url = await serve((_, response) => {
    asked += 1;
    sendFrom(response, 0, Buffer.alloc(content.length));
  });
  const error = await failure(t, download(httpSource(url), options(to)));
  t.is(error.code, 'CONTENT_MISMATCH');
  t.is(asked, 1);
  t.false(existsSync(to) || existsSync(`${to}.part`));
});

test('more bytes than were announced end the download, whatever the length says', async t => {
  const {to, serve} = t.context;
  for (const headers of [{'content-length': content.length + 5}, {}]) {
    const url = await serve((_, response) => {
      response.writeHead(200, headers);
      response.end(Buffer.concat([content, Buffer.from('extra')]));
    });
    t.is((await failure(t, download(httpSource(url), options(to)))).code, 'LIMIT_EXCEEDED');
    t.false(existsSync(`${to}.part`));
  }
  const {code} = await failure(
    t,
    download(httpSource('http://127.0.0.1:9/x'), {...options(to), maxBytes: 10}),
  );
  t.is(code, 'LIMIT_EXCEEDED');
});

test('passing troubles are tried again, final ones are said at once, and patience ends', async t => {
  const {to, serve} = t.context;
  let asked = 0;
  const busy = await serve((_, response) => {
    asked += 1;
    if (asked > 2) return sendFrom(response, 0);
    response.writeHead(503).end();
  });
  t.deepEqual(await download(httpSource(busy), options(to)), expected);
  t.is(asked, 3);
  rmSync(to);

  let missed = 0;
  const missing = await serve((_, response) => {
    missed += 1;
    response.writeHead(404).end();
  });
  const error = await failure(t, download(httpSource(missing.replace('//', '//me:secret@')), options(to)));
  t.is(error.code, 'DOWNLOAD_FAILED');
  t.regex(error.message, /404: there is no such file/);
  t.notRegex(error.message, /secret/);
  t.is(missed, 1);

  const down = await failure(t, download(httpSource('http://127.0.0.1:1/x'), {...options(to), attempts: 3}));
  t.is(down.code, 'UNREACHABLE');
});

test('a silent server counts as lost, and an abort ends at once', async t => {
  const {to, serve} = t.context;
  const url = await serve((_, response) => {
    response.writeHead(200, {'content-length': content.length});
    response.write(content.subarray(0, 1000));
  });
  const silent = await failure(t, download(httpSource(url), {...options(to), idleMs: 100, attempts: 2}));
  t.is(silent.code, 'CONNECTION_LOST');
  t.regex(silent.message, /said nothing for 0.1 s/);
  const aborter = new AbortController();
  const aborted = download(httpSource(url), {
    ...options(join(t.context.folder, 'other')),
    signal: aborter.signal,
    onProgress: () => aborter.abort(new Error('enough')),
  });
  await t.throwsAsync(aborted, {message: 'enough'});
});

test('redirects are followed, and the rate is kept', async t => {
  const {to, serve} = t.context;
  const url = await serve((_, response) => sendFrom(response, 0));
  const moved = await serve((_, response) => response.writeHead(302, {location: url}).end());
  const begin = performance.now();
  await download(httpSource(moved), {...options(to), rateLimit: 1_000_000});
  // Never faster than the rate; how much slower says something about the machine only.
  t.true(performance.now() - begin > 200);
  const loop = await serve((_, response) => response.writeHead(302, {location: '/app.zip'}).end());
  rmSync(to);
  t.is((await failure(t, download(httpSource(loop), options(to)))).code, 'DOWNLOAD_FAILED');
});

test('FTP: login, resuming where it was cut, servers without REST or SIZE, and refusals', async t => {
  const {to} = t.context;
  const server = new FtpServer('releases/app 2.zip', content, {user: 'me', password: 'p@ss'});
  const port = await server.listen();
  const url = `ftp://me:p%40ss@127.0.0.1:${port}/releases/app%202.zip`;
  const fetch = (address = url) => download(ftpSource(address), options(to));
  try {
    t.deepEqual(await fetch(), expected);
    rmSync(to);

    server.behaviour = {cutAfter: 120_000};
    server.commands.length = 0;
    t.deepEqual(await fetch(), expected);
    mustGoOn(t, server.commands, 120_000);
    rmSync(to);

    writeFileSync(`${to}.part`, content.subarray(0, 1000));
    server.behaviour = {noRestart: true, noSize: true};
    t.deepEqual(await fetch(), expected);
    rmSync(to);

    const refused = await failure(t, fetch(url.replace('p%40ss', 'wrong')));
    t.is(refused.code, 'DOWNLOAD_FAILED');
    t.regex(refused.message, /name or password is wrong/);
    const missing = await failure(t, fetch(url.replace('app', 'nix')));
    t.is(missing.code, 'DOWNLOAD_FAILED');
    t.notRegex(missing.message, /p@ss|p%40ss/);
  } finally {
    await server.close();
  }
  t.is((await failure(t, download(ftpSource(url), {...options(to), attempts: 2}))).code, 'UNREACHABLE');
});

/** Every attempt goes on where the last one came to: after what was sent, or before what was lost with the connection. */
function mustGoOn(t: ExecutionContext, commands: readonly string[], sentAtOnce: number): void {
  const offsets = commands.flatMap(line => (line.startsWith('REST ') ? [Number(line.slice(5))] : []));
  t.true(offsets.length > 0);
  for (const [index, offset] of offsets.entries()) {
    const before = offsets[index - 1] ?? 0;
    t.true(offset > before && offset <= before + sentAtOnce, `${before} is followed by ${offset}`);
  }
}

test('FTPS: both connections are encrypted, a cut is gone on with, and only a certificate that the system trusts will do', async t => {
  const {folder, to} = t.context;
  const {certificate, privateKey, path} = await openIdentity(join(folder, 'identity'), 'localhost');
  const server = new FtpServer(
    'app.zip',
    content,
    {user: 'me', password: 'secret'},
    {key: privateKey, cert: certificate},
  );
  const url = `ftps://me:secret@localhost:${await server.listen()}/app.zip`;
  const fetch = async (environment: Record<string, string>) => {
    const {NODE_EXTRA_CA_CERTS: _, ...env} = process.env;
    const program = join(import.meta.dirname, 'fetch-process.js');
    const {stdout} = await promisify(execFile)(process.execPath, [program, url, to], {
      env: {...env, ...environment},
    });
    return JSON.parse(stdout) as unknown;
  };
  try {
    server.behaviour = {cutAfter: 200_000};
    t.deepEqual(await fetch({NODE_EXTRA_CA_CERTS: path}), expected);
    t.deepEqual(readFileSync(to), content);
    t.is(server.commands[0], 'AUTH TLS');
    t.true(server.commands.includes('PROT P'));
    mustGoOn(t, server.commands, 200_000);
    rmSync(to);

    server.commands.length = 0;
    const refused = (await fetch({})) as {code: string; message: string};
    t.is(refused.code, 'DOWNLOAD_FAILED');
    t.regex(refused.message, /certificate/);
    t.deepEqual([...new Set(server.commands)], ['AUTH TLS'], 'no password was said to a stranger');
    t.false(existsSync(to));
  } finally {
    await server.close();
  }
});
