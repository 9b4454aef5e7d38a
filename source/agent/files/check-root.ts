import type {BigIntStats} from 'node:fs';
import type {RootState} from '../../core/site-description.js';
import {TimeSlice} from '../../system/time-slice.js';
import type {FileIndex} from './file-index.js';
import {readLarge, readSmall, smallBytes} from './read-content.js';
import type {SiteRoot} from './site-root.js';
import {reasonOf} from './system-error.js';

/** Halts before anything is recorded when the root is not what it was (DESIGN.md, "Files"). */
export async function checkRoot(
  index: FileIndex,
  root: SiteRoot,
  options: {signal: AbortSignal; acceptRoot: boolean},
): Promise<RootState> {
  const look = root.look();
  if (look.kind === 'missing') return look;
  let entries: number;
  try {
    entries = root.list('').length;
  } catch (thrown) {
    return {kind: 'missing', detail: `${root.folder} cannot be listed: ${reasonOf(thrown)}`};
  }
  if (entries === 0 && index.live > 0 && !options.acceptRoot) return {kind: 'emptied', before: index.live};
  // The folder itself may be swapped for another, as deployments do; another device hints at a missing mount.
  const device = String(look.stat.dev);
  const known = index.meta('root-device');
  if (known === device) return {kind: 'present'};
  if (known !== undefined && index.live > 0 && !options.acceptRoot) {
    const share = await familiarShare(index, root, options.signal);
    if (share < familiarEnough)
      return {
        kind: 'changed',
        detail: `${root.folder} is on another device than before, and only ${Math.floor(share * 100)} % of its known files are there unchanged`,
      };
  }
  index.setMeta('root-device', device);
  index.flush();
  return {kind: 'present'};
}

const familiarEnough = 0.5;

/** How many of the known files are there as they were, by time or else by content; stops when it is enough. */
async function familiarShare(index: FileIndex, root: SiteRoot, signal: AbortSignal): Promise<number> {
  const slice = new TimeSlice();
  let files = 0;
  for (const [, , , , , mode] of index.statRows()) if ((Number(mode) & formatBits) !== folderBits) files += 1;
  let familiar = 0;
  for (const [path, size, mtime, , , mode] of index.statRows()) {
    if (familiar >= files * familiarEnough) return 1;
    if (slice.isOver) await slice.yieldIfDue(signal);
    if ((Number(mode) & formatBits) === folderBits) continue;
    const stat = statOrNothing(root, path);
    if (stat === undefined || stat.size !== size) continue;
    if (stat.mtimeNs === mtime) {
      familiar += 1;
    } else if (stat.isFile()) {
      const disk = root.absolute(path);
      const result = stat.size <= smallBytes ? readSmall(disk, stat) : await readLarge(disk, stat, signal);
      if (result.kind === 'read' && result.digest === index.get(path)?.digest) familiar += 1;
    }
  }
  return files === 0 ? 1 : familiar / files;
}

function statOrNothing(root: SiteRoot, path: string): BigIntStats | undefined {
  try {
    return root.stat(path);
  } catch {
    return undefined;
  }
}

const formatBits = 0o170000;
const folderBits = 0o040000;
