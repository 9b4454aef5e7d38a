import {type Decision, decideItem, type Rule} from './decide-item.js';
import {buildFileTree, descendantsOf, type FileNode} from './file-tree.js';
import type {DraftAction} from './finish-plan.js';
import {type FileRecord, itemId, refOf} from './item.js';
import type {ItemPair} from './merge-streams.js';
import type {Side, SideOperation} from './plan.js';
import {
  beforeOf,
  heldReason,
  isLive,
  kindOfAction,
  mergeVersions,
  otherSide,
  type ReplicaPair,
  takeOver,
} from './take-over.js';

const sides = ['local', 'remote'] as const;

export type FileReconciliation = {
  readonly pairs: readonly ItemPair[];
  readonly rule: Rule;
  readonly replicas: ReplicaPair;
  /** Folders on each side that hold something live which is not in scope, and therefore stay. */
  readonly occupied: Readonly<Record<Side, ReadonlySet<string>>>;
  /** Sides that take `A` and `a`, or two Unicode forms of one name, for the same name. */
  readonly caseInsensitive?: Readonly<Record<Side, boolean>>;
  /** Item id → run whose undo holds it. */
  readonly held?: ReadonlyMap<string, string>;
};

/**
 * Decides files, folders and links: each by itself, then what folders make of it (DESIGN.md, "Files"). A folder
 * stays where something below it stays; it comes back where something below it is created; a change of type is
 * one conflict at the top of its subtree; nothing is done below what cannot be read.
 */
export function reconcileFiles(input: FileReconciliation): {
  actions: DraftAction[];
  adoptions: SideOperation[];
} {
  const adoptions: SideOperation[] = [];
  const names: NameHolders = {local: new Map(), remote: new Map()};
  const decided: {path: string; pair: ItemPair; decision: Decision}[] = [];
  for (const pair of input.pairs) {
    const decision = decideItem(pair, input.rule);
    for (const side of sides)
      if (input.caseInsensitive?.[side] && isLive(pair[side]) && !isLeaving(decision, pair, side))
        names[side].set(foldName(recordOf(pair).path), recordOf(pair).path);
    if (decision.kind === 'merge') adoptions.push(...mergeVersions(pair));
    // What is alike on both sides has no bearing on what happens around it.
    else if (decision.kind !== 'none' || isLive(pair.local) !== isLive(pair.remote))
      decided.push({path: recordOf(pair).path, pair, decision});
    else if (isLive(pair.local) && kindOf(pair.local) !== kindOf(pair.remote))
      decided.push({path: recordOf(pair).path, pair, decision});
  }
  const nodes = buildFileTree(decided);
  const held = holdsThatStand(nodes, input.held);
  for (const node of nodes) decideDownwards(node, {...input, held}, names);
  for (const node of nodes.toReversed()) decideUpwards(node, input);
  return {actions: nodes.flatMap(node => toAction(node, input)), adoptions};
}

/** From the top: what silences or absorbs a whole subtree. Parents come before children. */
function decideDownwards(node: FileNode, input: FileReconciliation, names: NameHolders): void {
  const above = node.parent;
  if (above?.silencesBelow) {
    node.silenced = true;
    node.silencesBelow = true;
    return;
  }
  holdBack(node, input);
  const {decision} = node;
  if (decision.kind === 'skip' || decision.kind === 'leave') {
    // What is held is not unreadable: something new below it may still travel.
    node.silencesBelow = node.counted;
    return;
  }
  if (isTypeChange(node.pair)) decideTypeChange(node, input);
  else if (decision.kind === 'take') checkName(node, decision.winner, input, names);
}

/**
 * A folder and a file cannot be held under one name while something below is not: where that has changed since, on
 * either side, the hold of the whole subtree is over.
 */
