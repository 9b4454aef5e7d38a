import type {SiteAddress} from '../../engine/engine.js';
import {siteText} from '../describe.js';
import type {ConsoleEvent} from '../events.js';
import {plural} from '../format.js';
import {say} from '../message.js';
import {type Model, type Step, step} from '../model.js';
import {type Loadable, notLoaded, type SitePackages} from '../shared-data.js';

/** What is known of a site's package manager. */
export function packagesOf(model: Model, address: SiteAddress): Loadable<SitePackages> {
  return model.packages[siteText(address)] ?? notLoaded;
}

/** Opens the package manager of a site: what has expired is deleted there (P7), the rest is listed. */
export function readPackages(model: Model, address: SiteAddress): Step {
  const before = packagesOf(model, address);
  if (before.loading) return step(model);
  return step(put(model, address, {...before, loading: true}), {type: 'read-packages', address});
}

type Read = Extract<ConsoleEvent, {type: 'packages-read' | 'packages-failed'}>;

export function receivePackages(model: Model, event: Read): Model {
  const before = packagesOf(model, event.address);
  if (event.type === 'packages-failed')
    return put(model, event.address, {...before, loading: false, fault: event.fault});
  const {packages, files, at} = event;
  const gone = expiredSince(before.value, event);
  const expired = [...gone.map(name => ({name, at})), ...(before.value?.expired ?? [])];
  const known = put(model, event.address, {loading: false, value: {packages, files, expired}, at});
  if (gone.length === 0) return known;
  const text =
    gone.length === 1
      ? `Package ${gone[0]} had expired and is deleted`
      : `${plural(gone.length, 'package')} had expired and are deleted: ${gone.join(', ')}`;
  return say(known, 'warn', `${text}; the registered files stay.`);
}

/** What this opening deleted, and what the agent had deleted by itself since the one before. */
function expiredSince(
  before: SitePackages | undefined,
  {packages, expired, at}: Extract<Read, {type: 'packages-read'}>,
): readonly string[] {
  const here = new Set([...packages.map(({name}) => name), ...expired]);
  const vanished = (before?.packages ?? []).filter(
    ({name, expires}) => !here.has(name) && expires !== undefined && Date.parse(expires) <= at,
  );
  return [...expired, ...vanished.map(({name}) => name)];
}

function put(model: Model, address: SiteAddress, packages: Loadable<SitePackages>): Model {
  return {...model, packages: {...model.packages, [siteText(address)]: packages}};
}
