/**
 * Whether a symbolic link at `path` (relative to the site root) could lead out of the root. An absolute target
 * always counts as such: it names another place on every server. So does a `..` after a name: that name may be
 * a link itself, and then the `..` climbs somewhere else than the text says. With leading `..` only, and parents that are
 * real folders, what the text says is what the system does.
 */
export function leavesRoot(path: string, target: Uint8Array): boolean {
  const text = Buffer.from(target.buffer, target.byteOffset, target.byteLength).toString('latin1');
  if (text === '' || text.startsWith('/') || text.includes('\0')) return true;
  let depth = path.split('/').length - 1;
  let named = false;
  for (const part of text.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') named = true;
    else if (named || depth === 0) return true;
    else depth -= 1;
  }
  return false;
}
