import {dirname} from 'node:path';
import {OperatorError} from '../../core/operator-error.js';
import {TimeSlice} from '../../system/time-slice.js';
import type {Progress} from '../site/ports.js';
import type {CommitNotes, Step} from './commit-notes.js';
import type {FileHistory} from './file-history.js';
import {exactTimesAtMost, setExactTimes} from './file-times.js';
import {flushedOneByOne, flushToDisk} from './flush-to-disk.js';
import {isRoot, ownerAbove} from './in-place.js';
import type {OwnFolders} from './own-folders.js';
import {Parents} from './plan-steps.js';
import {keepContent, makeOwnFolder, type Prepared, prepareContent} from './prepare-content.js';
import type {SiteRoot} from './site-root.js';
import {reasonOf} from './system-error.js';

export type Readying = {
  readonly root: SiteRoot;
  readonly history: FileHistory;
  readonly ownFolders: OwnFolders;
  readonly runId: string;
  readonly step: string;
  readonly staged: (digest: string) => string;
};

/**
 * Lays everything ready that a commit's steps need, and brings it to the disk: new content complete under a name
 * beside the site, old content in history. What cannot be laid ready is noted as skipped.
 */
export class MakeReady {
  readonly #options: Readying;
  readonly #ownFolders = new Map<string, {linkable: boolean}>();
  /** Folders that hold what lies ready. */
  readonly #folders = new Set<string>();
  /** Staged contents that an item has taken, by the beginning of their digest: a needless copy does no harm. */
  readonly #taken = new Set<number>();
  /** What was written, as far as it is few enough to be brought to the disk one by one. */
  readonly #written: string[] = [];
  #writtenCount = 0;
  readonly #inexact: {path: string; mtime: bigint}[] = [];
  #inexactCount = 0;
  #historyFolder: string | undefined;
  #owner: {folder: string; is: {uid: number; gid: number}} | undefined;

  constructor(options: Readying) {
    this.#options = options;
  }

  /**
   * Before a step is noted: something new needs nothing but its content, and a step that is noted once costs half.
   * @returns why it cannot be laid ready.
   */
  early(step: Step): string | undefined | Promise<string | undefined> {
    if (step.action !== 'write' || step.before !== undefined) return undefined;
    return this.#attempt(step, () => this.#prepare(step));
  }

  /**
   * Everything else, once all steps are noted.
   * @throws OperatorError NO_SPACE
   */
  async all(notes: CommitNotes, progress: Progress): Promise<void> {
    const slice = new TimeSlice();
    const parents = new Parents(this.#options.root, notes);
    let done = 0;
    for (const step of notes.steps(['delete', 'write', 'folder'], 'ascending')) {
      const wasReady = step.ready !== undefined;
      let problem =
        step.action === 'delete' ? parents.problemRemoving(step.path) : parents.problemPutting(step.path);
      if (problem === undefined && !wasReady) {
        const ready = this.#attempt(step, () => this.#ready(step));
        problem = ready instanceof Promise ? await ready : ready;
      }
      if (problem !== undefined) notes.change({...step, action: 'none', outcome: 'skipped', error: problem});
      else if (!wasReady && (step.ready ?? step.kept) !== undefined) notes.change(step);
      done += 1;
      if (slice.isOver) {
        progress(done);
        await slice.yieldIfDue();
      }
    }
    await this.#bringToDisk();
  }

  #ready(step: Step): string | undefined | Promise<string | undefined> {
    if (step.action !== 'write') return this.#keep(step);
    const prepared = this.#prepare(step);
    if (prepared instanceof Promise) return prepared.then(problem => problem ?? this.#keep(step));
    return prepared ?? this.#keep(step);
  }

  /** What the system refuses is a reason; that the disk is full is a reason to end. */
  #attempt(
    step: Step,
    work: () => string | undefined | Promise<string | undefined>,
  ): string | undefined | Promise<string | undefined> {
    const explain = (thrown: unknown) => {
      if (thrown instanceof OperatorError) throw thrown;
      const reason = reasonOf(thrown);
      if (reason === 'ENOSPC' || reason === 'EDQUOT')
        throw new OperatorError('NO_SPACE', `There is no space to lay ${step.path} ready.`, {cause: thrown});
      return `cannot be laid ready: ${reason}`;
    };
    try {
      const result = work();
      return result instanceof Promise ? result.catch(explain) : result;
    } catch (thrown) {
      return explain(thrown);
    }
  }

