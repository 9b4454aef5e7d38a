import {createReadStream} from 'node:fs';
import {setTimeout as delay} from 'node:timers/promises';
import type {AgentClient} from '../../client/agent-client.js';
import {OperatorError} from '../../core/operator-error.js';
import {
  describeAgentRelease,
  putAgentArchive,
  putAgentManifest,
} from '../../protocol/agent-update-endpoints.js';
import {describeKeptRelease, putArchive, putManifest} from '../../protocol/release-endpoints.js';
import {releaseDigest} from '../../protocol/release-manifest.js';
import {introducePeer} from '../../protocol/server-endpoints.js';
import type {SiteAddress} from '../engine.js';
import {type EngineContext, findServer} from '../engine-context.js';
import type {OfferedRelease, ReleaseProgress} from '../releases.js';
import type {StoredRelease} from './release-folder.js';

/** Characters of a manifest that are said in a call itself; a longer one is brought before. */
const longestInCall = 400_000;
/** Attempts in a row at sending an archive without anything having come. */
const attempts = 5;

function offerOf({bytes, signature, source}: StoredRelease): OfferedRelease {
  const short = bytes.length <= longestInCall;
  return {
    // The digest says where a pushed archive lies.
    ...(short ? {manifest: bytes.toString('utf8')} : {digest: releaseDigest(bytes)}),
    ...(signature === undefined || !short ? {} : {signature}),
    source,
  };
}

/** What is said to a server for a check; see `ReleaseVerbs.offer`. */
export async function offerRelease(
  context: EngineContext,
  release: StoredRelease,
  to: SiteAddress | undefined,
): Promise<OfferedRelease> {
  const offer = offerOf(release);
  if (offer.manifest !== undefined || to === undefined) return offer;
  const client = await context.connect(findServer(await context.state.read(), to.server));
  try {
    await sendManifest(siteEnds(client, to.site), release, {});
  } finally {
    client.close();
  }
  return offer;
}

/** Brings a server what it needs before an update; see `ReleaseVerbs.bring`. */
export async function bringRelease(
  context: EngineContext,
  release: StoredRelease,
  to: SiteAddress,
  options: BringOptions,
): Promise<OfferedRelease> {
  const {source} = release;
  const client = await context.connect(findServer(await context.state.read(), to.server));
  try {
    const offer = await bringTo(siteEnds(client, to.site), release, options);
    if (source.kind === 'package') await introduce(context, client, to, source);
    return offer;
  } finally {
    client.close();
  }
}

export type BringOptions = {readonly signal?: AbortSignal; readonly onProgress?: ReleaseProgress};

type Content = {readonly body: AsyncIterable<Uint8Array>; readonly signal?: AbortSignal};

/** Where a release is brought to: a site, or the agent itself (U13). `release` is the digest of its manifest. */
type ReleaseEnds = {
  archiveBytes(release: string, options: {signal?: AbortSignal}): Promise<number>;
  putManifest(release: string, query: {signature?: string}, content: Content): Promise<unknown>;
  /** @returns bytes of the archive that are there now */
  putArchive(release: string, from: number, content: Content): Promise<number>;
};

function siteEnds(client: AgentClient, site: string): ReleaseEnds {
  return {
    archiveBytes: async (release, options) =>
      (await client.call(describeKeptRelease, {params: {site, release}, ...options})).archiveBytes,
    putManifest: (release, query, content) =>
      client.call(putManifest, {params: {site, release}, query, ...content}),
    putArchive: async (release, from, content) =>
      (await client.call(putArchive, {params: {site, release}, query: {from: String(from)}, ...content}))
        .archiveBytes,
  };
}

/** The same for the update of the agent itself. */
export function agentEnds(client: AgentClient): ReleaseEnds {
  return {
    archiveBytes: async (release, options) =>
      (await client.call(describeAgentRelease, {params: {release}, ...options})).archiveBytes,
    putManifest: (release, query, content) =>
      client.call(putAgentManifest, {params: {release}, query, ...content}),
    putArchive: async (release, from, content) =>
      (await client.call(putAgentArchive, {params: {release}, query: {from: String(from)}, ...content}))
        .archiveBytes,
  };
}

