import type {BigIntStats} from 'node:fs';
import type {FileKind} from '../../core/item.js';
import {bumpVector} from '../../core/version-vector.js';
import type {FileIndex} from './file-index.js';
import {tombstone} from './indexed-item.js';
import type {ReadResult} from './read-content.js';
import {trustedChangeTime} from './trusted-time.js';

/** Puts what a scan finds into the index, and counts what has changed. */
export class ScanRecorder {
  changed = 0;
  readonly #index: FileIndex;
  readonly #excludes: (path: string) => boolean;

  /** @param excludes what does not take part by the site's configuration */
  constructor(index: FileIndex, excludes: (path: string) => boolean) {
    this.#index = index;
    this.#excludes = excludes;
  }

  /** @param before what the file looked like before it was read, at `readAt` */
  read(path: string, before: BigIntStats, readAt: bigint, result: ReadResult): void {
    switch (result.kind) {
      case 'read':
        this.item(path, 'file', result.digest, result.stat, trustedChangeTime(result.stat, readAt));
        break;
      case 'vanished':
        this.missing(path);
        break;
      case 'unreadable':
        this.problem(path, before, `cannot be read: ${result.reason}`);
        break;
      case 'changing':
        break;
    }
  }

  /** An item as it is now. @param ctime 0 for one that is to be looked at again by the next scan */
  item(
    path: string,
    kind: FileKind,
    digest: string,
    stat: BigIntStats,
    ctime: bigint,
    problem: string | null = null,
  ): void {
    const before = this.#index.get(path);
    const now = {
      path,
      kind,
      size: kind === 'folder' ? 0 : Number(stat.size),
      mtime: stat.mtimeNs,
      ctime,
      inode: BigInt.asIntN(64, stat.ino),
      mode: Number(stat.mode),
      digest,
      deleted: false,
      problem,
    };
    const same =
      before !== undefined &&
      !before.deleted &&
      before.kind === kind &&
      before.digest === digest &&
      (before.mode & 0o777) === (now.mode & 0o777) &&
      (kind === 'folder' || before.mtime === now.mtime);
    if (same && before.problem === problem) {
      this.#index.refresh({...now, vector: before.vector, seq: before.seq});
      return;
    }
    const vector = same ? before.vector : bumpVector(before?.vector ?? '', this.#index.replica);
    this.#index.put({...now, vector});
    this.changed += 1;
  }

  /**
   * Notes why an item cannot be compared or moved. What was known of it stays: an item that cannot be read is
   * neither changed nor deleted.
   */
  problem(path: string, stat: BigIntStats | undefined, problem: string): void {
    const before = this.#index.get(path);
    if (before !== undefined && !before.deleted) {
      if (before.problem === problem && before.ctime === 0n) return;
      this.#index.put({...before, ctime: 0n, problem});
    } else {
      this.#index.put({
        path,
        kind: stat?.isDirectory() ? 'folder' : 'file',
        size: 0,
        mtime: stat?.mtimeNs ?? 0n,
        ctime: 0n,
        inode: 0n,
        mode: Number(stat?.mode ?? 0),
        digest: '',
        vector: bumpVector(before?.vector ?? '', this.#index.replica),
        deleted: false,
        problem,
      });
    }
    this.changed += 1;
  }

  /** A known item that was not met. */
  missing(path: string): void {
    const before = this.#index.get(path);
    if (before === undefined || before.deleted) return;
    if (this.#excludes(path)) {
      // What configuration newly excludes has not been deleted by anybody.
      this.#index.drop(path);
      return;
    }
    this.#index.put(tombstone(before, bumpVector(before.vector, this.#index.replica)));
    this.changed += 1;
  }
}
