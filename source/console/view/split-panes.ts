import {listOverhead} from './draw-list.js';

/**
 * Heights of two lists, one above the other. When both fit, the upper one takes what it needs; when they do not, the
 * one that has the keyboard gets the larger share.
 * @param rows how many rows each list has
 */
export function splitPanes(
  height: number,
  rows: readonly [upper: number, lower: number],
  active: 'upper' | 'lower',
): {upper: number; lower: number} {
  // An empty list explains itself in some lines.
  const [upperNeeds, lowerNeeds] = rows.map(count => listOverhead + Math.max(count, 3)) as [number, number];
  if (upperNeeds + lowerNeeds <= height) return {upper: upperNeeds, lower: height - upperNeeds};
  const small = Math.max(listOverhead + 2, Math.floor(height * 0.4));
  const upper =
    active === 'upper'
      ? Math.min(upperNeeds, height - Math.min(small, lowerNeeds))
      : Math.max(Math.min(upperNeeds, small), height - lowerNeeds);
  return {upper, lower: height - upper};
}
