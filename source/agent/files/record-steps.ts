import type {BigIntStats} from 'node:fs';
import type {Step} from './commit-notes.js';
import type {FileChange} from './file-history.js';
import type {FileIndex} from './file-index.js';
import {isOurs, isUnedited} from './in-place.js';
import {tombstone} from './indexed-item.js';
import {trustedWriteTime} from './trusted-time.js';

/**
 * Records a step that was carried out. Of what looks different from what the step left there, only the version is
 * recorded; the next scan then finds what was changed as an edit of that version.
 */
export function recordStep(index: FileIndex, step: Step, stat: BigIntStats | undefined, now: bigint): void {
  switch (step.action) {
    case 'none':
    case 'parent':
      return;
    case 'delete': {
      const before = index.get(step.path);
      if (before !== undefined) index.put(tombstone(before, step.vector));
      return;
    }
    case 'record': {
      const before = index.get(step.path);
      if (before === undefined) return;
      if (step.after === undefined) index.put(tombstone(before, step.vector));
      else if (before.digest === step.after.digest && !before.deleted)
        index.put({...before, vector: step.vector});
      return;
    }
    case 'write':
    case 'folder':
    case 'touch': {
      const after = step.after!;
      const asLeft = stat !== undefined && looksLikeStep(step, stat);
      index.put({
        path: step.path,
        kind: after.kind,
        size: after.kind === 'folder' ? 0 : step.action === 'touch' ? Number(stat?.size ?? 0) : after.size,
        mtime: asLeft ? stat.mtimeNs : after.mtime,
        ctime: asLeft ? (after.kind === 'folder' ? stat.ctimeNs : trustedWriteTime(stat, now)) : 0n,
        inode: asLeft ? BigInt.asIntN(64, stat.ino) : 0n,
        mode: asLeft ? Number(stat.mode) : after.mode,
        digest: after.digest,
        vector: step.vector,
        deleted: false,
        problem: null,
      });
    }
  }
}

/** What the history says of a step; undefined when there is nothing to say. */
export function changeOf(
  step: Step,
  commit: {runId: string; step: string; at: string},
): FileChange | undefined {
  if (step.action === 'none' || step.action === 'parent' || step.action === 'record') return undefined;
  return {
    ...commit,
    operation: step.operation,
    path: step.path,
    action: step.action === 'delete' ? 'delete' : step.before === undefined ? 'create' : 'update',
    before: step.before,
    after: step.after === undefined ? {vector: step.vector} : {...step.after, vector: step.vector},
    kept: step.kept !== undefined,
  };
}

function looksLikeStep(step: Step, stat: BigIntStats): boolean {
  switch (step.action) {
    case 'folder':
      return stat.isDirectory();
    case 'touch':
      return (
        (step.before?.kind === 'folder') === stat.isDirectory() &&
        step.before?.inode === BigInt.asIntN(64, stat.ino) &&
        (stat.isDirectory() || stat.size === BigInt(step.before.size))
      );
    default:
      return isOurs(step, stat) && isUnedited(step, stat);
  }
}
