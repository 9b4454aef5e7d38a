import {setTimeout as delay} from 'node:timers/promises';
import type {AgentClient} from '../../client/agent-client.js';
import {isOlderAgent} from '../../core/agent-version.js';
import {OperatorError} from '../../core/operator-error.js';
import type {RolloutLock, UpdateCheckReport, UpdateStatus} from '../../core/update-status.js';
import {describeServer} from '../../protocol/server-endpoints.js';
import * as endpoints from '../../protocol/update-endpoints.js';
import type {State} from '../../state/state.js';
import {version} from '../../system/version.js';
import type {SiteAddress} from '../engine.js';
import {type EngineContext, findServer} from '../engine-context.js';
import {isPassing} from '../run-steps/persist.js';
import type {ReleaseOffer} from './release-offer.js';

/** Milliseconds between two looks at an update that is at work. */
const pollMs = 500;

/** What a rollout asks of the agents; one connection to each, however many of its sites take part. */
export class ServerUpdates {
  readonly #context: EngineContext;
  readonly #state: State;
  readonly #clients = new Map<string, Promise<AgentClient>>();

  /** @param state tells where the servers are */
  constructor(context: EngineContext, state: State) {
    this.#context = context;
    this.#state = state;
  }

  /** Holds a site for the rollout. @throws OperatorError SITE_BUSY with `details.lock` */
  async lock(
    {server, site}: SiteAddress,
    hold: {lockId: string; rolloutId: string; by: string; takeOver?: string},
  ): Promise<RolloutLock> {
    return this.#ask(server, client => client.call(endpoints.lockForRollout, {params: {site}, body: hold}));
  }

  async unlock({server, site}: SiteAddress, lock: string): Promise<void> {
    await this.#ask(server, client => client.call(endpoints.unlockAfterRollout, {params: {site, lock}}));
  }

  /** The version that a site says it runs. @throws OperatorError UNKNOWN_SITE */
  async runningVersion({server, site}: SiteAddress): Promise<string> {
    const {sites} = await this.#ask(server, client => client.call(describeServer, {}));
    const found = sites.find(({name}) => name === site);
    if (found === undefined) throw new OperatorError('UNKNOWN_SITE', `${server} hosts no site ${site}.`);
    return found.version;
  }

  /** The preflight (U15). */
  async check(
    {server, site}: SiteAddress,
    release: ReleaseOffer,
    until?: string,
  ): Promise<UpdateCheckReport> {
    return this.#ask(server, async client =>
      client.call(endpoints.checkUpdate, {
        params: {site},
        body: {
          release: await release.offer({server, site}),
          ...(until === undefined ? {} : {window: {until}}),
        },
      }),
    );
  }

  /** Starts an update, or finds the one of that id. @throws OperatorError SITE_BUSY */
  async start(
    {server, site}: SiteAddress,
    release: ReleaseOffer,
    request: {id: string; by: string; rolloutId: string; lockId: string; mailTo?: string; until?: string},
  ): Promise<UpdateStatus> {
    const {until, ...rest} = request;
    return this.#ask(server, async client =>
      client.call(endpoints.startUpdate, {
        params: {site},
        body: {
          ...rest,
          release: await release.bring({server, site}),
          ...(until === undefined ? {} : {window: {until}}),
        },
      }),
    );
  }

  /** How an update stands; undefined when the agent never heard of it. */
  async find({server, site}: SiteAddress, update: string): Promise<UpdateStatus | undefined> {
    try {
      return await this.#ask(server, client => client.call(endpoints.showUpdate, {params: {site, update}}));
    } catch (error) {
      if (error instanceof OperatorError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  async abort({server, site}: SiteAddress, update: string, by: string): Promise<void> {
    await this.#ask(server, client =>
      client.call(endpoints.abortUpdate, {params: {site, update}, body: {by}}),
    );
  }

  async rollBack(
    {server, site}: SiteAddress,
    update: string,
    request: {by: string; mailTo?: string},
  ): Promise<UpdateStatus> {
    return this.#ask(server, client =>
      client.call(endpoints.rollBackUpdate, {params: {site, update}, body: request}),
    );
  }

  /**
   * Looks at an update until it is at work no more. An agent that does not answer is waited for: it may be starting again, and
   * goes on by itself then.
   * @param onStatus told of every look
   * @throws OperatorError UNREACHABLE and the like when it was silent for `patienceMs`, NOT_FOUND
   */
  async follow(
    address: SiteAddress,
    update: string,
    {
      patienceMs,
      signal,
      onStatus,
    }: {patienceMs: number; signal: AbortSignal; onStatus: (status: UpdateStatus) => void},
  ): Promise<UpdateStatus> {
    let heardMs = Date.now();
    for (;;) {
      signal.throwIfAborted();
      try {
        const status = await this.find(address, update);
        if (status === undefined)
          throw new OperatorError('NOT_FOUND', `${address.server} knows nothing of the update ${update}.`, {
            hint: 'Was its data folder replaced? Look at the server.',
          });
        heardMs = Date.now();
        onStatus(status);
        if (status.state !== 'running') return status;
      } catch (error) {
        if (!isPassing(error) || Date.now() - heardMs > patienceMs) throw error;
      }
      await delay(pollMs, undefined, {signal}).catch(() => signal.throwIfAborted());
    }
  }

  close(): void {
    for (const client of this.#clients.values()) client.then(open => open.close()).catch(() => {});
  }

  /** @throws OperatorError NO_SUCH_ENDPOINT with what to do about an agent that knows nothing of updates */
  async #ask<T>(server: string, work: (client: AgentClient) => Promise<T>): Promise<T> {
    const client = await this.#client(server);
    try {
      return await work(client);
    } catch (error) {
      if (error instanceof OperatorError && error.code === 'NO_SUCH_ENDPOINT')
        throw await tooOld(client, server, error);
      throw error;
    }
  }

  #client(name: string): Promise<AgentClient> {
    let client = this.#clients.get(name);
    if (client === undefined) {
      client = this.#context.connect(findServer(this.#state, name));
      this.#clients.set(name, client);
    }
    return client;
  }
}

/** Says of which version an agent is that does not know what it is asked; else what it answered. */
async function tooOld(client: AgentClient, server: string, error: OperatorError): Promise<OperatorError> {
  const running = await client.call(describeServer, {}).then(
    described => described.version,
    () => undefined,
  );
  if (running === undefined || !isOlderAgent(running, version)) return error;
  return new OperatorError(
    'NO_SUCH_ENDPOINT',
    `The agent of ${server} is version ${running}, too old for this console (${version}) to update its sites.`,
    {hint: `Update the agent first: \`lockstep server update ${server}\`.`, cause: error},
  );
}

/** The same as a port: what the work on a rollout needs of its agents. */
export type RolloutAgents = Pick<ServerUpdates, keyof ServerUpdates>;
