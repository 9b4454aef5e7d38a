/** Candidates that are taken from one text. */
const most = 2_000;

/**
 * Paths below the site root that a text may refer to (E20): a value that is one as a whole, and whatever in HTML,
 * Markdown, CSS or JSON looks like the path of a file. What is no file of the site is for whoever asks to drop.
 */
export function findFileReferences(text: string): readonly string[] {
  const found = new Set<string>();
  const add = (candidate: string) => {
    const path = toPath(candidate);
    if (path !== undefined && found.size < most) found.add(path);
  };
  if (text.length <= 1024 && !/[<>\n]/.test(text)) add(text);
  const plain = text.replaceAll('\\/', '/');
  for (const [, quoted] of plain.matchAll(
    /["'(]([^"'()<>\n]{1,1024}\.[A-Za-z0-9]{1,8}(?:[?#][^"'()<>\n]{0,512})?)["')]/g,
  ))
    add(quoted!);
  // Whole words first: a search for extensions from every character on would take its time over inline images.
  for (const [word] of plain.matchAll(/[^\s"'<>()[\]{}=,;|\\]+/g)) {
    if (word.length > 1024 || !word.includes('.')) continue;
    const bare = word.replace(/[.:!?]+$/, '');
    if (/\.[A-Za-z0-9]{1,8}(?:[?#].*)?$/.test(bare)) add(bare);
  }
  return [...found];
}

function toPath(candidate: string): string | undefined {
  const bare = candidate
    .trim()
    .replace(/^(?:[a-z][a-z0-9+.-]*:)?\/\/[^/]*/i, '')
    .replace(/[?#].*$/, '')
    .replaceAll('&amp;', '&')
    .replace(/^(\.?\/)+/, '')
    .replace(/^~\//, '');
  let path = bare;
  try {
    path = decodeURIComponent(bare);
  } catch {
    // A per cent sign that is none of an escape is one of the name.
  }
  const isPath =
    path !== '' &&
    !path.includes('\0') &&
    !path.split('/').some(part => part === '' || part === '.' || part === '..');
  return isPath ? path : undefined;
}
