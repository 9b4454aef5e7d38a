import {createHash} from 'node:crypto';
import type {FileRecord, ItemRecord, RowRecord, RowRef} from '../../source/core/item.js';
import {itemId} from '../../source/core/item.js';
import type {ItemPair} from '../../source/core/merge-streams.js';
import {orderOperations} from '../../source/core/order-operations.js';
import type {Action, Expectation, Operation, Plan, Side} from '../../source/core/plan.js';
import type {Profile} from '../../source/core/profile.js';
import {type ReconcileInput, reconcile} from '../../source/core/reconcile.js';
import type {FamilyEdge} from '../../source/core/row-families.js';
import type {TableDescription} from '../../source/core/site-description.js';
import {expectationOf, isLive, sameContent} from '../../source/core/take-over.js';
import {bumpVector} from '../../source/core/version-vector.js';

/** Folders have a parent, pages a folder: enough for families. */
export const tables: readonly TableDescription[] = ['folders', 'pages'].map(table => ({
  table,
  columns: ['id', 'parent', 'title'],
  primaryKey: ['id'],
  references: [{columns: ['parent'], table: 'folders', references: ['id']}],
  rows: 0,
}));

export const digestOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** Counts edits of all sites: every edit has a number, and an item's history is the set of those it has seen. */
const editNumber = (() => {
  let last = 0;
  return () => ++last;
})();

/**
 * A site in memory. Besides its records it keeps, for every item, the true set of edits that its content stands
 * for, which is what version vectors are checked against.
 */
export class ReplicaModel {
  readonly records = new Map<string, ItemRecord>();
  readonly histories = new Map<string, ReadonlySet<number>>();
  /** Row id → id of the folder row it refers to. */
  readonly parents = new Map<string, string | undefined>();
  readonly replica: string;

  constructor(replica: string) {
    this.replica = replica;
  }

  live(): ItemRecord[] {
    return [...this.records.values()].filter(isLive);
  }

