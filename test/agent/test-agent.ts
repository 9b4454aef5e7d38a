import {mkdir, mkdtemp, rm} from 'node:fs/promises';
import {request} from 'node:https';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Readable} from 'node:stream';
import type {ExecutionContext} from 'ava';
import {startAgent} from '../../source/agent/agent.js';
import {openPins} from '../../source/agent/trust/pins.js';
import {createAgentVerbs} from '../../source/agent/verbs.js';
import {createAgentClient} from '../../source/client/agent-client.js';
import type {Role} from '../../source/protocol/endpoint.js';
import {type Identity, openIdentity} from '../../source/protocol/identity.js';

/** A temporary folder that goes with its test. */
export async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-test-'));
  t.teardown(() => rm(folder, {recursive: true, force: true}));
  return folder;
}

/** A real agent on a free port of the loopback, with empty sites, that ends with its test. */
export async function startTestAgent(t: ExecutionContext, sites: readonly string[] = ['main']) {
  const folder = await temporaryFolder(t);
  const data = join(folder, 'agent');
  const verbs = createAgentVerbs();
  await verbs.init({data, name: 'staging', listen: '127.0.0.1:0'});
  for (const site of sites) {
    const root = join(folder, site);
    await mkdir(root);
    await verbs.addSite({data, site, root, staging: false, allowForceInitial: false});
  }
  const agent = await startAgent(data);
  t.teardown(() => agent.stop());
  /** A caller with an identity of its own, pinned by another pair of hands than the running agent's. */
  const caller = async (
    role: Role | undefined,
    sitesOfPeer: readonly string[] = [],
    connect = createAgentClient,
  ) => {
    const identity = await openIdentity(
      join(folder, `caller-${Math.random().toString(36).slice(2)}`),
      'caller',
    );
    const {fingerprint} = identity;
    if (role) await openPins(data).trust({fingerprint, name: `a ${role}`, role, sites: sitesOfPeer});
    const client = connect({url: agent.url, fingerprint: agent.fingerprint, identity});
    t.teardown(() => client.close());
    return {identity, client};
  };
  return {agent, data, folder, verbs, caller};
}

export type RawAnswer = {readonly status: number; readonly body: string};

/** A request as a stranger would craft it, past our own client. */
export function sendRaw(options: {
  url: string;
  path: string;
  method?: string;
  identity?: Identity;
  headers?: Record<string, string>;
  body?: string | Buffer | AsyncIterable<Buffer>;
}): Promise<RawAnswer> {
  const {identity, body} = options;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      options.url + options.path,
      {
        method: options.method ?? 'GET',
        rejectUnauthorized: false,
        agent: false,
        ...(identity ? {key: identity.privateKey, cert: identity.certificate} : {}),
        headers: options.headers,
      },
      async response => {
        let text = '';
        try {
          for await (const chunk of response.setEncoding('utf8')) text += chunk;
          resolve({status: response.statusCode ?? 0, body: text});
        } catch (error) {
          reject(error);
        }
      },
    );
    outgoing.on('error', reject);
    if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) outgoing.end(body);
    else Readable.from(body).on('error', reject).pipe(outgoing);
  });
}
