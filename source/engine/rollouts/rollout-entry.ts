import {checklistOf} from '../../core/rollout-checklist.js';
import type {RolloutServer} from '../../core/rollout-event.js';
import {dealWaves, parseWave} from '../../core/rollout-waves.js';
import {rolloutJournals} from '../../state/rollout-journal.js';
import type {State, StoredRollout} from '../../state/state.js';
import {addressText} from '../connect-sites.js';
import {sitesOf} from './find-rollout.js';
import {serverOf} from './member-of-status.js';
import type {RolloutEntry} from './rollout-verbs.js';

/** A rollout as operators see it. One whose process is gone is paused, whatever it wrote last. */
export async function entryOf(home: string, state: State, rollout: StoredRollout): Promise<RolloutEntry> {
  const definitions = rollout.waves.map((text, index) => parseWave(text, index + 1));
  const servers = serversOf(state, rollout);
  const standing = await standingOf(home, rollout);
  const waves = definitions.map(({name}, index) => ({
    name,
    text: rollout.waves[index]!,
    servers: servers.filter(({wave}) => wave === index + 1).map(addressText),
  }));
  const {items, gates, approvals, members: _, legs: __, leg, servers: ___, ...kept} = rollout;
  return {
    ...kept,
    ...standing,
    gates,
    approvals,
    waves,
    servers,
    failures: servers.filter(({state: how}) => how === 'failed' || how === 'rolled-back').length,
    checklist: checklistOf({waves, servers, gates, approvals, items}),
    ...(leg === undefined ? {} : {rolloutId: leg}),
  };
}

function serversOf(state: State, rollout: StoredRollout): RolloutServer[] {
  const to = rollout.version;
  if (rollout.members.length > 0) return rollout.members.map(member => serverOf(member, to));
  try {
    const sites = sitesOf(state, rollout);
    const dealt = dealWaves(
      rollout.waves.map((text, index) => parseWave(text, index + 1)),
      sites.map(addressText),
    );
    return dealt.flatMap((addresses, index) =>
      addresses.map((address): RolloutServer => {
        const {server, site} = sites.find(candidate => addressText(candidate) === address)!;
        return {server, site, wave: index + 1, state: 'waiting', to};
      }),
    );
  } catch {
    // A cluster that is gone or has changed: the start says so; there is nothing to show.
    return [];
  }
}

async function standingOf(
  home: string,
  {name, status, leg}: StoredRollout,
): Promise<Partial<Pick<RolloutEntry, 'status' | 'reason' | 'pausedFor'>>> {
  if (status !== 'running' || leg === undefined || (await rolloutJournals.isAtWork(home, leg))) return {};
  return {
    status: 'paused',
    pausedFor: {kind: 'interrupted'},
    reason: `Its process was ended; the agents go on with what they had begun. \`lockstep rollout resume ${name}\` takes it up again.`,
  };
}