  /** What a person can see of the site. */
  content(): Record<string, string> {
    return Object.fromEntries(
      this.live()
        .map(record => [itemId(record), describe(record)] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  }

  writeFile(path: string, text: string, kind: 'file' | 'link' = 'file'): void {
    this.makeRoomFor(path);
    this.#edit({...this.#file(path, kind), digest: digestOf(text), size: text.length});
  }

  makeFolder(path: string): void {
    const record = this.records.get(`f:${path}`) as FileRecord | undefined;
    if (isLive(record) && record.kind === 'folder') return;
    this.makeRoomFor(path);
    this.#edit(this.#file(path, 'folder'));
  }

  /** Folders above come into being and replace files in the way; what was below goes. */
  makeRoomFor(path: string): void {
    const slash = path.lastIndexOf('/');
    if (slash > 0) this.makeFolder(path.slice(0, slash));
    for (const below of this.#below(path)) this.remove(below.path);
  }

  changeMode(path: string, mode: number): void {
    const record = this.records.get(`f:${path}`);
    if (isLive(record) && record.type === 'file' && record.kind !== 'link' && record.mode !== mode)
      this.#edit({...record, mode});
  }

  remove(path: string): void {
    for (const below of this.#below(path)) this.remove(below.path);
    const record = this.records.get(`f:${path}`);
    if (isLive(record)) this.#edit({...record, deleted: true, digest: '', size: 0} as FileRecord);
  }

  /** Inserts or updates; a row that would have no parent is not accepted, as a foreign key would have it. */
  writeRow(table: string, key: string, title: string, parent: string | undefined): void {
    const id = itemId({type: 'row', table, key: [key]});
    if (parent !== undefined && !isLive(this.records.get(parent))) return;
    if (parent !== undefined && this.#isBelow(parent, id)) return;
    this.parents.set(id, parent);
    this.#edit({
      type: 'row',
      table,
      key: [key],
      deleted: false,
      seq: 0,
      vector: '',
      digest: digestOf(`${title}/${parent}`).slice(0, 32),
    });
  }

  /** Deletes a row and what refers to it. */
  removeRow(id: string): void {
    for (const child of this.childrenOf(id)) this.removeRow(itemId(child));
    const record = this.records.get(id);
    if (isLive(record)) this.#edit({...record, deleted: true, digest: ''} as RowRecord);
  }

  childrenOf(id: string): RowRecord[] {
    return this.live().filter(
      (record): record is RowRecord => record.type === 'row' && this.parents.get(itemId(record)) === id,
    );
  }

  /** Carries out an operation as an agent would, and complains where an agent would have to. */
  apply(operation: Operation, from: ReplicaModel): void {
    if (operation.op === 'copy-table') throw new Error('not in this model');
    const item = 'record' in operation ? operation.record : operation.item;
    const id = itemId(item);
    const before = this.records.get(id);
    this.#check(operation.expect, before, id);
    if (operation.op === 'adopt') {
      this.records.set(id, {...before, vector: operation.vector} as ItemRecord);
    } else if (operation.op === 'delete') {
      if (item.type === 'file' && this.#below(item.path).length > 0)
        throw new Error(`${id} would take something along`);
      this.records.set(id, {...before, deleted: true, digest: '', vector: operation.vector} as ItemRecord);
    } else {
      if (item.type === 'file') this.#checkPlace(item as FileRecord);
      this.records.set(id, operation.record);
      this.parents.set(id, from.parents.get(id));
    }
    this.histories.set(id, union(this.histories.get(id), from.histories.get(id)));
  }

  /** Every row has its parent, every file its folder. */
  assertWhole(): void {
    for (const record of this.live()) {
      const id = itemId(record);
      const parent = record.type === 'row' ? this.parents.get(id) : folderIdOf(record as FileRecord);
      if (parent !== undefined && !isLive(this.records.get(parent))) throw new Error(`${id} is an orphan`);
    }
  }

  #isBelow(id: string | undefined, above: string): boolean {
    return id !== undefined && (id === above || this.#isBelow(this.parents.get(id), above));
  }

  #check(expect: Expectation, before: ItemRecord | undefined, id: string): void {
    if (JSON.stringify(expect) !== JSON.stringify(expectationOf(before)))
      throw new Error(`${id} is not what the plan expects`);
  }

  #checkPlace(record: FileRecord): void {
    const folder = folderIdOf(record);
    const above = folder === undefined ? undefined : this.records.get(folder);
    if (folder !== undefined && !(isLive(above) && (above as FileRecord).kind === 'folder'))
      throw new Error(`${record.path} has no folder to be in`);
    if (record.kind !== 'folder' && this.#below(record.path).length > 0)
      throw new Error(`${record.path} would replace a folder that is not empty`);
  }

  #below(path: string): FileRecord[] {
    return this.live().filter(
      (record): record is FileRecord => record.type === 'file' && record.path.startsWith(`${path}/`),
    );
  }

  #file(path: string, kind: FileRecord['kind']): FileRecord {
    return {
      type: 'file',
      path,
      kind,
      vector: '',
      deleted: false,
      seq: 0,
      digest: '',
      size: 0,
      mtime: '0',
      mode: 0o644,
    };
  }

  #edit(record: ItemRecord): void {
    const id = itemId(record);
    const before = this.records.get(id);
    const number = editNumber();
    const mtime = record.type === 'file' ? {mtime: String(number)} : {};
    const vector = bumpVector(before?.vector ?? '', this.replica);
    this.records.set(id, {...record, ...mtime, vector, seq: number});
    this.histories.set(id, union(this.histories.get(id), new Set([number])));
  }
}

export type Sync = {plan: Plan; before: Record<Side, ReadonlyMap<string, ItemRecord>>; problems: string[]};

/**
 * One run between two models: plan, ask for families, plan again, carry out. `problems` names every version that
 * was replaced although the one that replaced it did not know of it, without a conflict saying so.
 */
export function synchronise(
  local: ReplicaModel,
  remote: ReplicaModel,
  profile: Pick<Profile, 'direction' | 'policy' | 'replace'>,
  options: {dryRun?: boolean; held?: ReadonlyMap<string, string>} = {},
): Sync {
  const sites = {local, remote};
  const input = {
    ...inputFor(local, remote, profile),
    ...(options.held === undefined ? {} : {held: options.held}),
  };
  const first = reconcile(input);
  const plan = reconcile({...input, families: familiesOf(first, sites)});
  const before = {local: new Map(local.records), remote: new Map(remote.records)};
  const problems = plan.actions.flatMap(action => lossesOf(action, sites, before));
  if (options.dryRun !== true) {
    const histories = {local: new Map(local.histories), remote: new Map(remote.histories)};
    for (const [side, other] of [
      ['local', 'remote'],
      ['remote', 'local'],
    ] as const) {
      const source = Object.assign(Object.create(ReplicaModel.prototype) as ReplicaModel, sites[other], {
        histories: histories[other],
        parents: new Map(sites[other].parents),
      });
      for (const {operation} of orderOperations(plan.actions, side)) sites[side].apply(operation, source);
    }
    for (const {side, operation} of [
      ...plan.actions.flatMap(action => action.operations.filter(({operation}) => operation.op === 'adopt')),
      ...plan.adoptions,
    ])
      sites[side].apply(operation, side === 'local' ? remote : local);
  }
  return {plan, before, problems};
}

