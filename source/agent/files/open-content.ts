import {closeSync, fstatSync, openSync, readlinkSync} from 'node:fs';
import type {FileRef} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import type {OpenContent} from '../site/ports.js';
import {openFlags} from './read-content.js';
import type {DiskPath, SiteRoot} from './site-root.js';
import {errorCode, reasonOf} from './system-error.js';

/**
 * Opens a file or reads a link for a reader, never through a link in its path and never anything that could block.
 * @throws OperatorError NOT_FOUND when there is nothing to read, UNSAFE_PATH for a path that is none of the site.
 */
export function openContent(root: SiteRoot, ref: FileRef): OpenContent {
  root.assertSafe(ref.path);
  if (root.excludes(ref.path)) throw notFound(ref, 'is excluded from the site');
  const obstacle = root.obstacleAbove(ref.path);
  if (obstacle !== undefined) throw notFound(ref, `is below ${obstacle.path}, which is not a folder`);
  const disk = root.absolute(ref.path);
  try {
    const fd = openOrNot(disk);
    if (fd === undefined) {
      const stat = root.stat(ref.path);
      if (stat === undefined) throw notFound(ref, 'is gone');
      if (stat.isSymbolicLink())
        return {kind: 'link', target: readlinkSync(disk, {encoding: 'buffer'}), close() {}};
      throw notFound(ref, 'is neither a file nor a link');
    }
    const opened = fstatSync(fd, {bigint: true});
    if (!opened.isFile()) {
      closeSync(fd);
      throw notFound(ref, 'is neither a file nor a link');
    }
    return {
      kind: 'file',
      fd,
      size: Number(opened.size),
      mtime: opened.mtimeNs.toString(),
      close: () => closeSync(fd),
    };
  } catch (thrown) {
    if (errorCode(thrown) === undefined || thrown instanceof OperatorError) throw thrown;
    throw notFound(ref, `cannot be read: ${reasonOf(thrown)}`);
  }
}

/** Opens what may be a file; undefined for a link, a socket and what is not there. Never waits for anybody. */
function openOrNot(disk: DiskPath): number | undefined {
  try {
    return openSync(disk, openFlags);
  } catch (thrown) {
    const code = errorCode(thrown);
    if (code === 'ELOOP' || code === 'EMLINK' || code === 'ENXIO' || code === 'ENOENT' || code === 'ENOTDIR')
      return undefined;
    throw thrown;
  }
}

function notFound(ref: FileRef, reason: string): OperatorError {
  return new OperatorError('NOT_FOUND', `${ref.path} ${reason}.`);
}
