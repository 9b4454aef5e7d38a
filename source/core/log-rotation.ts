/** A log file as its name tells: which log it belongs to and how old it is among its rotated siblings. */
export type LogFileName = {
  /** The name without what rotation and compression add. */
  readonly stem: string;
  readonly compression: 'gz' | 'zst' | 'unreadable' | undefined;
};

const compressions: Readonly<Record<string, LogFileName['compression']>> = {
  gz: 'gz',
  zst: 'zst',
  bz2: 'unreadable',
  xz: 'unreadable',
};
const suffix = /[.-](?:(\d{1,5})|(\d{4}-?\d{2}-?\d{2})(?:[-_T.]?(\d{2,10}))?|(old))$/;

/** Takes a name apart as rotation put it together (`access.log.2.gz`, `access.log-20261101`). */
export function parseLogName(path: string): LogFileName {
  const dot = path.lastIndexOf('.');
  const extension = path.slice(dot + 1);
  const compression = dot > 0 && Object.hasOwn(compressions, extension) ? compressions[extension] : undefined;
  const plain = compression === undefined ? path : path.slice(0, dot);
  return {stem: plain.replace(suffix, ''), compression};
}

/**
 * Oldest first: by date, then by falling number, the file that is written to last (G6). Ties, which are a file and
 * its compressed form, by name.
 */
export function compareLogFiles(a: string, b: string): number {
  const [left, right] = [ageOf(a), ageOf(b)];
  return (
    left.rank - right.rank ||
    (left.date < right.date ? -1 : left.date > right.date ? 1 : 0) ||
    right.number - left.number ||
    (a < b ? -1 : a > b ? 1 : 0)
  );
}

function ageOf(path: string): {rank: number; date: string; number: number} {
  const plain = path.replace(/\.(gz|zst|bz2|xz)$/, '');
  const found = suffix.exec(plain);
  if (found === null) return {rank: 2, date: '', number: 0};
  const [, number, date, time = ''] = found;
  if (date !== undefined) return {rank: 0, date: date.replaceAll('-', '') + time, number: 0};
  return {rank: 1, date: '', number: Number(number ?? 0)};
}
