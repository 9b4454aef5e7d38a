import type {Decision} from './decide-item.js';
import {compareCodePoints} from './item.js';
import type {ItemPair} from './merge-streams.js';
import type {Side} from './plan.js';

/** One path that something may happen to, with its place among the others. */
export type FileNode = {
  readonly path: string;
  readonly pair: ItemPair;
  decision: Decision;
  /** The nearest folder above that is in the tree itself. */
  readonly parent: FileNode | undefined;
  children: FileNode[] | undefined;
  /** On which sides something below is there after the run; known once everything below is decided. */
  readonly livesBelow: Record<Side, boolean>;
  /** Something above decides that nothing is done here. */
  silenced: boolean;
  silencesBelow: boolean;
  /** Everything below, when it is decided together with this. */
  absorbed: readonly FileNode[] | undefined;
  /** The side whose state this takes as a member of a family above. */
  takenBy: Side | undefined;
  /** Whether a skip counts. */
  counted: boolean;
};

/** Arranges decisions by path. Answers them with every parent before its children. */
export function buildFileTree(
  decided: readonly {readonly path: string; readonly pair: ItemPair; readonly decision: Decision}[],
): FileNode[] {
  const byPath = new Map<string, FileNode>();
  // A folder's path is a prefix of what is below it and so sorts first.
  const sorted = [...decided].sort((a, b) => compareCodePoints(a.path, b.path));
  for (const {path, pair, decision} of sorted) {
    const parent = nearestAbove(path, byPath);
    const node = createNode(path, pair, decision, parent);
    if (parent !== undefined) {
      parent.children ??= [];
      parent.children.push(node);
    }
    byPath.set(path, node);
  }
  return [...byPath.values()];
}

function nearestAbove(path: string, byPath: ReadonlyMap<string, FileNode>): FileNode | undefined {
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    const above = byPath.get(path.slice(0, slash));
    if (above !== undefined) return above;
  }
  return undefined;
}

function createNode(
  path: string,
  pair: ItemPair,
  decision: Decision,
  parent: FileNode | undefined,
): FileNode {
  return {
    path,
    pair,
    decision,
    parent,
    children: undefined,
    livesBelow: {local: false, remote: false},
    silenced: false,
    silencesBelow: false,
    absorbed: undefined,
    takenBy: undefined,
    counted: true,
  };
}

/** Everything below a node, parents before children. */
export function descendantsOf({children = []}: FileNode): FileNode[] {
  const found = [...children];
  // The list grows while it is walked, until the last leaf.
  for (const node of found) for (const child of node.children ?? []) found.push(child);
  return found.sort((a, b) => compareCodePoints(a.path, b.path));
}
