import {OperatorError} from './operator-error.js';

/**
 * The escaped text form of a name (CLI.md): valid UTF-8 stays as it is, a byte that is not becomes `\xhh`.
 * So that the form can be read back, a backslash that would itself look like such an escape is written `\x5c`.
 * `rawPath` is base64 of the bytes and only present when something was escaped.
 */
export function pathToText(bytes: Uint8Array): {path: string; rawPath?: string} {
  const path = escapeBytes(bytes);
  return path.includes('\\x') && hasEscape(path)
    ? {path, rawPath: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}
    : {path};
}

/**
 * The bytes that a text form stands for.
 * @throws OperatorError UNSAFE_PATH when the text is not what `pathToText` would have written: two texts for
 * one name would be two identities, and an escape could smuggle in a `/` or a `..`.
 */
export function textToBytes(path: string): Uint8Array {
  if (!path.isWellFormed()) throw notCanonical(path);
  if (!hasEscape(path)) return Buffer.from(path, 'utf8');
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const match of path.matchAll(escapePattern)) {
    parts.push(Buffer.from(path.slice(from, match.index), 'utf8'));
    parts.push(Uint8Array.of(Number.parseInt(match[1]!, 16)));
    from = match.index + match[0].length;
  }
  parts.push(Buffer.from(path.slice(from), 'utf8'));
  const bytes = Buffer.concat(parts);
  if (escapeBytes(bytes) !== path) throw notCanonical(path);
  return bytes;
}

/** Whether a path in text form is relative, below the root, and free of NUL, empty, `.` and `..` parts. */
export function isSafePath(path: string): boolean {
  if (path === '' || path.includes('\0')) return false;
  return path.split('/').every(part => part !== '' && part !== '.' && part !== '..');
}

const escapePattern = /\\x([0-9a-f]{2})/g;

function hasEscape(path: string): boolean {
  return /\\x[0-9a-f]{2}/.test(path);
}

function notCanonical(path: string): OperatorError {
  return new OperatorError(
    'UNSAFE_PATH',
    `not a path in its text form: ${path.toWellFormed().slice(0, 200)}`,
  );
}

const decoder = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});

function escapeBytes(bytes: Uint8Array): string {
  try {
    return escapeBackslashes(decoder.decode(bytes));
  } catch {
    return escapeInvalid(bytes);
  }
}

function escapeBackslashes(text: string): string {
  return text.includes('\\x') ? text.replace(/\\(?=x[0-9a-f]{2})/g, '\\x5c') : text;
}

function escapeInvalid(bytes: Uint8Array): string {
  let text = '';
  let validFrom = 0;
  let index = 0;
  const flush = (to: number) => {
    if (to > validFrom) text += escapeBackslashes(decoder.decode(bytes.subarray(validFrom, to)));
  };
  while (index < bytes.length) {
    const length = sequenceLength(bytes, index);
    if (length > 0) {
      index += length;
      continue;
    }
    flush(index);
    text += `\\x${bytes[index]!.toString(16).padStart(2, '0')}`;
    index += 1;
    validFrom = index;
  }
  flush(index);
  return text;
}

/** Length of the well-formed UTF-8 sequence at `index`, 0 when there is none (Unicode 16, table 3-7). */
function sequenceLength(bytes: Uint8Array, index: number): number {
  const first = bytes[index]!;
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first <= 0xdf
      ? 2
      : first >= 0xe0 && first <= 0xef
        ? 3
        : first >= 0xf0 && first <= 0xf4
          ? 4
          : 0;
  if (length === 0 || index + length > bytes.length) return 0;
  const second = bytes[index + 1]!;
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (let next = 2; next < length; next++) {
    const byte = bytes[index + next]!;
    if (byte < 0x80 || byte > 0xbf) return 0;
  }
  return length;
}
