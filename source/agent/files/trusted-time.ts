import type {BigIntStats} from 'node:fs';

/** Clocks of file systems tick this far apart; what was changed so shortly ago may change again unseen. */
const granularityNs = 20_000_000n;
/** A time without a fraction hints at a file system that keeps only seconds, in steps of up to two. */
const coarseGranularityNs = 2_000_000_000n;

/**
 * The change time to remember so that the next scan sees every later change: 0 when the file was changed so shortly
 * before it was read at `readAt` that another change could leave the same time.
 */
export function trustedChangeTime(stat: BigIntStats, readAt: bigint): bigint {
  const window = stat.ctimeNs % 1_000_000_000n === 0n ? coarseGranularityNs : granularityNs;
  return stat.ctimeNs > readAt - window ? 0n : stat.ctimeNs;
}

/**
 * The same for a file that Lockstep itself has just put into place: its change time is always recent, but an edit
 * would give it another modification time, unless the file had been modified just now anyway.
 */
export function trustedWriteTime(stat: BigIntStats, now: bigint): bigint {
  return stat.mtimeNs > now - coarseGranularityNs ? trustedChangeTime(stat, now) : stat.ctimeNs;
}
