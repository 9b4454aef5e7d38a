import os from 'node:os';
import path from 'node:path';
import {type AgentClient, createAgentClient} from '../client/agent-client.js';
import {OperatorError} from '../core/operator-error.js';
import {type Identity, openIdentity} from '../protocol/identity.js';
import type {
  State,
  StoredCluster,
  StoredLive,
  StoredProfile,
  StoredRelationship,
  StoredServer,
} from '../state/state.js';
import {openStateFile, type StateFile} from '../state/state-file.js';
import {type DetachedWork, spawnDetached} from './spawn-detached.js';

/** What all of the engine's verbs work with. */
export type EngineContext = {
  readonly home: string;
  readonly state: StateFile;
  /** Who the operator is to others and in logs: `user@host`. */
  readonly operator: string;
  /** The console's own key and certificate, made on first use. */
  identity(): Promise<Identity>;
  /** A client for a server; whoever asks for it closes it. */
  connect(server: Pick<StoredServer, 'url' | 'fingerprint'> & {readonly name?: string}): Promise<AgentClient>;
  /** Has work done that nobody waits for; answers once it has begun. @throws OperatorError INTERNAL when it does not */
  readonly startDetached: StartDetached;
};

/** How the work of runs and rollouts begins: as processes of their own, or as whoever opens the engine says. */
export type StartDetached = (work: DetachedWork) => Promise<void>;

/** @param startDetached in place of a process for each run and rollout */
export async function openEngineContext(
  folder: string,
  startDetached: StartDetached = spawnDetached,
): Promise<EngineContext> {
  const home = path.resolve(folder);
  const operator = operatorName();
  const state = await openStateFile(home);
  const identity = async () => await openIdentity(home, operator);
  return {
    home,
    state,
    operator,
    identity,
    startDetached,
    connect: async ({url, fingerprint, name}) =>
      createAgentClient({
        ...{url, fingerprint, identity: await identity()},
        ...(name === undefined ? {} : {name}),
      }),
  };
}

function operatorName(): string {
  let user: string;
  try {
    user = os.userInfo().username;
  } catch {
    // A container may run under a number that no user has.
    user = `uid${process.getuid?.() ?? ''}`;
  }
  return `${user}@${os.hostname()}`;
}

/** @throws OperatorError NOT_FOUND naming what there is. */
export function findServer(state: State, name: string): StoredServer {
  return find(state.servers, name, 'server', '`lockstep server add INVITATION` pairs with one.');
}

/** @throws OperatorError NOT_FOUND */
export function findCluster(state: State, name: string): StoredCluster {
  return find(state.clusters, name, 'cluster', '`lockstep cluster create` makes one.');
}

/** @throws OperatorError NOT_FOUND */
export function findLive(state: State, name: string): StoredLive {
  return find(state.lives ?? [], name, 'live sync', '`lockstep live create` makes one.');
}

/** @throws OperatorError NOT_FOUND */
export function findRelationship(state: State, name: string): StoredRelationship {
  return find(state.relationships, name, 'relationship', '`lockstep relationship create` makes one.');
}

/** @throws OperatorError NOT_FOUND */
export function findProfile(state: State, relationship: string, name: string): StoredProfile {
  findRelationship(state, relationship);
  const profiles = state.profiles.filter(profile => profile.relationship === relationship);
  return find(profiles, name, `profile in ${relationship}`, '`lockstep profile create` makes one.');
}

function find<T extends {name: string}>(entries: readonly T[], name: string, what: string, how: string): T {
  const found = entries.find(entry => entry.name === name);
  if (found !== undefined) return found;
  throw new OperatorError('NOT_FOUND', `There is no ${what} called ${name}.`, {
    hint: entries.length === 0 ? how : `There are: ${entries.map(entry => entry.name).join(', ')}.`,
  });
}

/** @throws OperatorError ALREADY_EXISTS */
export function mustBeFree(entries: readonly {name: string}[], name: string, what: string): void {
  if (entries.some(entry => entry.name === name))
    throw new OperatorError('ALREADY_EXISTS', `There is already a ${what} called ${name}.`, {
      hint: 'Choose another name.',
    });
}

/**
 * A name that operators type and read: no slash, which separates names on the command line.
 * @throws OperatorError USAGE
 */
export function checkName(name: string, what: string): void {
  if (name.trim() !== name || name === '' || name.length > 128 || /[/\p{C}]/u.test(name))
    throw new OperatorError('USAGE', `"${name.slice(0, 80)}" is no name for a ${what}.`, {
      hint: 'One to 128 characters, no slash, no control characters, no blanks at the ends.',
    });
}
