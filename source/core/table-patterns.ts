import picomatch from 'picomatch';

/** Whether a table is named by one of the patterns of a configuration; case plays no part (E31). */
export function compileTablePatterns(patterns: readonly string[]): (table: string) => boolean {
  return patterns.length === 0 ? () => false : picomatch([...patterns], {dot: true, nocase: true});
}
