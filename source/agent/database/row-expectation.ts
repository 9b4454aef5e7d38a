import type {Expectation} from '../../core/plan.js';
import type {Version} from './row-version.js';

/** How a row (or a table without a key) stands to what an operation expects of it. */
export type Verdict =
  | {readonly kind: 'met'}
  /** The wanted state holds already; `stale` when it is not what the plan saw. */
  | {readonly kind: 'already'; readonly stale: boolean; readonly error: string}
  /** Changed since; `conflict` is the name in PostgreSQL's multi-master world. */
  | {readonly kind: 'unmet'; readonly conflict: string; readonly error: string};

/**
 * @param found digest of what is there now, undefined for nothing
 * @param wanted digest of what a `put` brings
 */
export function judge({
  op,
  expect,
  found,
  known,
  wanted,
}: {
  op: 'put' | 'delete' | 'adopt' | 'copy-table';
  expect: Expectation;
  found: string | undefined;
  known: Version | undefined;
  wanted?: string;
}): Verdict {
  const isMet = expect.state === 'absent' ? found === undefined : found === expect.digest;
  const unmet = reasonOf(op, expect, found, known);
  const isWanted =
    (op === 'put' && found !== undefined && found === wanted) || (op === 'delete' && found === undefined);
  if (isWanted) return {kind: 'already', stale: !isMet, error: unmet.error};
  return isMet ? {kind: 'met'} : unmet;
}

function reasonOf(
  op: string,
  expect: Expectation,
  found: string | undefined,
  known: Version | undefined,
): {kind: 'unmet'; conflict: string; error: string} {
  const unmet = (conflict: string, error: string) => ({kind: 'unmet', conflict, error}) as const;
  if (found === undefined) {
    if (op === 'delete') return unmet('delete_missing', 'it has been deleted since the preview');
    return known?.deleted === true
      ? unmet('update_recently_deleted', 'it has been deleted since the preview')
      : unmet('update_missing', 'it does not exist any more');
  }
  if (expect.state === 'absent') return unmet('insert_exists', 'it has been created since the preview');
  return op === 'delete'
    ? unmet('delete_recently_updated', 'it has been changed since the preview')
    : unmet('update_differing', 'it has been changed since the preview');
}