export function inputFor(
  local: ReplicaModel,
  remote: ReplicaModel,
  profile: Pick<Profile, 'direction' | 'policy' | 'replace'>,
): ReconcileInput {
  return {
    pairs: pairsOf(local, remote),
    profile,
    firstFileRun: false,
    replicas: {
      local: {files: local.replica, database: local.replica},
      remote: {files: remote.replica, database: remote.replica},
    },
    tables: {local: tables, remote: tables},
    occupied: {local: new Set(), remote: new Set()},
    families: {local: [], remote: []},
  };
}

function pairsOf(local: ReplicaModel, remote: ReplicaModel): ItemPair[] {
  return [...new Set([...local.records.keys(), ...remote.records.keys()])].map(id => {
    const [left, right] = [local.records.get(id), remote.records.get(id)];
    return {...(left === undefined ? {} : {local: left}), ...(right === undefined ? {} : {remote: right})};
  });
}

/** What the agents answer to "which live rows refer to these", directly or through others. */
function familiesOf(plan: Plan, sites: Record<Side, ReplicaModel>): Record<Side, FamilyEdge[]> {
  const edges: Record<Side, FamilyEdge[]> = {local: [], remote: []};
  for (const side of ['local', 'remote'] as const) {
    const open = plan.actions.flatMap(action =>
      action.operations.flatMap(({side: at, operation}) =>
        at === side && operation.op === 'delete' && operation.item.type === 'row' ? [operation.item] : [],
      ),
    );
    const seen = new Set<string>();
    for (let parent: RowRef | undefined = open.pop(); parent !== undefined; parent = open.pop()) {
      if (seen.has(itemId(parent))) continue;
      seen.add(itemId(parent));
      for (const child of sites[side].childrenOf(itemId(parent))) {
        edges[side].push({child, parent});
        open.push(child);
      }
    }
  }
  return edges;
}

function lossesOf(
  action: Action,
  sites: Record<Side, ReplicaModel>,
  before: Record<Side, ReadonlyMap<string, ItemRecord>>,
): string[] {
  if (action.kind === 'conflict') return [];
  return action.operations.flatMap(({side, operation}) => {
    if (operation.op !== 'put' && operation.op !== 'delete') return [];
    const item = operation.op === 'put' ? operation.record : operation.item;
    const id = itemId(item);
    const other = side === 'local' ? 'remote' : 'local';
    const mine = before[side].get(id);
    // A folder has no content to lose, and a deletion gives way to a folder that something new is in.
    if (mine === undefined || (mine.type === 'file' && mine.kind === 'folder')) return [];
    if (
      mine.deleted &&
      operation.op === 'put' &&
      operation.record.type === 'file' &&
      operation.record.kind === 'folder'
    )
      return [];
    if (sameContent(mine, before[other].get(id))) return [];
    const known = sites[other].histories.get(id) ?? new Set();
    return [...(sites[side].histories.get(id) ?? [])].every(edit => known.has(edit))
      ? []
      : [`${action.kind} of ${id} at ${side} loses a version without a conflict`];
  });
}

function folderIdOf({path}: FileRecord): string | undefined {
  const slash = path.lastIndexOf('/');
  return slash > 0 ? `f:${path.slice(0, slash)}` : undefined;
}

function describe(record: ItemRecord): string {
  return record.type === 'file'
    ? `${record.kind} ${record.digest.slice(0, 8)} ${record.kind === 'link' ? '' : record.mode.toString(8)}`
    : record.digest;
}

function union(a: ReadonlySet<number> = new Set(), b: ReadonlySet<number> = new Set()): ReadonlySet<number> {
  return a.union(b);
}
