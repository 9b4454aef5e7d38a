/** How much of a site's history is kept (E10); what is over any of the limits goes, the oldest first. */
export type HistoryLimits = {
  readonly maxAgeMs: number;
  readonly maxEntries: number;
  /** Of contents and rows. */
  readonly maxBytes: number;
};

/** Kept where agent.json says nothing else. */
export const defaultHistoryLimits: HistoryLimits = {
  maxAgeMs: 90 * 24 * 60 * 60 * 1000,
  maxEntries: 2_000_000,
  maxBytes: 20 * 1024 ** 3,
};

/** What a part of the history holds; `oldest` is a time (ISO 8601). */
export type HistoryTotals = {
  readonly entries: number;
  readonly bytes: number;
  readonly oldest?: string;
};

/** A part of the history that can be made shorter. */
export type PrunableHistory = {
  totals(): HistoryTotals;
  /**
   * Removes entries from the oldest on, at most so many, up to the first that has to stay.
   * @returns how many
   */
  removeOldest(limit: number, mustStay: (entry: {runId: string; at: string}) => boolean): number;
};

/** Entries that are removed in one go; a run that begins waits no longer than for these. */
const batch = 200;
/** The same where the bytes count: one entry may hold much. */
const batchBySize = 10;

/**
 * Makes a history as short as its limits say, a little at a time.
 * @returns how many entries were removed
 */
export async function pruneHistory(
  parts: readonly PrunableHistory[],
  {maxAgeMs, maxEntries, maxBytes}: HistoryLimits,
  options: {
    /** Whether a run is not over at this site: its entries stay. */
    readonly isNeeded: (runId: string) => boolean;
    /** Whether no run is at work here; pruning never takes its turn. */
    readonly isFree: () => boolean;
    /** Lets other work be done between two batches. */
    readonly pause: () => Promise<void>;
    readonly nowMs: number;
  },
): Promise<number> {
  const {isNeeded, isFree, pause, nowMs} = options;
  const oldestKept = new Date(nowMs - maxAgeMs).toISOString();
  let left = parts;
  let removed = 0;
  while (isFree()) {
    const states = left.map(part => ({part, totals: part.totals()}));
    const all = parts.map(part => part.totals());
    const excess = sum(all.map(({entries}) => entries)) - maxEntries;
    const tooLarge = sum(all.map(({bytes}) => bytes)) > maxBytes;
    const [oldest] = states
      .filter(({totals}) => totals.oldest !== undefined)
      .sort((a, b) => (a.totals.oldest! < b.totals.oldest! ? -1 : 1));
    if (oldest === undefined) return removed;
    const tooMany = excess > 0 || tooLarge;
    if (!tooMany && oldest.totals.oldest! >= oldestKept) return removed;
    const count = oldest.part.removeOldest(
      excess > 0 ? Math.min(batch, excess) : tooLarge ? batchBySize : batch,
      ({runId, at}) => isNeeded(runId) || (!tooMany && at >= oldestKept),
    );
    // Its oldest entry has to stay; the others may still go.
    if (count === 0) left = left.filter(part => part !== oldest.part);
    removed += count;
    await pause();
  }
  return removed;
}

/** How many entries of a list come before the first that meets the condition. */
export function countUntil<T>(list: readonly T[], meets: (entry: T) => boolean): number {
  const index = list.findIndex(meets);
  return index === -1 ? list.length : index;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
