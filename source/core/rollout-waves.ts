import {OperatorError} from './operator-error.js';

/** How many of a rollout's servers a wave takes (U16). `rest` takes all that are left. */
export type WaveSize =
  | {readonly kind: 'list'; readonly servers: readonly string[]}
  | {readonly kind: 'count'; readonly count: number}
  | {readonly kind: 'percentage'; readonly percent: number}
  | {readonly kind: 'rest'};

export type WaveDefinition = {readonly name: string; readonly size: WaveSize};

/**
 * Reads a wave as an operator writes it: `canary=web1,web2`, `3`, `half=50%`, `rest`. Without a name it is called by
 * its number.
 * @param number of the wave, from 1
 * @throws OperatorError USAGE
 */
export function parseWave(text: string, number: number): WaveDefinition {
  const equals = text.indexOf('=');
  const name = equals < 0 ? `wave ${number}` : text.slice(0, equals).trim();
  const size = parseSize(text.slice(equals + 1).trim());
  if (size === undefined || name === '' || name.length > 64 || /\p{C}/u.test(name))
    throw new OperatorError('USAGE', `"${text.slice(0, 200)}" is not a wave.`, {
      hint: 'Write a number of servers (3), a share of all of them (50%), servers by name (web1,web2) or rest, each with a name in front if you like: canary=web1.',
    });
  return {name, size};
}

function parseSize(text: string): WaveSize | undefined {
  if (text === 'rest') return {kind: 'rest'};
  if (/^\d{1,6}$/.test(text)) return Number(text) > 0 ? {kind: 'count', count: Number(text)} : undefined;
  const share = /^(\d{1,3}(?:\.\d{1,3})?)\s*%$/.exec(text);
  if (share !== null) {
    const percent = Number(share[1]);
    return percent > 0 && percent <= 100 ? {kind: 'percentage', percent} : undefined;
  }
  const servers = text.split(',').map(server => server.trim());
  return servers.every(server => server !== '') ? {kind: 'list', servers} : undefined;
}

/** The text that `parseWave` reads back. */
export function formatWave({name, size}: WaveDefinition, number: number): string {
  const text = {
    list: () => (size as {servers: readonly string[]}).servers.join(','),
    count: () => String((size as {count: number}).count),
    percentage: () => `${(size as {percent: number}).percent}%`,
    rest: () => 'rest',
  }[size.kind]();
  return name === `wave ${number}` ? text : `${name}=${text}`;
}

/**
 * Deals the servers of a rollout out to its waves, in order: what is named goes where it is named, counts and shares
 * (of all servers, rounded up) take the first of those that no wave names. Every server is in exactly one wave.
 * @param servers all of them, in their order, as `SERVER/SITE`; a wave may name `SERVER` for all sites of it
 * @returns for each wave its servers
 * @throws OperatorError USAGE when a wave names a server that is not among them, one is named twice, a wave is left
 *   with none or a server is in none
 */
export function dealWaves(waves: readonly WaveDefinition[], servers: readonly string[]): string[][] {
  const namedIn = ({size}: WaveDefinition) =>
    size.kind === 'list' ? size.servers.flatMap(name => matching(servers, name)) : [];
  const named = waves.flatMap(namedIn);
  const [twice] = named.filter((server, index) => named.indexOf(server) !== index);
  if (twice !== undefined)
    throw new OperatorError('USAGE', `${twice} is named in two waves.`, {
      hint: 'A server is updated once.',
    });
  const taken = new Set(named);
  const free = servers.filter(server => !taken.has(server));
  const dealt = waves.map(wave =>
    wave.size.kind === 'list' ? namedIn(wave) : free.splice(0, takes(wave.size, servers.length)),
  );
  const empty = dealt.findIndex(wave => wave.length === 0);
  if (empty >= 0)
    throw new OperatorError('USAGE', `No server is left for ${waves[empty]?.name}.`, {
      hint: `There are ${servers.length} servers; the waves before take them all.`,
    });
  if (free.length > 0)
    throw new OperatorError('USAGE', `${free.join(', ')}: in no wave.`, {
      hint: 'Add a last wave `rest`.',
    });
  return dealt;
}

/** @throws OperatorError USAGE for a name that none of the servers has */
function matching(servers: readonly string[], name: string): string[] {
  const found = servers.filter(server => server === name || server.startsWith(`${name}/`));
  if (found.length > 0) return found;
  throw new OperatorError('USAGE', `A wave names ${name}, which is not among the servers.`, {
    hint: `The servers are ${servers.join(', ')}.`,
  });
}

/** How many servers a wave takes that names none. */
function takes(size: Exclude<WaveSize, {kind: 'list'}>, all: number): number {
  switch (size.kind) {
    case 'count':
      return size.count;
    case 'percentage':
      return Math.ceil((all * size.percent) / 100);
    case 'rest':
      return all;
  }
}

/** A wave as it is written, with the names of its servers changed. */
export function renameInWave(text: string, number: number, rename: (name: string) => string): string {
  const wave = parseWave(text, number);
  if (wave.size.kind !== 'list') return text;
  return formatWave({...wave, size: {kind: 'list', servers: wave.size.servers.map(rename)}}, number);
}
