import {
  type BigIntStats,
  chmodSync,
  lchownSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
} from 'node:fs';
import {OperatorError} from '../../core/operator-error.js';
import type {Step} from './commit-notes.js';
import {isNearTime, setModificationTime} from './file-times.js';
import {copyItem} from './prepare-content.js';
import type {DiskPath, SiteRoot} from './site-root.js';
import {errorCode} from './system-error.js';

/** `leave` is for recovery: what somebody changed meanwhile is theirs, the rest goes on. */
export type WhenChanged = 'refuse' | 'leave';

/**
 * Carries out one step on the disk. Doing it again is harmless: what is done already is seen on the disk.
 * @returns whether the step is now done.
 * @throws OperatorError STALE_PLAN when the item is not what was checked.
 */
export function carryOut(root: SiteRoot, step: Step, whenChanged: WhenChanged): boolean {
  if (step.action === 'record' || step.action === 'none') return step.action === 'record';
  const disk = root.absolute(step.path);
  const obstacle = root.obstacleAbove(step.path);
  if (obstacle === undefined && step.action === 'write' && step.before === undefined)
    if (linkNew(step.ready!, disk) === 'linked') return true;
  const stat = obstacle === undefined ? root.stat(step.path) : undefined;
  if (isDone(step, stat)) return true;
  if (obstacle !== undefined || !isAsBefore(step, stat)) {
    if (whenChanged === 'leave') return false;
    throw new OperatorError(
      'STALE_PLAN',
      `${step.path} changed while the run was putting files into place.`,
      {
        hint: 'Nothing was changed. Run it again.',
      },
    );
  }
  switch (step.action) {
    case 'delete':
      return stat?.isDirectory() ? removeFolder(disk) : remove(disk);
    case 'folder':
    case 'parent':
      if (stat !== undefined) unlinkSync(disk);
      // With its final mode it might forbid us to fill it.
      mkdirSync(disk, {mode: step.after!.mode | 0o700});
      root.madeFolder();
      chownIfRoot(disk, ownerAbove(root, step.path));
      return true;
    case 'write':
      if (stat?.isDirectory()) rmdirSync(disk);
      if (step.before === undefined || step.before.kind === 'folder') putNew(step.ready!, disk);
      else renameSync(step.ready!, disk);
      return true;
    case 'touch':
      setAttributes(root, step, step.after!);
      return true;
  }
}

/** What folders get last, because it could forbid writing into them or be changed by it. */
export function finishFolder(root: SiteRoot, step: Step): void {
  const stat = root.stat(step.path);
  if (!stat?.isDirectory()) return;
  setAttributes(root, step, step.after!);
}

/**
 * Takes one step back, as far as it was carried out. What somebody else changed meanwhile stays as it is.
 * @param restoring a place on the root's file system for content on its way back.
 */
export async function takeBack(root: SiteRoot, step: Step, restoring: string): Promise<void> {
  const {before} = step;
  const disk = root.absolute(step.path);
  if (root.obstacleAbove(step.path) !== undefined) return;
  const stat = root.stat(step.path);
  switch (step.action) {
    case 'record':
    case 'none':
      return;
    case 'touch':
      if (stat !== undefined && isSameFile(step, stat)) setAttributes(root, step, before!);
      return;
    case 'folder':
    case 'parent':
      if (stat?.isDirectory() && !removeFolder(disk)) return;
      if (stat !== undefined && !stat.isDirectory()) return;
      break;
    case 'delete':
      if (stat !== undefined) return;
      break;
    case 'write':
      if (stat !== undefined && !(isOurs(step, stat) && isUnedited(step, stat))) return;
      break;
  }
  if (before === undefined) {
    if (stat !== undefined && step.action === 'write') unlinkSync(disk);
    return;
  }
  if (before.kind === 'folder') {
    if (stat !== undefined) unlinkSync(disk);
    mkdirSync(disk, {mode: before.mode & 0o7777});
    root.madeFolder();
    chownIfRoot(disk, before);
    setAttributes(root, step, before);
    return;
  }
  try {
    renameSync(step.kept!, disk);
  } catch (thrown) {
    if (errorCode(thrown) !== 'EXDEV') throw thrown;
    rmSync(restoring, {force: true});
    await copyItem(step.kept!, restoring, {kind: before.kind, mtime: before.mtime});
    if (before.kind === 'file') chmodSync(restoring, before.mode & 0o7777);
    chownIfRoot(restoring, before);
    renameSync(restoring, disk);
  }
}

