import type {ItemGroup, ItemGroups} from './item-group.js';

/** What a live sync knows of the editorial site. */
export type LiveSite = {
  readonly groups: ItemGroups;
  readonly tableGroups?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly userTables?: readonly string[] | undefined;
};

/** One phase of a live sync that moves items, in the order of `liveStages` (G4, G5). */
export type LiveStage = {
  readonly phase: 'rights-pull' | 'rights-push' | 'tenant-pull' | 'tenant-push';
  readonly tenant?: string;
  /** The files and, with `database`, rows that it is about. */
  readonly group: ItemGroup;
  readonly acceptsTable: (table: string) => boolean;
};

/** Name of the table group whose tables are the rights (CLI.md, agent.json). */
export const rightsGroup = 'rights';

/**
 * The phases between the checks and the logs, in order: users from every live server, all rights tables to every
 * live server, then tenant by tenant what changed from every one and to every one (G4, G5).
 * @param tenants names of item groups, table groups or folders
 * @param extra names of table groups or tables that go along with every tenant; undefined for the tables that no
 *   group claims
 */
export function liveStages(
  site: LiveSite,
  tenants: readonly string[],
  extra: readonly string[] | undefined,
): LiveStage[] {
  const tableGroups = site.tableGroups ?? {};
  const rights = Object.hasOwn(tableGroups, rightsGroup) ? tableGroups[rightsGroup]! : [];
  const stages: LiveStage[] = [];
  if (rights.length > 0) {
    const group: ItemGroup = {include: [], exclude: [], database: true};
    const users = rights.filter(table => isUserTable(table, site.userTables));
    stages.push(
      {phase: 'rights-pull', group, acceptsTable: named(users.length > 0 ? users : rights)},
      {phase: 'rights-push', group, acceptsTable: named(rights)},
    );
  }
  const along = named((extra ?? []).flatMap(name => tableGroups[name] ?? [name]));
  const claimed = named(Object.values(tableGroups).flat());
  for (const tenant of tenants) {
    const own = named(tableGroups[tenant] ?? []);
    const wholeDatabase = site.groups[tenant]?.database === true;
    const others = named(
      Object.entries(tableGroups).flatMap(([name, tables]) => (name === tenant ? [] : tables)),
    );
    const acceptsTable = (table: string) =>
      own(table) ||
      along(table) ||
      (extra === undefined && !claimed(table)) ||
      (wholeDatabase && !others(table));
    const group = {...filesOf(tenant, site), database: true};
    for (const phase of ['tenant-pull', 'tenant-push'] as const)
      stages.push({phase, tenant, group, acceptsTable});
  }
  return stages;
}

/** The files of a tenant: those of the item group of its name, else the folder of its name. */
function filesOf(tenant: string, {groups}: LiveSite): ItemGroup {
  return Object.hasOwn(groups, tenant) ? groups[tenant]! : {include: [`${tenant}/**`], exclude: []};
}

function isUserTable(table: string, declared: readonly string[] | undefined): boolean {
  return declared === undefined ? /(^|_)users?$/i.test(table) : declared.includes(table);
}

/** Tables by name; `*` stands for anything. */
function named(names: readonly string[]): (table: string) => boolean {
  const exact = new Set(names.filter(name => !name.includes('*')));
  const patterns = names
    .filter(name => name.includes('*'))
    .map(name => new RegExp(`^${name.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 'i'));
  return table => exact.has(table) || patterns.some(pattern => pattern.test(table));
}
