import {hash} from 'node:crypto';
import {type BigIntStats, readlinkSync} from 'node:fs';
import {compareCodePoints} from '../../core/item.js';
import type {RootState} from '../../core/site-description.js';
import {TimeSlice} from '../../system/time-slice.js';
import {relieve} from '../memory.js';
import {checkRoot} from './check-root.js';
import type {FileIndex, StatRow} from './file-index.js';
import {leavesRoot} from './link-target.js';
import {type ReadResult, readLarge, smallBytes} from './read-content.js';
import {type FileToRead, ReadingThread} from './reading-thread.js';
import {ScanRecorder} from './scan-recorder.js';
import type {SiteRoot} from './site-root.js';
import {isAbsent, reasonOf} from './system-error.js';
import {trustedChangeTime} from './trusted-time.js';

export type ScanOptions = {
  signal: AbortSignal;
  progress: (done: number, total: number) => void;
  /** The operator says that an emptied or changed root is as it should be. */
  acceptRoot: boolean;
  /** Nanoseconds since the epoch. */
  now: () => bigint;
};

export type ScanOutcome = {root: RootState; changed: number};

/**
 * Brings the index up to date with the disk (DESIGN.md, "Files"). Disk and index are walked side by side in the
 * same order, so memory does not grow with the site; what looks as it was recorded is not touched. What was
 * found is kept when the scan is aborted: every record is true by itself.
 */
export async function scanFiles(
  index: FileIndex,
  root: SiteRoot,
  options: ScanOptions,
): Promise<ScanOutcome> {
  const state = await checkRoot(index, root, options);
  if (state.kind !== 'present') return {root: state, changed: 0};
  const scan = new Scan(index, root, options);
  try {
    await scan.walk();
  } finally {
    scan.end();
    index.flush();
  }
  return {root: state, changed: scan.changed};
}

/** Milliseconds between two transactions of the index. */
const flushMs = 500;
const folderBitsBig = 0o040000n;
const formatBitsBig = 0o170000n;

/** A folder that is being walked. `waiting` holds subfolders whose entries come later in path order. */
type Level = {prefix: string; names: string[]; next: number; waiting: string[]};

class Scan {
  #done = 0;
  readonly #index: FileIndex;
  readonly #recorder: ScanRecorder;
  readonly #root: SiteRoot;
  readonly #options: ScanOptions;
  readonly #slice = new TimeSlice();
  #flushedMs = performance.now();
  readonly #known: Iterator<StatRow>;
  #row: StatRow | undefined;
  /** Prefixes of folders that could not be looked into: nothing below them is taken for deleted. */
  readonly #unlisted: string[] = [];
  /** Folders with a problem on record, until it is known whether they can be listed again. */
  readonly #troubled = new Set<string>();
  readonly #reading = new ReadingThread((file, result) => this.#readSmall(file, result));
  /** Small files that changed while they were read. */
  readonly #again: FileToRead[] = [];

  constructor(index: FileIndex, root: SiteRoot, options: ScanOptions) {
    this.#index = index;
    this.#recorder = new ScanRecorder(index, path => root.excludes(path));
    this.#root = root;
    this.#options = options;
    this.#known = index.statRows();
    this.#advance();
  }

  get changed(): number {
    return this.#recorder.changed;
  }

  /**
   * Visits everything in the order of whole paths. That is not the order of a plain depth-first walk: `a-b` comes
   * after the folder `a` but before `a/c`, so a folder's entries wait until no name sorts before them.
   */
  async walk(): Promise<void> {
    const levels: Level[] = [{prefix: '', names: this.#root.list(''), next: 0, waiting: []}];
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const name = level.names[level.next];
      const folder = level.waiting.at(-1);
      if (folder !== undefined && (name === undefined || !sortsBeforeEntriesOf(folder, name))) {
        level.waiting.pop();
        const path = level.prefix + folder;
        const names = this.#listOrReport(path);
        if (names !== undefined) levels.push({prefix: `${path}/`, names, next: 0, waiting: []});
      } else if (name === undefined) {
        levels.pop();
      } else {
        level.next += 1;
        // The walk is done with it; a folder of a million names need not be kept whole.
        level.names[level.next - 1] = '';
        const visited = this.#visit(level.prefix + name);
        if (typeof visited === 'boolean' ? visited : await visited) level.waiting.push(name);
      }
      if (this.#slice.isOver) await this.#breathe();
      if (this.#again.length > 0) await this.#readAgain();
    }
    await this.#reading.finish(this.#options.signal);
    await this.#readAgain();
    while (this.#row !== undefined) {
      this.#missing(this.#row[0]);
      this.#advance();
      if (this.#slice.isOver) await this.#breathe();
    }
    this.#options.progress(this.#done, this.#done);
  }

  async #breathe(): Promise<void> {
    // Each flush writes the same pages again; what is lost with the process is found by the next scan.
    if (performance.now() - this.#flushedMs > flushMs) {
      this.#index.flush();
      relieve();
      this.#flushedMs = performance.now();
    }
    this.#options.progress(this.#done, Math.max(this.#done, this.#index.live));
    await this.#slice.yieldIfDue(this.#options.signal);
    this.#reading.takeReplies();
  }

  end(): void {
    this.#reading.close();
  }

  #advance(): void {
    const {value, done} = this.#known.next();
    this.#row = done === true ? undefined : value;
  }

  /** @returns whether the item is a folder whose entries are to be visited. */
  #visit(path: string): boolean | Promise<boolean> {
    this.#done += 1;
    while (this.#row !== undefined && this.#row[0] !== path && compareCodePoints(this.#row[0], path) < 0) {
      this.#missing(this.#row[0]);
      this.#advance();
    }
    const row = this.#row?.[0] === path ? this.#row : undefined;
    if (row !== undefined) this.#advance();
    let stat: BigIntStats | undefined;
    try {
      stat = this.#root.stat(path);
    } catch (thrown) {
      this.#recorder.problem(path, undefined, `cannot be looked at: ${reasonOf(thrown)}`);
      this.#unlisted.push(`${path}/`);
      return false;
    }
    if (stat === undefined) {
      if (row !== undefined) this.#missing(path);
      return false;
    }
    const isFolder = (stat.mode & formatBitsBig) === folderBitsBig;
    if (row !== undefined && rowMatches(row, stat, isFolder)) return isFolder;
    if (isFolder) {
      if (row !== undefined && row[3] === 0n && row[5] === stat.mode) {
        this.#troubled.add(path);
        return true;
      }
      this.#recorder.item(path, 'folder', '', stat, stat.ctimeNs);
      return true;
    }
    return this.#examine(path, stat);
  }

  /** Looks at the content of what is new or looks different; of a small file now or a little later. */
  #examine(path: string, stat: BigIntStats): boolean | Promise<boolean> {
    if (stat.isSymbolicLink()) {
      this.#examineLink(path, stat);
      return false;
    }
    if (!stat.isFile()) {
      this.#recorder.problem(path, stat, `is a ${specialKind(stat)}`);
      return false;
    }
    const readAt = this.#options.now();
    if (stat.size > smallBytes) return this.#examineLarge(path, stat);
    this.#reading.read({path, disk: this.#root.absolute(path), stat, readAt});
    return false;
  }

