import picomatch from 'picomatch';

/** Decides whether a path, or a folder above it, is named by one of a list of patterns. */
export type PathMatcher = (path: string) => boolean;

/**
 * Splits a comma-separated pattern list as an operator types it (E9); blanks around commas are ignored, a
 * comma inside braces (`*.{gif,png}`) belongs to the pattern.
 */
export function parsePatterns(text: string): string[] {
  const patterns: string[] = [];
  let depth = 0;
  let current = '';
  for (const character of text) {
    if (character === '{') depth += 1;
    if (character === '}') depth = Math.max(0, depth - 1);
    if (character === ',' && depth === 0) {
      patterns.push(current);
      current = '';
    } else current += character;
  }
  patterns.push(current);
  return patterns.map(pattern => pattern.trim()).filter(pattern => pattern !== '');
}

/**
 * Compiles patterns (CLI.md, "Patterns"): without a slash they match names at any depth, with one they are
 * relative to the site root; a pattern that matches a folder covers everything below it. Case counts.
 */
export function compilePatterns(patterns: readonly string[]): PathMatcher {
  if (patterns.length === 0) return () => false;
  if (patterns.some(pattern => pattern === '**' || pattern === '*' || pattern === '/**')) return () => true;
  const names: string[] = [];
  const paths: string[] = [];
  for (const pattern of patterns) {
    const anchored = pattern.includes('/');
    const bare = pattern.replace(/^(\.?\/)+/, '').replace(/\/+$/, '');
    if (bare !== '') (anchored ? paths : names).push(bare);
  }
  const matchesName = compileGlobs(names);
  const matchesPath = compileGlobs(paths);
  // Neighbours in a listing share their folders, so what is known of folders answers most of the question.
  const folders = new Map<string, boolean>();
  const covered = (path: string): boolean => {
    const slash = path.lastIndexOf('/');
    if (slash > 0 && folderCovered(path.slice(0, slash))) return true;
    return matchesName(path.slice(slash + 1)) || matchesPath(path);
  };
  const folderCovered = (folder: string): boolean => {
    const known = folders.get(folder);
    if (known !== undefined) return known;
    if (folders.size >= 4096) folders.clear();
    const answer = covered(folder);
    folders.set(folder, answer);
    return answer;
  };
  return covered;
}

function compileGlobs(globs: readonly string[]): (text: string) => boolean {
  if (globs.length === 0) return () => false;
  // `s`: a name may contain a line feed. `dot`: a leading dot is nothing special on a server.
  const options = {dot: true, nonegate: true, windows: false, flags: 's'};
  // As picomatch itself decides, without what it tells besides: a scan asks for every path.
  const literal = new Set(globs);
  const expressions = globs.map(glob => picomatch.makeRe(glob, options));
  return text => text !== '' && (literal.has(text) || expressions.some(expression => expression.test(text)));
}
