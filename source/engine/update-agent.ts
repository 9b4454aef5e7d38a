import {randomBytes} from 'node:crypto';
import {rm} from 'node:fs/promises';
import path from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import type {AgentClient} from '../client/agent-client.js';
import {isOlderAgent} from '../core/agent-version.js';
import {OperatorError} from '../core/operator-error.js';
import {formatRunId, runIdRandomBytes} from '../core/run-id.js';
import type {UpdateStatus} from '../core/update-status.js';
import {findAgentUpdate, showAgentUpdate, startAgentUpdate} from '../protocol/agent-update-endpoints.js';
import {copyProgram} from '../system/program-files.js';
import {version} from '../system/version.js';
import {type EngineContext, findServer} from './engine-context.js';
import {agentEnds, bringTo} from './releases/bring-release.js';
import {ReleaseFolder} from './releases/release-folder.js';
import type {ReleaseProgress, ReleaseVerbs} from './releases.js';
import {isPassing, persist} from './run-steps/persist.js';

/** Milliseconds between two looks at an update that is at work. */
const pollMs = 500;
/** An agent that is silent for so long in the middle of its update is not waited for any more, milliseconds. */
const patienceMs = 600_000;

/** The release of the program of this console. */
const ownName = 'lockstep-agent';

export type AgentUpdateOptions = {
  /** A release of Lockstep; the program of this console when absent. */
  readonly release?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: ReleaseProgress;
  /** Told of every look at the update. */
  readonly onStatus?: (status: UpdateStatus) => void;
};

/** Whether the agent of a server could be updated, and how the last update of it went. */
export type AgentVersion = {
  readonly version: string;
  /** Of this console. */
  readonly consoleVersion: string;
  readonly older: boolean;
  /** Whether its agent.json lets consoles update it. */
  readonly allowed: boolean;
  readonly update?: UpdateStatus;
};

/** How the agent of a server stands towards this console (U13). */
export async function compareAgent(context: EngineContext, server: string): Promise<AgentVersion> {
  const client = await context.connect(findServer(await context.state.read(), server));
  try {
    const found = await ask(client);
    return {...found, consoleVersion: version, older: isOlderAgent(found.version, version)};
  } finally {
    client.close();
  }
}

/**
 * Updates the agent of a server (U13) and looks on until that has ended. One that is at work already is looked at instead.
 * @returns how it went
 * @throws OperatorError RELEASE_REFUSED for an agent that is not older, UPDATE_NOT_CONFIGURED, SITE_BUSY, ROLE_REFUSED,
 *   what bringing a release fails with and why an update ended without the new version; the reason of `signal`, and the update goes on then
 */
export async function updateAgent(
  context: EngineContext,
  releases: Pick<ReleaseVerbs, 'add'>,
  server: string,
  options: AgentUpdateOptions,
): Promise<UpdateStatus> {
  const {signal, onProgress} = options;
  const client = await context.connect(findServer(await context.state.read(), server));
  try {
    const {version: running, allowed, update} = await ask(client);
    if (update?.state === 'running') return endOf(server, await follow(client, update, options));
    if (options.release === undefined && !isOlderAgent(running, version))
      throw new OperatorError(
        'RELEASE_REFUSED',
        `The agent of ${server} is version ${running}, which is not older than this console (${version}).`,
        {hint: 'There is nothing to do, unless this console is the older one.'},
      );
    if (!allowed)
      throw new OperatorError(
        'UPDATE_NOT_CONFIGURED',
        `agent.json of ${server} lets no console update its agent.`,
        {
          hint: 'Add "selfUpdate" with the keys of whoever signs to agent.json there; or install the version there by hand and start the agent again.',
        },
      );
    const id = options.release ?? (await ownRelease(context, releases, options));
    const stored = await new ReleaseFolder(context.home).find(id);
    const offer = await bringTo(agentEnds(client), stored, {
      ...(signal ? {signal} : {}),
      ...(onProgress ? {onProgress} : {}),
    });
    const body = {
      id: formatRunId(Date.now(), randomBytes(runIdRandomBytes)),
      release: offer,
      by: context.operator,
    };
    // Under the same id it is started once, however often an answer is lost.
    const started = await persist(() => client.call(startAgentUpdate, {body, ...(signal ? {signal} : {})}), {
      signal: signal ?? new AbortController().signal,
      beforeRetry: async () => {},
    });
    return endOf(server, await follow(client, started, options));
  } finally {
    client.close();
  }
}

async function ask(client: AgentClient) {
  try {
    return await client.call(showAgentUpdate, {});
  } catch (error) {
    if (!(error instanceof OperatorError && error.code === 'NO_SUCH_ENDPOINT')) throw error;
    throw new OperatorError(
      'NO_SUCH_ENDPOINT',
      'The agent is of a version that cannot be updated from here.',
      {
        hint: 'Install this version there by hand once, and start its agent again while no run and no update is in progress.',
        cause: error,
      },
    );
  }
}

/** @throws OperatorError why it did not end with the new version, and what to do next */
function endOf(server: string, status: UpdateStatus): UpdateStatus {
  const {state, from, to, error, nextStep} = status;
  if (state === 'done') return status;
  const runs = state === 'attention' ? 'a person must look' : `version ${from} runs`;
  throw OperatorError.fromDocument({
    code: error?.code ?? 'UPDATE_ABORTED',
    message: `The agent of ${server} was not updated to ${to}; ${runs}. ${error?.message ?? ''}`.trim(),
    ...(nextStep === undefined ? {} : {hint: nextStep}),
  });
}

/** The program of this console as a release; made when it is asked for first. */
async function ownRelease(
  {home}: EngineContext,
  releases: Pick<ReleaseVerbs, 'add'>,
  {signal, onProgress}: AgentUpdateOptions,
): Promise<string> {
  const id = `${ownName}-${version}`;
  if ((await new ReleaseFolder(home).list()).some(known => known.id === id)) return id;
  const folder = await new ReleaseFolder(home).scratch();
  try {
    onProgress?.('packing', 0, undefined);
    await copyProgram(path.join(folder, 'program'));
    await releases.add(
      {
        origin: {kind: 'path', path: path.join(folder, 'program')},
        name: ownName,
        version,
        strip: false,
        push: true,
        signing: {kind: 'none'},
      },
      {...(signal ? {signal} : {}), ...(onProgress ? {onProgress} : {})},
    );
    return id;
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

/** Looks at an update until it is at work no more; the agent is away for a while in the middle of it. */
async function follow(
  client: AgentClient,
  first: UpdateStatus,
  {signal, onStatus}: AgentUpdateOptions,
): Promise<UpdateStatus> {
  let heardMs = Date.now();
  for (let status = first; ; ) {
    onStatus?.(status);
    if (status.state !== 'running') return status;
    await delay(pollMs, undefined, signal ? {signal} : {}).catch(() => signal?.throwIfAborted());
    try {
      status = await client.call(findAgentUpdate, {params: {update: first.id}, ...(signal ? {signal} : {})});
      heardMs = Date.now();
    } catch (error) {
      signal?.throwIfAborted();
      if (!isPassing(error) || Date.now() - heardMs > patienceMs) throw error;
    }
  }
}
