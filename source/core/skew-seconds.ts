/** Seconds by which a clock is ahead (negative: behind), with one decimal; what rounds to nothing has no sign. */
export function skewSeconds(skewMs: number): string {
  return (Math.round(skewMs / 100) / 10 + 0).toFixed(1);
}
