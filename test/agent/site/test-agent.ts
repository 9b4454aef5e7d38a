import {mkdir, mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pino} from 'pino';
import {createAgentServer} from '../../../source/agent/server/agent-server.js';
import {openSite} from '../../../source/agent/site/open-site.js';
import type {Site} from '../../../source/agent/site/site.js';
import {registerSiteRoutes} from '../../../source/agent/site/site-routes.js';
import {openAuditLog} from '../../../source/agent/trust/audit-log.js';
import {openPins} from '../../../source/agent/trust/pins.js';
import type {FileRecord, ItemRecord} from '../../../source/core/item.js';
import {unpackOutcomes} from '../../../source/core/outcome-runs.js';
import type {Operation} from '../../../source/core/plan.js';
import type {OperationOutcome, ScanResult} from '../../../source/core/site-description.js';
import {transferContent} from '../../../source/protocol/content-endpoints.js';
import {type Identity, openIdentity} from '../../../source/protocol/identity.js';
import {listChanges, scanSite} from '../../../source/protocol/record-endpoints.js';
import {commitRun, endRun, takeLease} from '../../../source/protocol/run-endpoints.js';
import {type AgentConnection, connectAgent} from '../../../source/protocol/transport/agent-connection.js';

export type TestAgent = {
  data: string;
  url: string;
  identity: Identity;
  sites: Map<string, Site>;
  roots: Record<string, string>;
  /** As a console with the role `operate`. */
  console: AgentConnection;
  introduce(peer: Identity, sites: readonly string[]): Promise<void>;
  close(): Promise<void>;
};

/** A folder for a test's agents. Kept on memory where the machine has it. */
export async function makeFolder(): Promise<{path: string; remove(): Promise<void>}> {
  const path = await mkdtemp(join(tmpdir(), 'lockstep-site-'));
  return {path, remove: () => rm(path, {recursive: true, force: true})};
}

/** A real agent's server with real sites on a free port, and a console that may operate it. */
export async function startTestAgent(
  folder: string,
  name: string,
  siteNames: readonly string[] = ['main'],
  database = false,
): Promise<TestAgent> {
  const data = join(folder, name, 'data');
  await mkdir(data, {recursive: true});
  const identity = await openIdentity(data, name);
  const operator = await openIdentity(join(folder, name, 'console'), 'console');
  const pins = openPins(data);
  await pins.trust({fingerprint: operator.fingerprint, name: 'console', role: 'operate', sites: []});
  const sites = new Map<string, Site>();
  const roots: Record<string, string> = {};
  for (const site of siteNames) {
    const root = join(folder, name, site);
    await mkdir(root, {recursive: true});
    roots[site] = root;
    const url = `sqlite:${join(folder, name, `${site}.db`)}`;
    sites.set(
      site,
      await openSite(
        {
          name: site,
          root,
          version: '1',
          staging: false,
          allowForceInitial: false,
          ...(database ? {database: {url}} : {}),
        },
        data,
      ),
    );
  }
  const server = createAgentServer({
    dataFolder: data,
    identity,
    pins,
    audit: openAuditLog(data),
    log: pino({level: 'silent'}),
    hasSite: site => sites.has(site),
    enterSite: async () => () => {},
  });
  registerSiteRoutes(server, name => sites.get(name)!);
  const port = await server.listen('127.0.0.1', 0);
  const url = `https://127.0.0.1:${port}`;
  const connection = connectAgent({url, fingerprint: identity.fingerprint, identity: operator});
  // As a run does; on a busy machine a test may take longer than a lease lasts.
  const renewal = setInterval(() => {
    for (const {lease} of sites.values())
      if (lease.holder !== undefined) lease.take(lease.holder.runId, lease.holder.by);
  }, 3_000);
  return {
    data,
    url,
    identity,
    sites,
    roots,
    console: connection,
    async introduce(peer, names) {
      await pins.introduce({fingerprint: peer.fingerprint, name: 'peer', sites: names});
    },
    async close() {
      clearInterval(renewal);
      connection.close();
      await server.close(100);
      for (const site of sites.values()) await site.close();
    },
  };
}

export async function* stream<T>(values: Iterable<T>): AsyncGenerator<T, void> {
  yield* values;
}

export async function scan(agent: TestAgent, site = 'main', database = false): Promise<ScanResult> {
  let result: ScanResult | undefined;
  const reply = await agent.console.call(scanSite, {
    params: {site},
    body: {files: true, database},
  });
  for await (const line of reply) if (line.type === 'scanned') result = line.result;
  return result!;
}

export async function changes(agent: TestAgent, site = 'main', database = false): Promise<ItemRecord[]> {
  const everything = {epoch: '', seq: 0};
  const reply = await agent.console.call(listChanges, {
    params: {site},
    body: {files: everything, ...(database ? {database: everything} : {})},
  });
  return Array.fromAsync(reply);
}

export const runId = '20261121-050000-abcdef';

export async function lease(agent: TestAgent, site = 'main', run = runId): Promise<void> {
  await agent.console.call(takeLease, {
    params: {site},
    body: {runId: run, by: 'test', purpose: 'test'},
  });
}

/** Every live record as a `put` where nothing is yet. */
export function putAll(records: readonly ItemRecord[]): Operation[] {
  return records.flatMap(record =>
    record.deleted || record.type === 'table'
      ? []
      : [{op: 'put' as const, record, expect: {state: 'absent' as const}}],
  );
}

export function putOver(record: FileRecord, old: FileRecord): Operation {
  return {
    op: 'put',
    record,
    expect: {state: 'present', kind: old.kind, digest: old.digest, mode: old.mode},
  };
}

export async function move(
  at: TestAgent,
  way: 'push' | 'pull',
  peer: TestAgent,
  operations: readonly Operation[],
  sites = {here: 'main', there: 'main'},
): Promise<{bytes: number; missing: {index: number; error: string}[]}> {
  const reply = await at.console.call(transferContent, {
    params: {site: sites.here, runId},
    body: stream([
      {peer: {url: peer.url, fingerprint: peer.identity.fingerprint, site: sites.there}, way},
      ...operations,
    ]),
  });
  const missing: {index: number; error: string}[] = [];
  let bytes = -1;
  for await (const line of reply) {
    if (line.type === 'missing') missing.push({index: line.index, error: line.error});
    if (line.type === 'transferred') bytes = line.bytes;
  }
  return {bytes, missing};
}

export async function commitAt(
  agent: TestAgent,
  operations: readonly Operation[],
  options: {strict?: boolean; step?: string; site?: string} = {},
): Promise<OperationOutcome[]> {
  const reply = await agent.console.call(commitRun, {
    params: {site: options.site ?? 'main', runId, step: options.step ?? 'main'},
    body: stream([{strict: options.strict ?? false, by: 'test'}, ...operations]),
  });
  const outcomes: OperationOutcome[] = [];
  for await (const line of reply) {
    if (line.type === 'outcome') outcomes.push(line.outcome);
    if (line.type === 'outcomes') outcomes.push(...unpackOutcomes([line.run]));
  }
  return outcomes;
}

export async function end(agent: TestAgent, site = 'main'): Promise<void> {
  await agent.console.call(endRun, {params: {site, runId}});
}
