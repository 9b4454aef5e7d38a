import {OperatorError} from '../../core/operator-error.js';
import {dealWaves, parseWave} from '../../core/rollout-waves.js';
import {parseWindow} from '../../core/rollout-window.js';
import type {State} from '../../state/state.js';
import {addressText} from '../connect-sites.js';
import {checkName, findCluster, findServer} from '../engine-context.js';
import type {RolloutDefinition} from './rollout-verbs.js';

/** @throws OperatorError USAGE, NOT_FOUND saying what is wrong with a rollout as it is described */
export function checkDefinition(state: State, definition: RolloutDefinition): void {
  const {name, servers, waves, gates, window, scheduled, items, concurrency, failuresAllowed} = definition;
  checkName(name, 'rollout');
  const sites = typeof servers === 'string' ? findCluster(state, servers).members : servers;
  for (const {server, site} of sites) {
    const known = findServer(state, server);
    if (!known.sites.includes(site))
      throw new OperatorError('UNKNOWN_SITE', `${server} hosts no site ${site}.`, {
        hint: `It hosts: ${known.sites.join(', ') || 'none'}. \`lockstep server check ${server}\` looks again.`,
      });
  }
  const addresses = sites.map(addressText);
  const [twice] = addresses.filter((address, index) => addresses.indexOf(address) !== index);
  if (twice !== undefined) throw refuse(`${twice} is named twice.`, 'A server is updated once.');
  if (addresses.length === 0) throw refuse('No server is named.', 'Name at least one.');
  dealWaves(
    waves.map((text, index) => parseWave(text, index + 1)),
    addresses,
  );
  const [foreign] = [...gates, ...items.flatMap(({before}) => before ?? [])].filter(
    wave => wave > waves.length,
  );
  if (foreign !== undefined) throw refuse(`There is no wave ${foreign}.`, `The rollout has ${waves.length}.`);
  if (window !== undefined) parseWindow(window);
  if (scheduled && window === undefined)
    throw refuse('A rollout that the scheduler starts needs a window.', 'Add --window.');
  if (!(concurrency >= 1 && concurrency <= 256))
    throw refuse(`${concurrency} servers at a time is not possible.`, 'From 1 to 256.');
  if (!(failuresAllowed >= 0)) throw refuse(`${failuresAllowed} failures cannot be allowed.`, '0 or more.');
  for (const {text} of items)
    if (text.trim() === '' || text.length > 500)
      throw refuse('An item of the checklist is empty or too long.', 'One to 500 characters.');
}

function refuse(message: string, hint: string): OperatorError {
  return new OperatorError('USAGE', message, {hint});
}
