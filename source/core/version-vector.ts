/**
 * A version vector in its canonical text form: `replica:counter` pairs, sorted by replica and joined by
 * commas; the empty string is the vector of something never seen. Text, because it is stored and sent far
 * more often than it is computed with, and because equal vectors are then equal strings.
 * (Parker et al., "Detection of mutual inconsistency in distributed systems", 1983; E3.)
 */
export type VersionVector = string;

/** How one version stands to another. */
export type VectorOrder = 'equal' | 'older' | 'newer' | 'concurrent';

/** @throws RangeError when the text is not a vector in canonical form. */
export function parseVector(vector: VersionVector): Map<string, number> {
  const counters = new Map<string, number>();
  if (vector === '') return counters;
  let previous = '';
  for (const pair of vector.split(',')) {
    const colon = pair.indexOf(':');
    const replica = pair.slice(0, colon);
    const counter = Number(pair.slice(colon + 1));
    if (
      colon < 1 ||
      !/^[0-9a-z]+$/.test(replica) ||
      !Number.isSafeInteger(counter) ||
      counter < 1 ||
      replica <= previous
    )
      throw new RangeError(`not a version vector: ${vector.slice(0, 80)}`);
    counters.set(replica, counter);
    previous = replica;
  }
  return counters;
}

export function formatVector(counters: ReadonlyMap<string, number>): VersionVector {
  return [...counters]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([replica, counter]) => `${replica}:${counter}`)
    .join(',');
}

/** How `a` stands to `b`: `newer` means that `a` has seen everything that `b` has, and more. */
export function compareVectors(a: VersionVector, b: VersionVector): VectorOrder {
  if (a === b) return 'equal';
  const left = parseVector(a);
  const right = parseVector(b);
  const leftAhead = [...left].some(([replica, counter]) => counter > (right.get(replica) ?? 0));
  const rightAhead = [...right].some(([replica, counter]) => counter > (left.get(replica) ?? 0));
  if (leftAhead && rightAhead) return 'concurrent';
  return leftAhead ? 'newer' : rightAhead ? 'older' : 'equal';
}

/** The least vector that has seen what both have seen. */
export function mergeVectors(a: VersionVector, b: VersionVector): VersionVector {
  if (a === b || b === '') return a;
  if (a === '') return b;
  const merged = parseVector(a);
  for (const [replica, counter] of parseVector(b))
    merged.set(replica, Math.max(counter, merged.get(replica) ?? 0));
  return formatVector(merged);
}

/** The vector after one more change made at `replica`. */
export function bumpVector(vector: VersionVector, replica: string): VersionVector {
  const counters = parseVector(vector);
  counters.set(replica, (counters.get(replica) ?? 0) + 1);
  return formatVector(counters);
}
