import type {Action} from '../../core/plan.js';
import {type ListSpec, selectedRow} from '../list.js';
import type {PreviewScreen} from './preview-screen.js';

/** The actions of one table, or of one folder directly below the root. */
export type Group = {
  readonly name: string;
  readonly type: 'table' | 'folder';
  readonly ids: readonly string[];
  readonly counts: Readonly<Record<Action['kind'], number>>;
};

/** Files that lie in the root itself. */
const rootFolder = '(site root)';

/** The table of a row, or the first folder of a path. */
export function groupOf({item}: Action): string {
  if (item.type !== 'file') return item.table;
  const slash = item.path.indexOf('/');
  return slash === -1 ? rootFolder : `${item.path.slice(0, slash)}/`;
}

/** The actions of a plan by table and folder, in the order in which they first come. */
export function groupActions(actions: readonly Action[]): readonly Group[] {
  return remembered(groups, actions, () => {
    const found = new Map<string, Group & {ids: string[]; counts: Record<Action['kind'], number>}>();
    for (const action of actions) {
      const name = groupOf(action);
      const type = action.item.type === 'file' ? 'folder' : 'table';
      const key = `${type} ${name}`;
      const group = found.get(key) ?? {
        name,
        type,
        ids: [],
        counts: {create: 0, update: 0, delete: 0, conflict: 0, skip: 0},
      };
      group.ids.push(action.id);
      group.counts[action.kind]++;
      found.set(key, group);
    }
    return [...found.values()];
  });
}

/** Only the actions of one group; the same array every time, because lists are remembered by their rows. */
export function actionsOfGroup(actions: readonly Action[], group: string): readonly Action[] {
  const byGroup = remembered(filtered, actions, () => new Map<string, readonly Action[]>());
  const known = byGroup.get(group) ?? actions.filter(action => groupOf(action) === group);
  byGroup.set(group, known);
  return known;
}

/** The tables and folders of a preview, with what is to be done in each. */
export function groupList({taken, leftOut}: PreviewScreen): ListSpec<Group> {
  const count = (title: string, kind: Action['kind']) => ({
    title,
    min: 4,
    align: 'right' as const,
    sortBy: (row: Group) => row.counts[kind],
    text: (row: Group) => (row.counts[kind] === 0 ? '' : String(row.counts[kind])),
  });
  return {
    rows: groupActions(taken.value?.plan.actions ?? noActions),
    id: row => `${row.type} ${row.name}`,
    columns: [
      {title: 'Table or folder', min: 16, grow: true, text: row => row.name},
      {title: 'Type', min: 6, text: row => row.type},
      count('New', 'create'),
      count('Upd', 'update'),
      count('Del', 'delete'),
      count('!Cnf', 'conflict'),
      count('Skip', 'skip'),
      {
        title: 'Left out',
        min: 8,
        align: 'right',
        text: row => {
          const out = row.ids.filter(id => leftOut.has(id)).length;
          return out === 0 ? '' : out === row.ids.length ? 'all' : String(out);
        },
      },
    ],
  };
}

const noActions: readonly Action[] = [];

/** The table or folder under the cursor, where they are shown. */
export function chosenGroup(screen: PreviewScreen): Group | undefined {
  return screen.groups === undefined ? undefined : selectedRow(groupList(screen), screen.groups);
}

/** Leaves a whole group out, or takes it in again when all of it is out; no action of another group depends on it. */
export function leaveOutGroup(group: Group, leftOut: ReadonlySet<string>): ReadonlySet<string> {
  const after = new Set(leftOut);
  const takeIn = group.ids.every(id => leftOut.has(id));
  for (const id of group.ids) {
    if (takeIn) after.delete(id);
    else after.add(id);
  }
  return after;
}

const groups = new WeakMap<readonly Action[], readonly Group[]>();
const filtered = new WeakMap<readonly Action[], Map<string, readonly Action[]>>();

function remembered<K extends object, V>(memory: WeakMap<K, V>, key: K, make: () => V): V {
  const known = memory.get(key);
  if (known !== undefined) return known;
  const made = make();
  memory.set(key, made);
  return made;
}
