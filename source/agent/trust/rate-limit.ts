/**
 * A token bucket per key and one for all together. Forgets keys that have been quiet, so that a flood from many
 * addresses does not fill the memory.
 */
export type RateLimit = {
  /** Whether one more may pass now; `waitMs` until the next one may. */
  take(key: string): {allowed: true} | {allowed: false; waitMs: number};
  /** Undoes a `take` that turned out to be rightful. */
  giveBack(key: string): void;
};

type Bucket = {tokens: number; at: number};

/**
 * @param options `perKey` and `overall` may pass at once; both refill evenly over `windowMs`.
 * @param clock milliseconds, never going back.
 */
export function createRateLimit(
  options: {perKey: number; overall: number; windowMs: number},
  clock: () => number = () => performance.now(),
): RateLimit {
  const {perKey, overall, windowMs} = options;
  const all: Bucket = {tokens: overall, at: clock()};
  const buckets = new Map<string, Bucket>();
  const refill = (bucket: Bucket, size: number, now: number) => {
    bucket.tokens = Math.min(size, bucket.tokens + ((now - bucket.at) * size) / windowMs);
    bucket.at = now;
  };
  const wait = (bucket: Bucket, size: number) => Math.ceil(((1 - bucket.tokens) * windowMs) / size);
  return {
    take(key) {
      const now = clock();
      if (buckets.size >= 4096)
        for (const [other, bucket] of buckets) if (now - bucket.at >= windowMs) buckets.delete(other);
      // Still full: the attack comes from everywhere, and the common bucket is what holds it.
      let bucket = buckets.get(key);
      if (!bucket) {
        bucket = {tokens: perKey, at: now};
        if (buckets.size < 4096) buckets.set(key, bucket);
      }
      refill(bucket, perKey, now);
      refill(all, overall, now);
      if (bucket.tokens < 1) return {allowed: false, waitMs: wait(bucket, perKey)};
      if (all.tokens < 1) return {allowed: false, waitMs: wait(all, overall)};
      bucket.tokens -= 1;
      all.tokens -= 1;
      return {allowed: true};
    },
    giveBack(key) {
      all.tokens = Math.min(overall, all.tokens + 1);
      const bucket = buckets.get(key);
      if (bucket) bucket.tokens = Math.min(perKey, bucket.tokens + 1);
    },
  };
}