function holdsThatStand(
  nodes: readonly FileNode[],
  held: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  if (held.size === 0) return held;
  const standing = new Map(held);
  const isOpen = (node: FileNode) => node.decision.kind === 'take' && !held.has(itemId(recordOf(node.pair)));
  for (const node of nodes) {
    if (!isTypeChange(node.pair)) continue;
    const below = descendantsOf(node);
    if (!isOpen(node) && !below.some(isOpen)) continue;
    for (const {pair} of [node, ...below]) standing.delete(itemId(recordOf(pair)));
  }
  return standing;
}

function holdBack(node: FileNode, input: FileReconciliation): void {
  const runId = input.held?.get(itemId(recordOf(node.pair)));
  if (runId === undefined || node.decision.kind !== 'take') return;
  node.decision = {
    kind: 'skip',
    side: otherSide(node.decision.winner),
    reason: heldReason(runId),
  };
  node.counted = false;
}

/** A folder on one side, a file or link on the other. */
function isTypeChange({local, remote}: ItemPair): boolean {
  if (!isLive(local) || !isLive(remote)) return false;
  return kindOf(local) !== kindOf(remote) && (kindOf(local) === 'folder' || kindOf(remote) === 'folder');
}

function decideTypeChange(node: FileNode, input: FileReconciliation): void {
  const {decision, pair} = node;
  const {rule} = input;
  if (decision.kind !== 'take') {
    // The destination keeps its own: what the source has there cannot come, what it lost is not deleted.
    node.silencesBelow = true;
    return;
  }
  const folderSide: Side = kindOf(pair.local) === 'folder' ? 'local' : 'remote';
  const below = descendantsOf(node);
  const surviving = below.some(
    ({pair: inner, decision: inside}) =>
      isLive(inner[folderSide]) &&
      !(inside.kind === 'take' && inside.winner !== folderSide && inside.conflict === undefined),
  );
  const disputed = decision.conflict !== undefined || (surviving && decision.winner !== folderSide);
  const winner = disputed && rule.kind === 'two-way' ? rule.winner : decision.winner;
  const folderGoes = winner !== folderSide;
  const obstacle = folderGoes || disputed ? obstacleTo(node, folderSide, below, input) : undefined;
  if (obstacle !== undefined) {
    node.decision = {kind: 'skip', side: folderSide, reason: obstacle, conflict: 'type_differs'};
    node.silencesBelow = true;
    return;
  }
  if (!disputed) return;
  if (rule.kind === 'one-way' && rule.replace === 'newer' && surviving) {
    const reason = 'the folder that would give way holds changes of its own';
    node.decision = {kind: 'skip', side: folderSide, reason, conflict: 'type_differs'};
    node.silencesBelow = true;
    return;
  }
  node.decision = {kind: 'take', winner, ...(rule.kind === 'two-way' ? {conflict: 'type_differs'} : {})};
  node.absorbed = below;
  node.silencesBelow = true;
  for (const member of below) member.takenBy = winner;
}

function obstacleTo(
  node: FileNode,
  folderSide: Side,
  below: readonly FileNode[],
  {occupied}: FileReconciliation,
): string | undefined {
  const holds = occupied[folderSide]
    .values()
    .find(folder => folder === node.path || folder.startsWith(`${node.path}/`));
  if (holds !== undefined) return `the folder holds items that are not synchronised (${holds})`;
  const unreadable = below.find(({pair}) => problemOf(pair[folderSide]) !== undefined);
  return unreadable && `the folder holds ${unreadable.path}: ${problemOf(unreadable.pair[folderSide])}`;
}

/** For sides that fold names: which path has each folded name. */
type NameHolders = Readonly<Record<Side, Map<string, string>>>;

/** What is deleted makes room for its successor: a rename that only changes case. */
function isLeaving(decision: Decision, pair: ItemPair, side: Side): boolean {
  return decision.kind === 'take' && decision.winner !== side && !isLive(pair[decision.winner]);
}

function foldName(path: string): string {
  return path.normalize('NFC').toLowerCase().normalize('NFC');
}

