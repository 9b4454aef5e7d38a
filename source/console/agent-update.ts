import type {SiteAddress} from '../engine/engine.js';
import {isRunning, ownerOf} from './describe.js';
import type {Model} from './model.js';
import {isAtWork} from './rollouts/describe-rollout.js';
import {textInput} from './text-input.js';

/** Why the agent of a server is not updated to the version of this console now (U13). */
export function agentUpdateProblem(model: Model, server: string | undefined): string | undefined {
  if (server === undefined) return 'there is no server in the list';
  const check = model.checks[server]?.value;
  if (check?.version === undefined) return 'it has not answered, so that its version is not known';
  if (check.olderThan === undefined) return `its agent (${check.version}) is not older than this console`;
  if (check.role !== 'admin') return `it takes the role admin there; ours is ${check.role}`;
  return workAt(model, server);
}

/** A run or a rollout that is at work on a server, as far as this console knows; the agent knows better and refuses. */
function workAt(model: Model, server: string): string | undefined {
  const isIts = (end: SiteAddress) => end.server === server;
  const {runs, relationships, lives, rollouts} = model.data;
  const owners = [
    ...(relationships.value ?? []).map(({name, local, remote, members = []}) => ({
      name,
      ends: [local, remote, ...members],
    })),
    ...(lives.value ?? []).map(({name, local, servers}) => ({name, ends: [local, ...servers]})),
  ].filter(({ends}) => ends.some(isIts));
  const run = (runs.value ?? []).find(
    entry => isRunning(entry) && owners.some(({name}) => name === ownerOf(entry)),
  );
  if (run !== undefined) return `run ${run.runId} is at work there`;
  const rollout = (rollouts.value ?? []).find(entry => isAtWork(entry) && entry.servers.some(isIts));
  return rollout && `rollout ${rollout.name} is at work there`;
}

/** Asks before the agent of a server is replaced. */
export function askAgentUpdate(model: Model, server: string): Model {
  const {version, olderThan} = model.checks[server]?.value ?? {};
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: `Update the agent of ${server} from ${version} to ${olderThan}?`,
      effects: [
        ['this console', 'sends the program that it is itself'],
        [
          'the agent',
          'must allow that in its agent.json; it checks the signature and is away for some seconds',
        ],
        ['runs', 'wait until it is over; sites and their data stay as they are'],
        ['if it fails', `version ${version} runs again by itself`],
      ],
      input: textInput(),
      commands: [{type: 'update-agent', name: server}],
      thenBack: false,
    },
  };
}
