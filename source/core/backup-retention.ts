/** How long backups are kept (agent.json, `backup`). */
export type Retention = {
  /** How many. */
  readonly keep: number;
  /** Milliseconds; undefined for no limit. */
  readonly maxAgeMs?: number;
};

export type KeptBackup = {
  readonly name: string;
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** Verified after it was written, and still there as it was. */
  readonly good: boolean;
};

/**
 * The backups that go (E16): what is more than `keep`, or too old. The newest good one always stays, so that a clock
 * set wrong, a short retention or a bad series never leaves a site without any; so do those that are `wanted`.
 */
export function expiredBackups<Backup extends KeptBackup>(
  backups: readonly Backup[],
  {keep, maxAgeMs}: Retention,
  nowMs: number,
  wanted: ReadonlySet<string> = new Set(),
): Backup[] {
  const newestFirst = backups.toSorted((a, b) => b.atMs - a.atMs);
  const last = newestFirst.find(({good}) => good)?.name;
  let good = 0;
  return newestFirst.filter(backup => {
    // Only good ones count: a bad one must not take the place of one that could be restored.
    if (backup.good) good += 1;
    if (backup.name === last || wanted.has(backup.name)) return false;
    return (
      (backup.good ? good : good + 1) > keep || (maxAgeMs !== undefined && nowMs - backup.atMs > maxAgeMs)
    );
  });
}