function checkName(node: FileNode, winner: Side, input: FileReconciliation, names: NameHolders): void {
  const target = otherSide(winner);
  if (!input.caseInsensitive?.[target] || !isLive(node.pair[winner])) return;
  const folded = foldName(node.path);
  const holder = names[target].get(folded);
  if (holder === undefined || holder === node.path) {
    names[target].set(folded, node.path);
    return;
  }
  const reason = `the name differs from ${holder} only in case or Unicode form, and the ${target} site cannot hold both`;
  node.decision = {kind: 'skip', side: target, reason, conflict: 'name_differs_in_form'};
  node.silencesBelow = true;
}

/** From the bottom: what must stay or come back because of what is below it. Children come before parents. */
function decideUpwards(node: FileNode, input: FileReconciliation): void {
  if (!node.silenced && node.absorbed === undefined) keepFolders(node, input);
  for (const side of sides)
    if (node.parent !== undefined && (staysLive(node, side) || node.livesBelow[side]))
      node.parent.livesBelow[side] = true;
}

function keepFolders(node: FileNode, {occupied}: FileReconciliation): void {
  const {decision, pair} = node;
  if (decision.kind === 'take' && !isLive(pair[decision.winner])) {
    const side = otherSide(decision.winner);
    const isFolder = kindOf(pair[side]) === 'folder';
    if (isFolder && (node.livesBelow[side] || occupied[side].has(node.path))) node.decision = {kind: 'none'};
  }
  for (const side of sides) {
    const from = otherSide(side);
    if (!node.livesBelow[side] || staysLive(node, side)) continue;
    if (kindOf(pair[from]) === 'folder' && staysLive(node, from))
      node.decision = {kind: 'take', winner: from, reason: 'holds something that stays'};
  }
}

/** Whether the side has the item after the run. */
function staysLive(node: FileNode, side: Side): boolean {
  const {decision, pair} = node;
  if (node.takenBy !== undefined) return isLive(pair[node.takenBy]);
  return !node.silenced && decision.kind === 'take' ? isLive(pair[decision.winner]) : isLive(pair[side]);
}

function toAction(node: FileNode, {replicas}: FileReconciliation): DraftAction[] {
  const {decision, pair} = node;
  if (node.silenced) return [];
  const common = {item: refOf(recordOf(pair)), before: beforeOf(pair)};
  if (decision.kind === 'skip')
    return [
      {
        ...common,
        side: decision.side,
        kind: 'skip',
        reason: decision.reason,
        ...(decision.conflict === undefined ? {} : {conflict: decision.conflict}),
        ...(node.counted ? {} : {counted: false}),
        operations: [],
      },
    ];
  if (decision.kind !== 'take') return [];
  const {winner} = decision;
  const members = node.absorbed ?? [];
  return [
    {
      ...common,
      side: otherSide(winner),
      kind: kindOfAction(pair, winner, decision.conflict),
      ...(decision.reason === undefined ? {} : {reason: decision.reason}),
      ...(decision.conflict === undefined ? {} : {winner, conflict: decision.conflict}),
      operations: [pair, ...members.map(member => member.pair)].flatMap(member =>
        takeOverOrMerge(member, winner, replicas),
      ),
    },
  ];
}

/** Members of a family that are alike already still learn of each other's versions. */
function takeOverOrMerge(pair: ItemPair, winner: Side, replicas: ReplicaPair): SideOperation[] {
  const operations = takeOver(pair, winner, replicas);
  return operations.length > 0 ? operations : mergeVersions(pair);
}

function recordOf({local, remote}: ItemPair): FileRecord {
  return (local ?? remote) as FileRecord;
}

function kindOf(record: ItemPair['local']): FileRecord['kind'] | undefined {
  return isLive(record) && record.type === 'file' ? record.kind : undefined;
}

function problemOf(record: ItemPair['local']): string | undefined {
  return isLive(record) && record.type === 'file' ? record.problem : undefined;
}