  async #bringToDisk(): Promise<void> {
    if (this.#inexactCount <= exactTimesAtMost) await setExactTimes(this.#inexact);
    const folders = [...this.#folders];
    if (this.#historyFolder !== undefined) folders.push(this.#historyFolder);
    await flushToDisk([...this.#written, ...folders], folders);
  }

  #prepare(step: Step): string | undefined | Promise<string | undefined> {
    const {ownFolders, staged} = this.#options;
    const path = ownFolders.for(step.path);
    let folder = this.#ownFolders.get(path);
    if (folder === undefined) {
      makeOwnFolder(path);
      folder = {linkable: false};
      this.#ownFolders.set(path, folder);
      this.#folders.add(path);
    }
    const after = step.after!;
    const mark = Number.parseInt(after.digest.slice(0, 7), 16);
    const isNew = step.before === undefined;
    const prepared = prepareContent({
      path: step.path,
      after,
      ready: `${path}/${step.operation}`,
      staged: staged(after.digest),
      share: this.#taken.has(mark) ? 'never' : isNew && folder.linkable ? 'in-place' : 'linked',
      owner: isRoot ? this.#ownerFor(step) : undefined,
    });
    const note = ({ready, inode, exact, linked}: Prepared) => {
      this.#taken.add(mark);
      if (linked && !folder.linkable) {
        folder.linkable = true;
        this.#folders.add(dirname(staged(after.digest)));
      }
      step.ready = ready;
      step.readyInode = inode;
      if (after.kind === 'file') this.#wrote(ready);
      if (exact) return undefined;
      this.#inexactCount += 1;
      if (this.#inexactCount <= exactTimesAtMost) this.#inexact.push({path: ready, mtime: after.mtime});
      return undefined;
    };
    if (typeof prepared === 'string') return prepared;
    return prepared instanceof Promise ? prepared.then(note) : note(prepared);
  }

  /** Keeps the file or link that a step replaces, unless it is not what was checked any more. */
  async #keep(step: Step): Promise<string | undefined> {
    const {before} = step;
    if (before === undefined || before.kind === 'folder') return undefined;
    const {root, history, runId, step: name} = this.#options;
    this.#historyFolder ??= history.folderOf(runId);
    const kept = `${this.#historyFolder}/${history.nameOf(name, step.operation)}`;
    const {stat, copied} = await keepContent(root.absolute(step.path), kept, {
      kind: before.kind,
      mtime: before.mtime,
    });
    if (
      BigInt.asIntN(64, stat.ino) !== before.inode ||
      stat.size !== BigInt(before.size) ||
      stat.mtimeNs !== before.mtime ||
      Number(stat.mode) !== before.mode
    )
      return 'is being changed here';
    step.kept = kept;
    if (copied && before.kind === 'file') this.#wrote(kept);
    const alone = stat.nlink === (copied ? 1n : 2n);
    step.before = {...before, ctime: alone ? stat.ctimeNs : 0n};
    return undefined;
  }

  #wrote(path: string): void {
    this.#writtenCount += 1;
    if (this.#writtenCount <= flushedOneByOne + 1) this.#written.push(path);
  }

  /** A replaced file keeps its owner; a new one belongs to whom its folder belongs. */
  #ownerFor(step: Step): {uid: number; gid: number} {
    if (step.before !== undefined && step.before.kind !== 'folder') return step.before;
    const folder = step.path.slice(0, Math.max(0, step.path.lastIndexOf('/')));
    if (this.#owner?.folder !== folder) this.#owner = {folder, is: ownerAbove(this.#options.root, step.path)};
    return this.#owner.is;
  }
}
