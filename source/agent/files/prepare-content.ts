import {hash} from 'node:crypto';
import {
  type BigIntStats,
  chmodSync,
  constants,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import {copyFile, rename} from 'node:fs/promises';
import {OperatorError} from '../../core/operator-error.js';
import type {DiskState} from './commit-notes.js';
import {isNearTime, setModificationTime} from './file-times.js';
import {leavesRoot} from './link-target.js';
import type {DiskPath} from './site-root.js';
import {errorCode, reasonOf} from './system-error.js';

/** The longest target that a link can have. */
const targetBytes = 4095;

/** What lies ready for an item: under which name, with which inode, and whether its time is exact. */
export type Prepared = {
  ready: string;
  inode: bigint;
  exact: boolean /** Has a second name. */;
  linked: boolean;
};

/**
 * Prepares a file or link under the name `ready`, complete with mode, owner and time, so that a rename is all that is
 * left to do. The staged file keeps its name, so that a commit that is taken back can be tried again.
 * @param ready a name that is free.
 * @param share whether the staged file itself may become the item; otherwise it is copied. With `in-place` it is
 *   ready under its own name: something new gets a second name when it is put into place, which spares two others.
 * @returns why it cannot be done, if it cannot.
 */
export function prepareContent(options: {
  path: string;
  after: DiskState;
  staged: string;
  ready: string;
  share: 'in-place' | 'linked' | 'never';
  owner: {uid: number; gid: number} | undefined;
}): Prepared | string | Promise<Prepared> {
  const {path, after, staged, ready, share, owner} = options;
  const source = lstatSync(staged, {bigint: true, throwIfNoEntry: false});
  if (source === undefined || !source.isFile()) return 'its content could not be brought here';
  if (after.kind === 'link') {
    if (source.size > targetBytes) return 'is a link with a target that is too long';
    const target = readFileSync(staged);
    if (hash('sha256', target, 'hex') !== after.digest) return 'its content was damaged on the way';
    if (leavesRoot(path, target)) return 'is a link that leaves the site root';
    symlinkSync(target, ready);
    return complete(ready, after, owner, undefined);
  }
  if (source.size !== BigInt(after.size)) return 'its content was damaged on the way';
  if (share === 'in-place') return complete(staged, after, owner, source);
  if (share === 'linked' && linkOrNot(staged, ready))
    return {...complete(ready, after, owner, source), linked: true};
  return copyFile(staged, ready, constants.COPYFILE_FICLONE).then(() =>
    complete(ready, after, owner, undefined),
  );
}

/** Gives mode, owner and time, as far as the item does not have them yet. */
function complete(
  ready: string,
  after: DiskState,
  owner: {uid: number; gid: number} | undefined,
  stat: BigIntStats | undefined,
): Prepared {
  const bits = after.mode & 0o777;
  if (after.kind !== 'link' && (stat === undefined || Number(stat.mode & 0o7777n) !== bits))
    chmodSync(ready, bits);
  if (owner !== undefined && (stat === undefined || !belongsTo(stat, owner)))
    lchownSync(ready, owner.uid, owner.gid);
  let now = stat;
  if (now === undefined || !isNearTime(now.mtimeNs, after.mtime)) {
    setModificationTime(ready, after.kind, after.mtime);
    now = lstatSync(ready, {bigint: true});
  }
  return {
    ready,
    inode: BigInt.asIntN(64, now.ino),
    exact: now.mtimeNs === after.mtime,
    linked: false,
  };
}

function belongsTo(stat: BigIntStats, owner: {uid: number; gid: number}): boolean {
  return stat.uid === BigInt(owner.uid) && stat.gid === BigInt(owner.gid);
}

/**
 * Keeps what is at `path` under the name `kept`: as a second name of the same file where the file system can, else as
 * a copy.
 * @param kept a name that is free.
 * @returns what `path` looks like afterwards, and whether it is a copy.
 * @throws what the operating system says, NO_SPACE when the disk is full.
 */
export async function keepContent(
  path: DiskPath,
  kept: string,
  before: {kind: 'file' | 'link'; mtime: bigint},
): Promise<{stat: BigIntStats; copied: boolean}> {
  const linked = linkOrNot(path, kept);
  if (!linked) await copyItem(path, kept, before);
  return {stat: lstatSync(path, {bigint: true}), copied: !linked};
}

/** Copies a file or link with its modification time, to be seen under its name only when it is whole. */
export async function copyItem(
  from: DiskPath,
  to: string,
  item: {kind: 'file' | 'link'; mtime: bigint},
): Promise<void> {
  const partial = `${to}.partial`;
  rmSync(partial, {force: true});
  try {
    if (item.kind === 'link') symlinkSync(readlinkSync(from, {encoding: 'buffer'}), partial);
    else await copyFile(from, partial, constants.COPYFILE_FICLONE);
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOSPC' || errorCode(thrown) === 'EDQUOT')
      throw new OperatorError(
        'NO_SPACE',
        `There is no space to keep what is replaced: ${reasonOf(thrown)}.`,
        {
          cause: thrown,
        },
      );
    throw thrown;
  }
  setModificationTime(partial, item.kind, item.mtime);
  await rename(partial, to);
}

/** Makes a folder for prepared content, that nobody else can look into and that is not somebody's link. */
export function makeOwnFolder(folder: string): void {
  try {
    mkdirSync(folder, {mode: 0o700});
  } catch (thrown) {
    if (errorCode(thrown) !== 'EEXIST') throw thrown;
  }
  if (!lstatSync(folder).isDirectory())
    throw new OperatorError('UNSAFE_PATH', `${folder} is in the way: it is not a folder.`, {
      hint: 'Remove it; names that begin with .lockstep belong to Lockstep.',
    });
}

/** Gives a file a second name. @returns false where the file system, or a rule of the system, does not let us. */
function linkOrNot(from: DiskPath, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (thrown) {
    const code = errorCode(thrown);
    if (code === 'EXDEV' || code === 'EPERM' || code === 'EMLINK' || code === 'ENOTSUP' || code === 'ENOSYS')
      return false;
    throw thrown;
  }
}
