import pMap from 'p-map';
import {asOperatorError, OperatorError} from '../core/operator-error.js';
import {describeServer, testPeer} from '../protocol/server-endpoints.js';
import type {State, StoredServer} from '../state/state.js';
import type {ConnectionTest, SiteAddress} from './engine.js';
import {type EngineContext, findRelationship, findServer} from './engine-context.js';
import {refusalOf} from './introduce-agents.js';
import {membersOf} from './members.js';

/** An answer that takes longer will hardly come, milliseconds. */
const patienceMs = 10_000;
const atOnce = 8;

/**
 * Tries every connection that a relationship lives by: from the console to each server, and from the local server to
 * the remote ones (E26). Read-only. What fails is told as one of the errors of E4, with what to do.
 */
export async function testConnections(context: EngineContext, name: string): Promise<ConnectionTest[]> {
  const state = await context.state.read();
  const entry = findRelationship(state, name);
  const {local} = entry;
  const remotes = membersOf(state, entry);
  const tries = [
    ...[local, ...remotes].map(to => ({from: undefined, to})),
    ...remotes.map(to => ({from: local, to})),
  ];
  return pMap(
    tries,
    async ({from, to}): Promise<ConnectionTest> => {
      const between = {from: from?.server ?? 'this console', to: `${to.server}/${to.site}`};
      try {
        const detail =
          from === undefined
            ? await fromConsole(context, state, to)
            : await fromServer(context, state, from, to);
        return {...between, detail};
      } catch (thrown) {
        const {code, message, hint} =
          (thrown as Error).name === 'TimeoutError'
            ? new OperatorError('UNREACHABLE', `Nothing came within ${patienceMs / 1000} s.`, {
                hint: 'Is the agent running there, and is the way to it open?',
              })
            : asOperatorError(thrown);
        return {...between, detail: message, error: {code, message, ...(hint === undefined ? {} : {hint})}};
      }
    },
    {concurrency: atOnce},
  );
}

async function fromConsole(context: EngineContext, state: State, to: SiteAddress): Promise<string> {
  const client = await context.connect(findServer(state, to.server));
  try {
    const found = await client.call(describeServer, {signal: AbortSignal.timeout(patienceMs)});
    if (!found.sites.some(({name}) => name === to.site))
      throw new OperatorError('UNKNOWN_SITE', `${to.server} hosts no site ${to.site}.`, {
        hint: `It hosts ${found.sites.map(({name}) => name).join(', ') || 'none yet'}.`,
      });
    return `${found.name} answers, role ${found.role}`;
  } finally {
    client.close();
  }
}

async function fromServer(
  context: EngineContext,
  state: State,
  from: SiteAddress,
  to: SiteAddress,
): Promise<string> {
  const [here, there]: [StoredServer, StoredServer] = [
    findServer(state, from.server),
    findServer(state, to.server),
  ];
  const client = await context.connect(here);
  try {
    const {url, fingerprint} = there;
    const signal = AbortSignal.timeout(2 * patienceMs);
    const test = await client.call(testPeer, {body: {url, fingerprint, site: to.site}, signal});
    const refusal = refusalOf(test, here.name, there.name);
    if (refusal !== undefined) throw refusal;
    return `${test.detail} lets it work on ${to.site}`;
  } finally {
    client.close();
  }
}