  #readSmall(file: FileToRead, result: ReadResult): void {
    if (result.kind === 'changing') this.#again.push(file);
    else this.#recorder.read(file.path, file.stat, file.readAt, result);
  }

  async #readAgain(): Promise<void> {
    for (let file = this.#again.shift(); file !== undefined; file = this.#again.shift())
      await this.#examineLarge(file.path, file.stat);
  }

  async #examineLarge(path: string, first: BigIntStats): Promise<boolean> {
    // Nobody should find the database locked while a large file is read.
    this.#index.flush();
    let before: BigIntStats | undefined = first;
    for (let attempt = 0; attempt < 2 && before?.isFile(); attempt++) {
      const readAt = this.#options.now();
      const result = await readLarge(this.#root.absolute(path), before, this.#options.signal);
      if (result.kind !== 'changing') {
        this.#recorder.read(path, before, readAt, result);
        return false;
      }
      before = this.#root.stat(path);
    }
    // It changes while it is read: what is known of it stays, and the next scan tries again.
    return false;
  }

  #examineLink(path: string, stat: BigIntStats): void {
    const readAt = this.#options.now();
    let target: Buffer;
    try {
      target = readlinkSync(this.#root.absolute(path), {encoding: 'buffer'});
    } catch (thrown) {
      if (isAbsent(thrown)) this.#missing(path);
      else this.#recorder.problem(path, stat, `cannot be read: ${reasonOf(thrown)}`);
      return;
    }
    const digest = hash('sha256', target, 'hex');
    const problem = leavesRoot(path, target) ? 'is a link that leaves the site root' : null;
    this.#recorder.item(path, 'link', digest, stat, trustedChangeTime(stat, readAt), problem);
  }

  #listOrReport(path: string): string[] | undefined {
    try {
      const names = this.#root.list(path);
      const stat = this.#troubled.delete(path) ? this.#root.stat(path) : undefined;
      if (stat?.isDirectory()) this.#recorder.item(path, 'folder', '', stat, stat.ctimeNs);
      return names;
    } catch (thrown) {
      // Gone since its own visit: the next scan sees it, with everything below.
      if (!isAbsent(thrown)) this.#recorder.problem(path, undefined, `cannot be listed: ${reasonOf(thrown)}`);
      this.#unlisted.push(`${path}/`);
      return undefined;
    }
  }

  /** A known item that was not met. */
  #missing(path: string): void {
    if (!this.#unlisted.some(prefix => path.startsWith(prefix))) this.#recorder.missing(path);
  }
}

/** Whether `name` sorts after the folder itself but before everything in it. */
function sortsBeforeEntriesOf(folder: string, name: string): boolean {
  return name.charCodeAt(folder.length) < slash && name.startsWith(folder);
}
const slash = 0x2f;

function rowMatches(row: StatRow, stat: BigIntStats, isFolder: boolean): boolean {
  if (row[5] !== stat.mode) return false;
  if (isFolder) return row[2] === stat.mtimeNs && row[3] !== 0n;
  return (
    row[3] === stat.ctimeNs &&
    row[2] === stat.mtimeNs &&
    row[1] === stat.size &&
    row[4] === BigInt.asIntN(64, stat.ino)
  );
}

function specialKind(stat: BigIntStats): string {
  if (stat.isFIFO()) return 'named pipe (FIFO)';
  if (stat.isSocket()) return 'socket';
  if (stat.isBlockDevice() || stat.isCharacterDevice()) return 'device';
  return 'special file';
}
