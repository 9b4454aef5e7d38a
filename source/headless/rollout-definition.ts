import {OperatorError} from '../core/operator-error.js';
import type {Engine, SiteAddress} from '../engine/engine.js';
import type {RolloutDefinition} from '../engine/rollouts/rollout-verbs.js';
import {parseCount, parseDuration, parseList, parseSiteAddress} from './parse-arguments.js';

/** What `rollout create` is told. */
export type RolloutOptions = {
  release: string;
  servers: string;
  wave?: string[];
  waves?: string;
  concurrency: string;
  failuresAllowed: string;
  bake?: string;
  gate?: string[];
  approvers?: string;
  fourEyes: boolean;
  window?: string;
  scheduled: boolean;
  patience: string;
  mailTo?: string;
  item?: string[];
};

/** @throws OperatorError USAGE, NOT_FOUND */
export async function definitionOf(
  engine: Engine,
  name: string,
  options: RolloutOptions,
): Promise<RolloutDefinition> {
  const waves = [
    ...(options.waves === undefined ? [] : parseList(options.waves, '--waves')),
    ...(options.wave ?? []),
  ];
  const all = waves.length === 0 ? ['rest'] : waves;
  const {window, mailTo} = options;
  return {
    name,
    release: options.release,
    servers: await parseServers(engine, options.servers),
    waves: all,
    concurrency: parseCount(options.concurrency, '--concurrency', 256),
    failuresAllowed: parseCount(options.failuresAllowed, '--failures-allowed', 10_000, 0),
    bakeMs: options.bake === undefined ? 0 : parseDuration(options.bake, '--bake'),
    gates: (options.gate ?? []).flatMap(text => parseGate(text, all.length)),
    approvers: options.approvers === undefined ? [] : parseList(options.approvers, '--approvers'),
    fourEyes: options.fourEyes,
    ...(window === undefined ? {} : {window}),
    scheduled: options.scheduled,
    ...(mailTo === undefined ? {} : {mailTo: parseAddress(mailTo)}),
    patienceMs: parseDuration(options.patience, '--patience'),
    items: (options.item ?? []).map(parseItem),
  };
}

/** Between waves: `every` is every wave but the first. */
function parseGate(text: string, waves: number): number[] {
  if (text === 'every') return Array.from({length: waves - 1}, (_, index) => index + 2);
  return parseList(text, '--gate').map(wave => parseCount(wave, '--gate', 1000));
}

function parseItem(text: string): {text: string; before?: number} {
  const before = /^(\d{1,4})=(.+)$/s.exec(text);
  return before === null ? {text} : {text: before[2]!, before: parseCount(before[1]!, '--item', 1000)};
}

function parseAddress(text: string): string {
  if (!/^[^\s@<>,;"]+@[^\s@<>,;"]+$/.test(text))
    throw new OperatorError('USAGE', `--mail-to is the address of one mailbox, not "${text}".`);
  return text;
}

/** `SERVER/SITE`, `SERVER` where it has one site, or the name of a cluster alone. */
async function parseServers(engine: Engine, text: string): Promise<readonly SiteAddress[] | string> {
  const names = parseList(text, '--servers');
  const servers = await engine.servers.list();
  const [only] = names;
  if (names.length === 1 && !servers.some(({name}) => name === only)) {
    const clusters = await engine.clusters.list();
    if (clusters.some(({name}) => name === only)) return only!;
  }
  return names.map(name => {
    if (name.includes('/')) return parseSiteAddress(name);
    const known = servers.find(server => server.name === name);
    if (known === undefined)
      throw new OperatorError('NOT_FOUND', `There is no server or cluster called ${name}.`, {
        hint: `There are: ${servers.map(server => server.name).join(', ') || 'none'}.`,
      });
    const [site] = known.sites;
    if (site === undefined || known.sites.length > 1)
      throw new OperatorError('USAGE', `${name} hosts ${known.sites.length} sites; which one?`, {
        hint: known.sites.map(each => `${name}/${each}`).join(', ') || 'Add a site on the server.',
      });
    return {server: name, site};
  });
}
