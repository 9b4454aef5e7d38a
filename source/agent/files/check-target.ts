import {hash} from 'node:crypto';
import {type BigIntStats, readlinkSync} from 'node:fs';
import type {FileKind} from '../../core/item.js';
import type {Expectation, Operation} from '../../core/plan.js';
import type {Step} from './commit-notes.js';
import type {FileIndex} from './file-index.js';
import {type IndexedItem, looksUnchanged} from './indexed-item.js';
import {type ReadResult, readLarge, readSmall, smallBytes} from './read-content.js';
import type {SiteRoot} from './site-root.js';
import {reasonOf} from './system-error.js';

/** What is at a path now, compared with the disk and not only with the index. */
export type Target =
  | {kind: 'absent'}
  | {kind: 'present'; state: NonNullable<Step['before']>; stat: BigIntStats}
  | {kind: 'unusable'; reason: string};

/** The longest name that file systems take, in bytes. */
const nameBytes = 255;
/** The longest path that the system takes, its end included. */
const pathBytes = 4096;

/** Looks at a path: content is read again unless it looks exactly as it was recorded. Waits only for large files. */
export function lookAtTarget(index: FileIndex, root: SiteRoot, path: string): Target | Promise<Target> {
  if (root.excludes(path)) return {kind: 'unusable', reason: 'is excluded from this site'};
  const tooLong = lengthProblem(root, path);
  if (tooLong !== undefined) return {kind: 'unusable', reason: tooLong};
  try {
    const obstacle = root.obstacleAbove(path);
    if (obstacle?.kind === 'link')
      return {kind: 'unusable', reason: `is below ${obstacle.path}, which is a link`};
    const stat = obstacle === undefined ? root.stat(path) : undefined;
    if (stat === undefined) return {kind: 'absent'};
    const item = index.get(path);
    const vector = item?.vector ?? '';
    const content = contentOf(root, path, stat, item);
    if (content instanceof Promise)
      return content.then(found => present(found, stat, vector)).catch(notLookedAt);
    return present(content, stat, vector);
  } catch (thrown) {
    return notLookedAt(thrown);
  }
}

function notLookedAt(thrown: unknown): Target {
  return {kind: 'unusable', reason: `cannot be looked at: ${reasonOf(thrown)}`};
}

function present(content: Content, stat: BigIntStats, vector: string): Target {
  if (typeof content === 'string') return {kind: 'unusable', reason: content};
  return {
    kind: 'present',
    stat,
    state: {
      ...content,
      size: content.kind === 'folder' ? 0 : Number(stat.size),
      mode: Number(stat.mode),
      mtime: stat.mtimeNs,
      ctime: stat.ctimeNs,
      inode: BigInt.asIntN(64, stat.ino),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      vector,
    },
  };
}

/** Why the target is not what the plan saw; undefined when it is. */
export function unmet(expect: Expectation, target: Target): string | undefined {
  if (target.kind === 'unusable') return target.reason;
  if (expect.state === 'absent')
    return target.kind === 'absent' ? undefined : 'has appeared here since the plan was made';
  if (target.kind === 'absent') return 'is gone here since the plan was made';
  const {state} = target;
  const same =
    (expect.kind === undefined || expect.kind === state.kind) &&
    expect.digest === state.digest &&
    (expect.mode === undefined || state.kind === 'link' || expect.mode === (state.mode & 0o777));
  return same ? undefined : 'has changed here since the plan was made';
}

/** The path that a file operation is about. */
export function pathOf(operation: Operation): string {
  const item = 'record' in operation ? operation.record : 'item' in operation ? operation.item : undefined;
  if (item?.type !== 'file') throw new TypeError(`not an operation on a file: ${operation.op}`);
  return item.path;
}

/** What an item holds, or why that cannot be said. */
type Content = {kind: FileKind; digest: string} | string;

function contentOf(
  root: SiteRoot,
  path: string,
  stat: BigIntStats,
  item: IndexedItem | undefined,
): Content | Promise<Content> {
  if (stat.isDirectory()) return {kind: 'folder', digest: ''};
  if (!stat.isFile() && !stat.isSymbolicLink()) return 'is a special file here';
  const kind = stat.isFile() ? 'file' : 'link';
  if (item !== undefined && item.kind === kind && looksUnchanged(item, stat))
    return {kind, digest: item.digest};
  const disk = root.absolute(path);
  if (kind === 'link') return {kind, digest: hash('sha256', readlinkSync(disk, {encoding: 'buffer'}), 'hex')};
  return stat.size <= smallBytes ? asContent(readSmall(disk, stat)) : readLarge(disk, stat).then(asContent);
}

function asContent(result: ReadResult): Content {
  switch (result.kind) {
    case 'read':
      return {kind: 'file', digest: result.digest};
    case 'unreadable':
      return `cannot be read here: ${result.reason}`;
    case 'changing':
    case 'vanished':
      return 'is being changed here';
  }
}

function lengthProblem(root: SiteRoot, path: string): string | undefined {
  if (path.length <= nameBytes && root.folder.length + path.length < pathBytes / 4) {
    if (!path.includes('\\') && path.length * 3 <= nameBytes) return undefined;
  }
  const bytes = Buffer.from(root.absolute(path));
  if (bytes.length >= pathBytes) return 'has a path that is too long for this server';
  let name = 0;
  for (const byte of bytes) {
    name = byte === 0x2f ? 0 : name + 1;
    if (name > nameBytes) return 'has a name that is too long for this server';
  }
  return undefined;
}
