import {join} from 'node:path';
import type {TimedLine} from '../../core/merge-by-time.js';
import {asOperatorError, OperatorError} from '../../core/operator-error.js';
import * as endpoints from '../../protocol/log-endpoints.js';
import type {AgentConnection} from '../../protocol/transport/agent-connection.js';
import {Mutex} from '../../system/mutex.js';
import type {AgentServer} from '../server/agent-server.js';
import {registerEndpoint} from '../server/register-endpoint.js';
import {connectPeer} from '../site/connect-peer.js';
import {reportWhile} from '../site/report-while.js';
import type {Site, SiteOf} from '../site/site.js';
import type {LogMark} from './log-file.js';
import {logName} from './log-name.js';
import {MergedLog} from './merged-log.js';
import {readSiteLog} from './read-site-log.js';

/** Lines that travel together, at most, and their bytes. */
const batchLines = 1000;
const batchBytes = 256 * 1024;

type Peer = {name: string; url: string; fingerprint: string; site: string};
type ServerResult = {server: string; lines: number; error?: string; problems: string[]};
type MergeResult = {
  servers: ServerResult[];
  logs: {name: string; file: string; lines: number}[];
};

/** One merging at a time. */
const merging = new Mutex();

/** Adds what a live sync needs for logs (G6): a live server gives out lines, the editorial one merges them. */
export function registerLogRoutes(server: AgentServer, siteOf: SiteOf): void {
  registerEndpoint(server, endpoints.listLogs, async ({params}) => ({
    logs: siteOf(params.site).logs.map(({path}) => logName(path)),
  }));

  registerEndpoint(server, endpoints.readLog, async ({params, body}) => {
    const {root, logs} = siteOf(params.site);
    const log = logs.find(({path}) => logName(path) === body.log);
    if (log === undefined)
      throw new OperatorError('NOT_FOUND', `The site ${params.site} has no log ${body.log.slice(0, 200)}.`, {
        hint: 'Its agent.json names the logs under `logs`.',
      });
    const reading = await readSiteLog(root, log, body.marks);
    return (async function* () {
      let batch: [number, string][] = [];
      let bytes = 0;
      for await (const {at, line} of reading.lines) {
        batch.push([at, line]);
        bytes += line.length;
        if (batch.length < batchLines && bytes < batchBytes) continue;
        yield {type: 'lines' as const, lines: batch};
        batch = [];
        bytes = 0;
      }
      if (batch.length > 0) yield {type: 'lines' as const, lines: batch};
      yield {type: 'end' as const, marks: [...reading.marks()], problems: [...reading.problems()]};
    })();
  });

  registerEndpoint(server, endpoints.mergeLogs, ({params, body, signal}) => {
    const site = siteOf(params.site);
    const connections = new Map(body.peers.map(peer => [peer.name, connectPeer(server, peer, params.site)]));
    const endWork = site.lease.begin(params.runId);
    return (async function* () {
      try {
        const result = yield* reportWhile<{type: 'progress'; lines: number}, MergeResult>(report =>
          // A call that is repeated after a lost connection waits for the one before to be over.
          merging.run(() =>
            mergeLogs(site, body, connections, signal, lines => report({type: 'progress', lines})),
          ),
        );
        yield {type: 'merged' as const, ...result};
      } finally {
        for (const connection of connections.values()) connection.close();
        endWork();
      }
    })();
  });
}

/** Fetches and merges log after log; a server that fails is left out of the rest and named. */
async function mergeLogs(
  site: Site,
  {live, peers}: {live: string; peers: readonly Peer[]},
  connections: ReadonlyMap<string, AgentConnection>,
  signal: AbortSignal,
  progress: (lines: number) => void,
): Promise<MergeResult> {
  const servers = new Map<string, ServerResult>(
    peers.map(({name}) => [name, {server: name, lines: 0, problems: []}]),
  );
  const folder = join(site.folder, 'live-logs', encodeURIComponent(live));
  const names = new Map<string, Peer[]>();
  for (const peer of peers)
    try {
      const {logs} = await connections
        .get(peer.name)!
        .call(endpoints.listLogs, {params: {site: peer.site}, signal});
      for (const log of logs) names.set(log, [...(names.get(log) ?? []), peer]);
    } catch (error) {
      servers.get(peer.name)!.error = asOperatorError(error).message;
    }
  const logs: MergeResult['logs'] = [];
  for (const [name, holders] of names) {
    const merged = new MergedLog(folder, name);
    for (;;) {
      const wanted = holders.filter(peer => servers.get(peer.name)!.error === undefined);
      const fetched = wanted.map(peer => fetchLog(connections.get(peer.name)!, peer, name, merged, signal));
      const marks = () => Object.fromEntries(fetched.map(({peer, marks}) => [peer.name, marks()]));
      const lines = await merged
        .add(
          fetched.map(({lines}) => lines),
          marks,
          progress,
        )
        .catch((error: unknown) => {
          signal.throwIfAborted();
          if (fetched.every(({failure}) => failure() === undefined)) throw error;
          return undefined;
        });
      if (lines === undefined) {
        // Without the one that failed, from the beginning: nothing was written.
        for (const {peer, failure} of fetched) {
          const reason = failure();
          if (reason !== undefined) servers.get(peer.name)!.error = reason;
        }
        continue;
      }
      for (const {peer, count, problems} of fetched) {
        const result = servers.get(peer.name)!;
        result.lines += count();
        result.problems = [...result.problems, ...problems().map(text => text.slice(0, 1000))].slice(0, 20);
      }
      logs.push({name, file: merged.file, lines});
      break;
    }
  }
  return {servers: [...servers.values()], logs};
}

/** The new lines of one server's log, with what is known once they have been read. */
function fetchLog(
  connection: AgentConnection,
  peer: Peer,
  log: string,
  merged: MergedLog,
  signal: AbortSignal,
) {
  let marks: readonly LogMark[] = [];
  let problems: readonly string[] = [];
  let count = 0;
  let failure: string | undefined;
  const lines = (async function* (): AsyncGenerator<TimedLine, void, undefined> {
    try {
      let ended = false;
      const reply = await connection.call(endpoints.readLog, {
        params: {site: peer.site},
        body: {log, marks: [...(await merged.marks(peer.name))]},
        signal,
      });
      for await (const answer of reply) {
        if (answer.type === 'end') {
          ({marks, problems} = answer);
          ended = true;
          continue;
        }
        for (const [at, line] of answer.lines) {
          count += 1;
          yield {at, line};
        }
      }
      if (!ended) throw new OperatorError('CONNECTION_LOST', `${peer.name} ended its log too early.`);
    } catch (error) {
      failure = asOperatorError(error).message;
      throw error;
    }
  })();
  return {
    peer,
    lines,
    marks: () => marks,
    problems: () => problems,
    count: () => count,
    failure: () => failure,
  };
}
