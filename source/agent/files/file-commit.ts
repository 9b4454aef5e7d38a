import {unlinkSync} from 'node:fs';
import {join} from 'node:path';
import type {FaultPoint} from '../../core/fault-point.js';
import {OperatorError} from '../../core/operator-error.js';
import type {PackedOutcomes} from '../../core/outcome-runs.js';
import type {Position} from '../../protocol/record-endpoints.js';
import type {Mutex} from '../../system/mutex.js';
import {TimeSlice} from '../../system/time-slice.js';
import {relieve} from '../memory.js';
import type {FilesParticipant, IndexedOperation, Progress} from '../site/ports.js';
import {CommitNotes, type Step, type StepAction} from './commit-notes.js';
import type {FileChange, FileHistory} from './file-history.js';
import type {FileIndex} from './file-index.js';
import {flushToDisk} from './flush-to-disk.js';
import {carryOut, finishFolder, isOurs, takeBack, type WhenChanged} from './in-place.js';
import {MakeReady} from './make-ready.js';
import {OwnFolders} from './own-folders.js';
import {planStep, whatKeeps} from './plan-steps.js';
import {makeOwnFolder} from './prepare-content.js';
import {changeOf, recordStep} from './record-steps.js';
import type {SiteRoot} from './site-root.js';
import {isAbsent, reasonOf} from './system-error.js';

export type FileCommitOptions = {
  index: FileIndex;
  root: SiteRoot;
  history: FileHistory;
  /** Held from `prepare` to the end: a scan in between would take the commit's own work for edits. */
  turns: Mutex;
  faultPoint: FaultPoint;
  runId: string;
  step: string;
  /** Where the notes are kept. */
  folder: string;
  staged: (digest: string) => string;
};

/**
 * The file part of a commit (DESIGN.md, "Life of a sync run", 9). `prepare` checks every target against the disk, lays
 * everything ready beside the site and into history, and writes down each step; `apply` then is renames and
 * removals only. What is there on the disk says how far a commit came.
 */
export class FileCommit {
  readonly #options: FileCommitOptions;
  #notes: CommitNotes | undefined;
  #release: (() => void) | undefined;
  /** Steps that found nothing left to do for them: a folder that is not empty, an item that somebody changed. */
  readonly #undone = new Set<number>();
  readonly #ownFolders: OwnFolders;
  #before: Position;
  #after: Position;

  constructor(options: FileCommitOptions) {
    // Both become parts of names in the site root.
    for (const name of [options.runId, options.step])
      if (!/^[a-z0-9-]{1,64}$/.test(name))
        throw new OperatorError(
          'BAD_REQUEST',
          `${name.slice(0, 64)} is no name of a run or of one of its steps.`,
        );
    this.#options = options;
    this.#ownFolders = new OwnFolders(options.root, options.runId, options.step);
    this.#before = options.index.position();
    this.#after = this.#before;
  }

