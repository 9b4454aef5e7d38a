import {accessSync, constants, readdirSync} from 'node:fs';
import type {FileRecord} from '../../core/item.js';
import {pathToText} from '../../core/path-text.js';
import type {Operation} from '../../core/plan.js';
import {lookAtTarget, pathOf, type Target, unmet} from './check-target.js';
import type {CommitNotes, DiskState, Step} from './commit-notes.js';
import type {FileIndex} from './file-index.js';
import type {SiteRoot} from './site-root.js';
import {reasonOf} from './system-error.js';

/** A step, and whether the disk was not what the operation expected. */
export type PlannedStep = {step: Step; unmet: boolean};

/**
 * Turns one operation into the step it takes on this disk, or into nothing with the reason.
 * @throws OperatorError UNSAFE_PATH for a path that must not come from another server.
 */
export function planStep(
  index: FileIndex,
  root: SiteRoot,
  position: number,
  operation: Operation,
): PlannedStep | Promise<PlannedStep> {
  const path = pathOf(operation);
  root.assertSafe(path);
  const target = lookAtTarget(index, root, path);
  if (target instanceof Promise) return target.then(found => toStep(position, operation, path, found));
  return toStep(position, operation, path, target);
}

function toStep(position: number, operation: Operation, path: string, target: Target): PlannedStep {
  const base: Step = {
    operation: position,
    path,
    action: 'none',
    outcome: 'skipped',
    error: undefined,
    vector: 'record' in operation ? operation.record.vector : 'vector' in operation ? operation.vector : '',
    after: undefined,
    before: target.kind === 'present' ? target.state : undefined,
    ready: undefined,
    readyInode: 0n,
    kept: undefined,
  };
  if (!('expect' in operation) || operation.expect === undefined) throw new TypeError('no expectation');
  // What shall go and is gone already is as it shall be.
  const gone = operation.op === 'delete' && target.kind === 'absent';
  const error = unmet(operation.expect, target);
  if (error !== undefined && !gone) return {step: {...base, error}, unmet: true};
  switch (operation.op) {
    case 'put':
    case 'touch': {
      const record = operation.record as FileRecord;
      const after = stateOf(record);
      const touches = operation.op === 'touch' || (record.kind === 'folder' && isFolder(target));
      if (touches && target.kind !== 'present')
        return {step: {...base, error: 'is gone here since the plan was made'}, unmet: true};
      const action = touches ? 'touch' : record.kind === 'folder' ? 'folder' : 'write';
      return {step: {...base, action, outcome: 'applied', after}, unmet: false};
    }
    case 'delete':
      if (gone) return {step: {...base, action: 'record', outcome: 'unchanged'}, unmet: error !== undefined};
      return {step: {...base, action: 'delete', outcome: 'applied'}, unmet: false};
    case 'adopt':
      return {
        step: {...base, action: 'record', outcome: 'applied', after: diskStateOf(base.before)},
        unmet: false,
      };
    case 'copy-table':
      throw new TypeError('copy-table is no operation on a file');
  }
}

/**
 * Why a folder cannot be emptied by this commit: something in it stays or comes. Steps below it have been looked
 * at before.
 */
export function whatKeeps(root: SiteRoot, notes: CommitNotes, folder: string): string | undefined {
  if (notes.hasComingBelow(folder)) return 'something new comes into the folder';
  try {
    // Everything counts, also what is excluded from the site.
    for (const bytes of readdirSync(root.absolute(folder), {encoding: 'buffer'})) {
      const name = pathToText(bytes).path;
      if (notes.at(`${folder}/${name}`)?.action !== 'delete') return `the folder holds ${name}`;
    }
    return undefined;
  } catch (thrown) {
    return `the folder cannot be listed: ${reasonOf(thrown)}`;
  }
}

/**
 * Makes sure that the folders above a path are, or will be, real folders that can be written into; notes those that
 * nobody named. Asked in path order it looks at each folder once.
 */
export class Parents {
  readonly #root: SiteRoot;
  readonly #notes: CommitNotes;
  #checked: {folder: string | undefined; problem: string | undefined} = {
    folder: undefined,
    problem: undefined,
  };
  #writable: {folder: string | undefined; problem: string | undefined} = {
    folder: undefined,
    problem: undefined,
  };
  #unnamed = 0;

  constructor(root: SiteRoot, notes: CommitNotes) {
    this.#root = root;
    this.#notes = notes;
  }

  /** @returns why the item at the path cannot be removed, undefined when it can. */
  problemRemoving(path: string): string | undefined {
    return this.#problemWriting(folderOf(path));
  }

  /** @returns why nothing can be put at the path, undefined when it can. */
  problemPutting(path: string): string | undefined {
    const folder = folderOf(path);
    if (folder !== this.#checked.folder) this.#checked = {folder, problem: this.#check(path)};
    return this.#checked.problem;
  }

  #check(path: string): string | undefined {
    let existing = '';
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
      const folder = path.slice(0, slash);
      const stat = this.#root.stat(folder);
      const planned = this.#notes.at(folder);
      if (planned?.action === 'folder' || planned?.action === 'parent') continue;
      if (stat?.isDirectory()) {
        if (planned?.action === 'write') return `is below ${folder}, which becomes a ${planned.after?.kind}`;
        existing = folder;
      } else if (stat !== undefined) {
        return `is below ${folder}, which is not a folder`;
      } else if (planned !== undefined) {
        return `is below ${folder}, which could not be made`;
      } else {
        this.#unnamed -= 1;
        this.#notes.add(parentStep(this.#unnamed, folder));
      }
    }
    return this.#problemWriting(existing);
  }

  #problemWriting(folder: string): string | undefined {
    if (folder !== this.#writable.folder) {
      let problem: string | undefined;
      try {
        accessSync(this.#root.absolute(folder), constants.W_OK | constants.X_OK);
      } catch (thrown) {
        problem = `its folder cannot be written to: ${reasonOf(thrown)}`;
      }
      this.#writable = {folder, problem};
    }
    return this.#writable.problem;
  }
}

function parentStep(operation: number, path: string): Step {
  return {
    operation,
    path,
    action: 'parent',
    outcome: 'applied',
    error: undefined,
    vector: '',
    after: {kind: 'folder', digest: '', size: 0, mode: 0o755, mtime: 0n},
    before: undefined,
    ready: undefined,
    readyInode: 0n,
    kept: undefined,
  };
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function isFolder(target: Target): boolean {
  return target.kind === 'present' && target.state.kind === 'folder';
}

function diskStateOf(before: Step['before']): DiskState | undefined {
  if (before === undefined) return undefined;
  const {kind, digest, size, mode, mtime} = before;
  return {kind, digest, size, mode, mtime};
}

function stateOf(record: FileRecord): DiskState {
  return {
    kind: record.kind,
    digest: record.digest,
    size: record.size,
    mode: record.mode,
    mtime: BigInt(record.mtime),
  };
}