/** Brings a long manifest, and the archive where the console keeps it. */
export async function bringTo(
  ends: ReleaseEnds,
  release: StoredRelease,
  options: BringOptions,
): Promise<OfferedRelease> {
  const offer = offerOf(release);
  if (offer.manifest === undefined || release.source.kind === 'pushed')
    await sendManifest(ends, release, options);
  if (release.source.kind === 'pushed') await sendArchive(ends, release, options);
  return offer;
}

async function sendManifest(
  ends: ReleaseEnds,
  {bytes, signature}: StoredRelease,
  {signal}: BringOptions,
): Promise<void> {
  await ends.putManifest(
    releaseDigest(bytes),
    signature === undefined ? {} : {signature: Buffer.from(signature).toString('base64url')},
    {body: inPieces(bytes), ...(signal ? {signal} : {})},
  );
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array, void, undefined> {
  const piece = 256 * 1024;
  for (let from = 0; from < bytes.length; from += piece) yield bytes.subarray(from, from + piece);
}

/** Sends what the server lacks of the archive; a connection that breaks is opened again and the sending goes on. */
async function sendArchive(
  ends: ReleaseEnds,
  {id, bytes, manifest, archivePath}: StoredRelease,
  {signal, onProgress}: BringOptions,
): Promise<void> {
  const digest = releaseDigest(bytes);
  const {sizeBytes} = manifest.archive;
  const withSignal = signal ? {signal} : {};
  let before = -1;
  for (let failures = 0; ; ) {
    try {
      const from = await ends.archiveBytes(digest, withSignal);
      if (from === sizeBytes) return;
      failures = from > before ? 0 : failures;
      before = from;
      const kept = await ends.putArchive(digest, from, {
        body: counted(archivePath, from, done => onProgress?.('sending', done, sizeBytes)),
        ...withSignal,
      });
      if (kept === sizeBytes) return;
      throw new OperatorError(
        'CONTENT_MISMATCH',
        `The archive of ${id} at the console is shorter than its manifest says.`,
        {
          hint: 'Delete the release and add it again.',
        },
      );
    } catch (error) {
      signal?.throwIfAborted();
      failures += 1;
      const lost = error instanceof OperatorError && error.code === 'CONNECTION_LOST';
      if (!lost || failures >= attempts) throw gone(error, id);
      await delay(500 * 2 ** failures, undefined, withSignal);
    }
  }
}

async function* counted(
  file: string,
  from: number,
  report: (done: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let done = from;
  for await (const chunk of createReadStream(file, {start: from, highWaterMark: 256 * 1024})) {
    yield chunk as Buffer;
    done += (chunk as Buffer).length;
    report(done);
  }
}

function gone(error: unknown, id: string): unknown {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return error;
  return new OperatorError('CONTENT_MISMATCH', `The archive of ${id} is gone from the console.`, {
    hint: 'Delete the release and add it again.',
    cause: error,
  });
}

/** Lets a server fetch a package from the agent that serves it; what it may fetch is set on the package (P6). */
async function introduce(
  context: EngineContext,
  client: AgentClient,
  to: SiteAddress,
  source: {server: string; url: string; fingerprint: string},
): Promise<void> {
  const target = findServer(await context.state.read(), to.server);
  if (target.fingerprint === source.fingerprint) return;
  const serving = await context.connect(source);
  try {
    await serving.call(introducePeer, {
      body: {name: target.name, certificate: await client.certificate(), sites: []},
    });
    await client.call(introducePeer, {
      body: {name: source.server, certificate: await serving.certificate(), sites: [], outbound: [to.site]},
    });
  } finally {
    serving.close();
  }
}
