import {homedir} from 'node:os';
import {join, resolve} from 'node:path';

/** A path as an operator types it, as a path of this machine; `~/` is the operator's own folder. */
export function typedPath(path: string): string {
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : resolve(path);
}
