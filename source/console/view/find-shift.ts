/**
 * Lines that are the ones before, moved: those from `top` to `bottom` go up by `by` lines, or down where it is
 * negative. What is moved out of the region is lost, what comes in is blank.
 */
export type Shift = {readonly top: number; readonly bottom: number; readonly by: number};

/**
 * The shift that saves most, if any saves something.
 * @param before lines, told apart by what stands for them
 * @param after as many lines
 */
export function findShift(before: readonly string[], after: readonly string[]): Shift | undefined {
  let best: (Shift & {saved: number}) | undefined;
  const count = after.length;
  for (let by = 1 - count; by < count; by++) {
    if (by === 0) continue;
    // The part of the lines with the largest sum (Kadane): what is there already once the others have moved, less what
    // was in its place and has to be written again.
    let sum = 0;
    let start = 0;
    for (let row = Math.max(0, -by); row < Math.min(count, count - by); row++) {
      if (sum <= 0) {
        sum = 0;
        start = row;
      }
      const line = after[row]!;
      const wasThere = line === before[row];
      const comesThere = line === before[row + by];
      if (comesThere !== wasThere) sum += comesThere ? line.length : -line.length;
      if (sum > (best?.saved ?? 0))
        best = {top: Math.min(start, start + by), bottom: Math.max(row, row + by), by, saved: sum};
    }
  }
  return best;
}

/** The lines after a shift. */
export function shiftLines<T>(lines: readonly T[], {top, bottom, by}: Shift, blank: T): T[] {
  return lines.map((line, row) => {
    if (row < top || row > bottom) return line;
    const source = row + by;
    return source < top || source > bottom ? blank : lines[source]!;
  });
}