  participant(operations: () => Iterable<IndexedOperation>, progress: Progress = () => {}): FilesParticipant {
    return {
      prepare: ({strict}) => this.#prepare(operations, strict, progress),
      apply: () => this.#apply('refuse', progress),
      undo: () => this.#undo(),
      finish: () => this.#finish(),
      positions: () => ({before: this.#before, after: this.#after}),
    };
  }

  /** After a crash. Does nothing when there is nothing left to do. */
  async recover(decision: 'finish' | 'undo'): Promise<void> {
    this.#release = await this.#options.turns.acquire();
    try {
      this.#notes = CommitNotes.open(this.#options.folder);
      if (this.#notes === undefined || decision === 'undo') {
        await this.#undo();
      } else {
        this.#assertRoot();
        await this.#apply('leave', () => {});
        await this.#finish();
      }
    } finally {
      this.#end();
    }
  }

  async #prepare(
    operations: () => Iterable<IndexedOperation>,
    strict: boolean,
    progress: Progress,
  ): Promise<PackedOutcomes> {
    this.#release = await this.#options.turns.acquire();
    this.#before = this.#options.index.position();
    this.#after = this.#before;
    try {
      this.#assertRoot();
      // What an attempt without notes left behind.
      this.#ownFolders.remove();
      this.#options.history.discard(this.#options.runId, this.#options.step);
      const notes = CommitNotes.begin(this.#options.folder);
      this.#notes = notes;
      notes.setMeta('at', new Date().toISOString());
      const ready = new MakeReady({...this.#options, ownFolders: this.#ownFolders});
      await this.#plan(notes, operations(), ready, strict, progress);
      await this.#resolveFolders(notes);
      await ready.all(notes, progress);
      notes.seal();
    } catch (thrown) {
      this.#notes?.close();
      this.#notes = undefined;
      await this.#undo();
      throw thrown;
    }
    this.#options.faultPoint('commit.files-noted');
    return this.#notes.outcomes();
  }

  /** Content must not land in the empty place where a root should be mounted. */
  #assertRoot(): void {
    const {root, index} = this.#options;
    const look = root.look();
    if (look.kind === 'missing')
      throw new OperatorError('ROOT_MISSING', `The site root is missing: ${look.detail}.`);
    const device = index.meta('root-device');
    if (device !== undefined && device !== String(look.stat.dev))
      throw new OperatorError(
        'ROOT_CHANGED',
        `${root.folder} is on another device than when it was scanned.`,
        {
          hint: 'Check what is mounted there; nothing was changed.',
        },
      );
  }

  async #plan(
    notes: CommitNotes,
    operations: Iterable<IndexedOperation>,
    ready: MakeReady,
    strict: boolean,
    progress: Progress,
  ): Promise<void> {
    const slice = new TimeSlice();
    const {index, root} = this.#options;
    let count = 0;
    for (const {index: position, operation} of operations) {
      const planned = planStep(index, root, position, operation);
      const {step, unmet} = planned instanceof Promise ? await planned : planned;
      if (unmet && strict)
        throw new OperatorError(
          'STALE_PLAN',
          `${step.path} ${step.error ?? 'is gone since the plan was made'}.`,
          {hint: 'Make a new preview.'},
        );
      if (notes.at(step.path) !== undefined)
        throw new OperatorError('BAD_REQUEST', `${step.path} is named twice in one commit.`);
      const early = ready.early(step);
      const problem = early instanceof Promise ? await early : early;
      notes.add(problem === undefined ? step : {...step, action: 'none', outcome: 'skipped', error: problem});
      count += 1;
      if (count % savedTogether === 0) relieve();
      if (slice.isOver) {
        progress(count);
        await slice.yieldIfDue();
      }
    }
  }

  /** From the bottom up: a folder can only go, or become something else, when everything in it goes. */
  async #resolveFolders(notes: CommitNotes): Promise<void> {
    const slice = new TimeSlice();
    for (const step of notes.endingFolders()) {
      const reason = whatKeeps(this.#options.root, notes, step.path);
      // A folder that stays because of what is in it is no failure; a file that cannot take its place is.
      if (reason !== undefined && step.action === 'delete')
        notes.change({...step, action: 'none', outcome: 'unchanged'});
      else if (reason !== undefined)
        notes.change({
          ...step,
          action: 'none',
          outcome: 'skipped',
          error: `cannot replace the folder: ${reason}`,
        });
      if (slice.isOver) await slice.yieldIfDue();
    }
  }

  async #apply(whenChanged: WhenChanged, progress: Progress): Promise<void> {
    const {root, faultPoint} = this.#options;
    const notes = this.#notes;
    if (notes === undefined) throw new Error('nothing is prepared');
    const slice = new TimeSlice();
    let done = 0;
    for (const step of inOrder(notes)) {
      try {
        if (!carryOut(root, step, whenChanged)) this.#undone.add(step.operation);
      } catch (thrown) {
        if (thrown instanceof OperatorError) throw thrown;
        throw new OperatorError('STALE_PLAN', `${step.path} cannot be put into place: ${reasonOf(thrown)}.`, {
          cause: thrown,
        });
      }
      faultPoint('commit.files-applying');
      done += 1;
      if (slice.isOver) {
        progress(done);
        await slice.yieldIfDue();
      }
    }
    for (const step of notes.steps(['folder', 'touch'], 'descending')) {
      if (step.after?.kind === 'folder' && !this.#undone.has(step.operation)) finishFolder(root, step);
      if (slice.isOver) await slice.yieldIfDue();
    }
  }

  async #undo(): Promise<void> {
    const {root, history, runId, folder} = this.#options;
    const notes = this.#notes;
    const failures: unknown[] = [];
    try {
      if (notes !== undefined && root.look().kind === 'missing')
        throw new OperatorError(
          'ROOT_MISSING',
          'The site root is missing; a commit cannot be taken back in it.',
        );
      if (notes !== undefined) {
        const folder = this.#ownFolders.for('');
        makeOwnFolder(folder);
        const restoring = join(folder, 'restoring');
        for (const step of inReverse(notes)) {
          try {
            await takeBack(root, step, restoring);
            this.#giveUpEdited(step);
          } catch (thrown) {
            failures.push(thrown);
          }
        }
      }
      // With failures everything stays for another attempt.
      if (failures.length > 0)
        throw new AggregateError(failures, `${failures.length} items could not be brought back`);
      this.#ownFolders.remove();
      notes?.close();
      this.#notes = undefined;
      history.discard(runId, this.#options.step);
      CommitNotes.remove(folder);
    } finally {
      this.#end();
    }
  }

  async #finish(): Promise<void> {
    const {root, index, history, faultPoint, staged, runId, folder} = this.#options;
    const notes = this.#notes;
    if (notes === undefined) throw new Error('nothing is prepared');
    const slice = new TimeSlice();
    faultPoint('commit.files-finishing');
    this.#ownFolders.remove();
    const folders = new Set<string>();
    let lastParent: string | undefined;
    const commit = {runId, step: this.#options.step, at: notes.meta('at') ?? new Date().toISOString()};
    let changes: FileChange[] = [];
    let unsaved = 0;
    const tell = () => {
      history.add(changes);
      unsaved += changes.length;
      changes = [];
    };
    for (const step of notes.steps(allActions, 'ascending')) {
      // Before it is recorded: giving up a second name changes a file's change time.
      if (step.action === 'write' && step.readyInode !== 0n) removeQuietly(staged(step.after!.digest));
      if (this.#undone.has(step.operation)) continue;
      const stat = root.stat(step.path);
      recordStep(index, step, stat, BigInt(Date.now()) * 1_000_000n);
      const change = changeOf(step, commit);
      if (change !== undefined) {
        changes.push(change);
        const parent = step.path.slice(0, Math.max(0, step.path.lastIndexOf('/')));
        if (parent !== lastParent) {
          const disk = root.absolute(parent);
          if (typeof disk === 'string') folders.add(disk);
          lastParent = parent;
        }
      }
      if (changes.length >= toldTogether) tell();
      if (unsaved >= savedTogether) {
        index.flush();
        relieve();
        unsaved = 0;
      }
      if (slice.isOver) await slice.yieldIfDue();
    }
    index.flush();
    tell();
    this.#after = index.position();
    faultPoint('commit.files-recorded');
    await flushToDisk(
      [...folders],
      [root.folder, ...root.mountPoints().map(point => join(root.folder, point))],
    );
    index.flushToDisk();
    history.flushToDisk();
    notes.close();
    this.#notes = undefined;
    CommitNotes.remove(folder);
    this.#end();
  }

  /** What somebody edited in its place is no longer what was staged, and must not be tried again as if it were. */
  #giveUpEdited(step: Step): void {
    const {root, staged} = this.#options;
    if (step.action !== 'write' || root.obstacleAbove(step.path) !== undefined) return;
    const stat = root.stat(step.path);
    if (stat !== undefined && isOurs(step, stat)) removeQuietly(staged(step.after!.digest));
  }

  #end(): void {
    this.#release?.();
    this.#release = undefined;
  }
}

/** Changes that are recorded in one transaction: each writes the same pages of the index again. */
const savedTogether = 5000;
/** Changes that are held until they go into the history together. */
const toldTogether = 500;
const allActions: readonly StepAction[] = ['write', 'folder', 'delete', 'touch', 'record'];

/** What goes, from the bottom up; then what comes, from the top down; then what only changes its attributes. */
function* inOrder(notes: CommitNotes): Generator<Step> {
  yield* notes.steps(['delete'], 'descending');
  yield* notes.steps(['write', 'folder', 'parent'], 'ascending');
  yield* notes.steps(['touch'], 'ascending');
}

function* inReverse(notes: CommitNotes): Generator<Step> {
  yield* notes.steps(['touch'], 'descending');
  yield* notes.steps(['write', 'folder', 'parent'], 'descending');
  yield* notes.steps(['delete'], 'ascending');
}

function removeQuietly(file: string): void {
  try {
    unlinkSync(file);
  } catch (thrown) {
    if (!isAbsent(thrown)) throw thrown;
  }
}