/** Whether what is there now is what the step put there. */
export function isOurs(step: Step, stat: BigIntStats): boolean {
  return step.readyInode !== 0n && BigInt.asIntN(64, stat.ino) === step.readyInode;
}

/** Whether what the step put there still looks as it was prepared. */
export function isUnedited(step: Step, stat: BigIntStats): boolean {
  return stat.size === BigInt(step.after!.size) && isNearTime(stat.mtimeNs, step.after!.mtime);
}

/** Only root may give files away; everybody else's belong to the agent's user anyway. */
export const isRoot = process.getuid?.() === 0;

function isDone(step: Step, stat: BigIntStats | undefined): boolean {
  switch (step.action) {
    case 'delete':
      return stat === undefined;
    case 'folder':
    case 'parent':
      return stat?.isDirectory() === true;
    case 'write':
      return stat !== undefined && isOurs(step, stat);
    case 'touch':
      return (
        stat !== undefined &&
        isSameFile(step, stat) &&
        (Number(stat.mode) & 0o777) === (step.after!.mode & 0o777) &&
        isNearTime(stat.mtimeNs, step.after!.mtime)
      );
    case 'record':
    case 'none':
      return false;
  }
}

function isAsBefore(step: Step, stat: BigIntStats | undefined): boolean {
  const {before} = step;
  // A crash may have come between the removal of the old kind and the arrival of the new one.
  const changesKind =
    before !== undefined &&
    step.after !== undefined &&
    (before.kind === 'folder') !== (step.after.kind === 'folder');
  if (before === undefined || stat === undefined)
    return stat === undefined && (before === undefined || changesKind);
  if (before.kind === 'folder') return stat.isDirectory();
  return (
    isSameFile(step, stat) &&
    stat.size === BigInt(before.size) &&
    stat.mtimeNs === before.mtime &&
    Number(stat.mode) === before.mode &&
    (before.ctime === 0n || stat.ctimeNs === before.ctime)
  );
}

function isSameFile(step: Step, stat: BigIntStats): boolean {
  return step.before !== undefined && BigInt.asIntN(64, stat.ino) === step.before.inode;
}

/** Fails rather than replaces when something has appeared there: `rename` alone would replace it. */
function putNew(ready: string, disk: DiskPath): void {
  const put = linkNew(ready, disk);
  if (put instanceof Error) throw put;
  if (put === 'cannot-link') renameSync(ready, disk);
}

/** Puts what is ready where nothing is yet. The name under which it was ready goes with the commit's own folders. */
function linkNew(ready: string, disk: DiskPath): 'linked' | 'cannot-link' | Error {
  try {
    linkSync(ready, disk);
    return 'linked';
  } catch (thrown) {
    const code = errorCode(thrown);
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS' || code === 'EMLINK')
      return 'cannot-link';
    return thrown as Error;
  }
}

function remove(disk: string | Buffer): boolean {
  unlinkSync(disk);
  return true;
}

/** @returns false when something is in it, which then stays. */
function removeFolder(disk: string | Buffer): boolean {
  try {
    rmdirSync(disk);
    return true;
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOTEMPTY' || errorCode(thrown) === 'EEXIST') return false;
    throw thrown;
  }
}

function setAttributes(root: SiteRoot, step: Step, state: NonNullable<Step['after']>): void {
  const disk = root.absolute(step.path);
  const stat = root.stat(step.path);
  if (stat === undefined) return;
  // Only permissions travel; what else the mode says (setgid folders) is this server's own.
  if (!stat.isSymbolicLink()) chmodSync(disk, (Number(stat.mode) & 0o7000) | (state.mode & 0o777));
  setModificationTime(disk, stat.isSymbolicLink() ? 'link' : 'file', state.mtime);
}

/** Who owns the folder that an item is in. */
export function ownerAbove(root: SiteRoot, path: string): {uid: number; gid: number} {
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    const stat = root.stat(path.slice(0, slash));
    if (stat !== undefined) return {uid: Number(stat.uid), gid: Number(stat.gid)};
  }
  const look = root.look();
  if (look.kind === 'missing')
    throw new OperatorError('ROOT_MISSING', `The site root is gone: ${look.detail}.`);
  return {uid: Number(look.stat.uid), gid: Number(look.stat.gid)};
}

function chownIfRoot(disk: string | Buffer, owner: {uid: number; gid: number}): void {
  if (isRoot) lchownSync(disk, owner.uid, owner.gid);
}
