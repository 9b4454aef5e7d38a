import {OperatorError} from '../../core/operator-error.js';
import type {FolderEntry} from '../../protocol/browse-endpoints.js';
import type {SiteRoot} from './site-root.js';
import {isAbsent, reasonOf} from './system-error.js';

/**
 * What lies directly in a folder of a site now, folders first, never through a link.
 * @throws OperatorError UNSAFE_PATH, NOT_FOUND
 */
export function listFolder(
  root: SiteRoot,
  folder: string,
  limit: number,
): {entries: FolderEntry[]; more: boolean} {
  if (folder !== '') {
    root.assertSafe(folder);
    const obstacle = root.obstacleAbove(`${folder}/x`);
    if (obstacle !== undefined || root.excludes(folder)) throw notFound(folder);
  }
  let names: string[];
  try {
    names = root.list(folder);
  } catch (error) {
    if (isAbsent(error)) throw notFound(folder);
    throw new OperatorError('NOT_FOUND', `${folder || 'The root'} cannot be listed: ${reasonOf(error)}`);
  }
  const entries = names.flatMap((name): FolderEntry[] => {
    const path = folder === '' ? name : `${folder}/${name}`;
    const stat = root.stat(path);
    if (stat === undefined) return [];
    const kind = stat.isDirectory()
      ? 'folder'
      : stat.isFile()
        ? 'file'
        : stat.isSymbolicLink()
          ? 'link'
          : 'special';
    const size = kind === 'file' ? Number(stat.size) : 0;
    return [{path, kind, size, mtime: new Date(Number(stat.mtimeMs)).toISOString()}];
  });
  const sorted = [
    ...entries.filter(({kind}) => kind === 'folder'),
    ...entries.filter(({kind}) => kind !== 'folder'),
  ];
  return {entries: sorted.slice(0, limit), more: sorted.length > limit};
}

function notFound(folder: string): OperatorError {
  return new OperatorError('NOT_FOUND', `There is no folder ${folder} in the site.`);
}
