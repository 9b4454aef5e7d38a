import type {ItemGroup, ItemGroups} from './item-group.js';
import {OperatorError} from './operator-error.js';
import {compilePatterns} from './patterns.js';
import type {Side} from './plan.js';
import type {FileFilter} from './profile.js';

/** What a profile is about (E8, E9). */
export type Scope = {
  /** Whether a path takes part; `isFolder` because the general exceptions are about files. */
  accepts(path: string, isFolder: boolean): boolean;
  /** Whether the profile includes the rows of the database. */
  readonly includesDatabase: boolean;
  /** Whether any of the profile's groups names files at both sites. */
  readonly includesFiles: boolean;
  /** Whether the rows of a table take part; undefined when all do. */
  readonly acceptsTable?: (table: string) => boolean;
};

/** Files that are never synchronised unless the profile's `only` names them (E9). */
export const generalExceptions: readonly string[] = ['*.config', '*.txt', '*.sln'];

/**
 * The scope of a profile over two sites: only what the groups of both accept, so that a pattern which one
 * side excludes never reads as a deletion on the other.
 * @throws OperatorError USAGE when an item is not a group of both sites.
 */
export function createScope(definition: {
  groups: Readonly<Record<Side, ItemGroups>>;
  items: readonly string[];
  filter: FileFilter;
}): Scope {
  const {groups, items, filter} = definition;
  const inLocal = compileGroups('local', groups.local, items);
  const inRemote = sameGroups(groups) ? inLocal : compileGroups('remote', groups.remote, items);
  const passes = compileFilter(filter);
  return {
    accepts: (path, isFolder) =>
      passes(path, isFolder) && inLocal(path) && (inRemote === inLocal || inRemote(path)),
    includesDatabase: items.some(item => groups.local[item]?.database && groups.remote[item]?.database),
    includesFiles: items.some(item => namesFiles(groups.local[item]) && namesFiles(groups.remote[item])),
  };
}

function namesFiles(group: ItemGroup | undefined): boolean {
  return group !== undefined && (group.rest === true || group.include.length > 0);
}

/** The scope of one site alone, which is what an agent counts in (E34). */
export function createSiteScope(definition: {
  groups: ItemGroups;
  items: readonly string[];
  filter: FileFilter;
}): Scope {
  return createScope({...definition, groups: {local: definition.groups, remote: definition.groups}});
}

function sameGroups(groups: Readonly<Record<Side, ItemGroups>>): boolean {
  return groups.local === groups.remote || JSON.stringify(groups.local) === JSON.stringify(groups.remote);
}

function compileGroups(side: Side, groups: ItemGroups, items: readonly string[]): (path: string) => boolean {
  for (const item of items) {
    if (Object.hasOwn(groups, item)) continue;
    throw new OperatorError('USAGE', `The ${side} site has no item group "${item}".`, {
      hint: `It has: ${Object.keys(groups).sort().join(', ')}.`,
    });
  }
  const members = items.map(item => compileGroup(item, groups));
  return path => members.some(member => member(path));
}

function compileGroup(name: string, groups: ItemGroups): (path: string) => boolean {
  const group: ItemGroup = groups[name]!;
  const includes = compilePatterns(group.include);
  const excludes = compilePatterns(group.exclude);
  if (!group.rest) return path => includes(path) && !excludes(path);
  // What another group includes is that group's business, also where the group then leaves it out.
  const elsewhere = Object.entries(groups)
    .filter(([other, {rest}]) => other !== name && !rest)
    .map(([, other]) => compilePatterns(other.include));
  return path => (includes(path) || !elsewhere.some(taken => taken(path))) && !excludes(path);
}

function compileFilter(filter: FileFilter): (path: string, isFolder: boolean) => boolean {
  if (filter.kind === 'only') {
    return compilePatterns(filter.patterns);
  }
  const exceptions = generalExceptions.map(pattern => pattern.slice(1));
  const excluded = compilePatterns(filter.kind === 'exclude' ? filter.patterns : []);
  return (path, isFolder) =>
    !(!isFolder && exceptions.some(extension => path.endsWith(extension))) && !excluded(path);
}
