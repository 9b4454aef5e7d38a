/** One value that stands for another at one site (E28): `canonical` travels, `here` is what the site holds. */
export type ValuePair = {readonly canonical: string; readonly here: string};

/**
 * Replaces values in texts when they arrive at a site and puts them back when they are read for the way out.
 * `toCanonical(toHere(text)) === text` for every text but a few that are made to break it; whoever writes checks.
 */
export type ValueReplacer = {
  toHere(text: string): string;
  toCanonical(text: string): string;
};

/**
 * U+2060, which nobody sees. A text that holds `here` already when it arrives gets it behind that: without it the
 * way back could not tell it from a replaced one.
 */
const literalMark = '\u2060';

/** Values inside values (serialised text in JSON in serialised text …) that are followed so deep. */
const maxDepth = 10;

/**
 * Longer values go first, so that one may begin like another. Inside PHP-serialised text the lengths stay right,
 * inside JSON the escapes; keys of JSON objects stay as they are, because a database may sort by them. Where a
 * replaced text would not lead back to what arrived, it is left alone.
 * @returns undefined when there is nothing to replace
 */
export function createValueReplacer(pairs: readonly ValuePair[]): ValueReplacer | undefined {
  const wanted = pairs.filter(({canonical, here}) => canonical !== here && canonical !== '' && here !== '');
  if (wanted.length === 0) return undefined;
  const mayHold = createPreCheck(wanted.flatMap(({canonical, here}) => [canonical, here]));
  const inHere = (text: string) => replaceIn(text, toHere, 0);
  const inCanonical = (text: string) => replaceIn(text, toCanonical, 0);
  const {toHere, toCanonical} = createTokenReplacers(wanted);
  return {
    toHere(text) {
      if (!mayHold(text)) return text;
      const replaced = inHere(text);
      if (inCanonical(replaced) === text) return replaced;
      return inCanonical(text) === text ? text : replaced;
    },
    toCanonical: text => (mayHold(text) ? inCanonical(text) : text),
  };
}

/** Why values cannot be told apart on the way back; undefined when they can. Indexes of the two, first and second. */
export function findAmbiguity(
  pairs: readonly ValuePair[],
  overlap: (first: number, second: number) => boolean = () => true,
): {readonly index: number; readonly reason: string} | undefined {
  for (const [index, {canonical, here}] of pairs.entries()) {
    if (canonical === here) return {index, reason: 'both values are the same'};
    for (const [other, that] of pairs.entries()) {
      if (other === index || !overlap(index, other)) continue;
      if (other > index && canonical === that.canonical)
        return {index: other, reason: `"${canonical}" is replaced twice`};
      if (other > index && here === that.here)
        return {index: other, reason: `"${here}" would stand for two values`};
      if (here.includes(that.canonical))
        return {index, reason: `"${here}" contains "${that.canonical}", which is replaced as well`};
      if (here !== that.here && here.includes(that.here))
        return {index, reason: `"${here}" contains "${that.here}", which stands for another value`};
    }
  }
  return undefined;
}

type ReplaceTokens = (text: string) => string;

/** A text as a whole: JSON, or anything else, in which serialised strings may stand. */
function replaceIn(text: string, replace: ReplaceTokens, depth: number): string {
  if (depth > maxDepth) return text;
  return replaceInJson(text, replace, depth) ?? replaceInSerialised(text, replace, depth);
}

type JsonStyle = {readonly slash: boolean; readonly ascii: boolean};
const jsonStyles: readonly JsonStyle[] = [
  {slash: false, ascii: false},
  {slash: true, ascii: false},
  {slash: false, ascii: true},
  {slash: true, ascii: true},
];

function replaceInJson(text: string, replace: ReplaceTokens, depth: number): string | undefined {
  if (!/^\s*["[{]/.test(text)) return undefined;
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  // How this document is escaped shows best where it had to be.
  const [slash, ascii] = [text.includes('\\/'), /\\u[0-9a-f]{4}/.test(text)];
  const styles = [{slash, ascii}, ...jsonStyles];
  const inLiteral = (literal: string): string => {
    const before = JSON.parse(literal) as string;
    const after = replaceIn(before, replace, depth + 1);
    if (after === before) return literal;
    const style = styles.find(candidate => `"${inJson(before, candidate)}"` === literal);
    return style === undefined ? replace(literal) : `"${inJson(after, style)}"`;
  };
  const parts: string[] = [];
  let last = 0;
  for (let start = text.indexOf('"'); start !== -1; start = text.indexOf('"', last)) {
    const end = endOfLiteral(text, start);
    const literal = text.slice(start, end);
    parts.push(text.slice(last, start), isKey(text, end) ? literal : inLiteral(literal));
    last = end;
  }
  return parts.join('') + text.slice(last);
}

/** Behind the closing quote of a JSON string. By hand: a pattern would run out of stack on a long one. */
function endOfLiteral(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    const unit = text[at];
    if (unit === '\\') at++;
    else if (unit === '"' || unit === undefined) return at + 1;
  }
}

function isKey(text: string, end: number): boolean {
  const colon = /\s*:/y;
  colon.lastIndex = end;
  return colon.test(text);
}

/** A text as it stands between the quotes of a JSON string. */
function inJson(text: string, {slash, ascii}: JsonStyle): string {
  let escaped = JSON.stringify(text).slice(1, -1);
  if (slash) escaped = escaped.replaceAll('/', '\\/');
  if (!ascii) return escaped;
  return escaped.replace(/[^\0-\x7f]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** PHP: `s:LENGTH:"TEXT";` and `C:LENGTH:"CLASS":LENGTH:{TEXT}`, lengths in bytes of UTF-8. */
const serialisedStart = /s:(\d{1,10}):"|C:\d{1,3}:"[^"]{1,255}":(\d{1,10}):\{/g;

function replaceInSerialised(text: string, replace: ReplaceTokens, depth: number): string {
  if (!/[sC]:\d/.test(text)) return replace(text);
  // One character for each byte, so that a length leads to its end at once.
  const bytes = toBytes(text);
  let done = '';
  let last = 0;
  serialisedStart.lastIndex = 0;
  for (let found = nextStart(bytes, 0); found !== undefined; found = nextStart(bytes, found.next)) {
    const content = found.content === undefined ? undefined : fromBytes(found.content);
    if (content === undefined) continue;
    const replaced = toBytes(replaceIn(content, replace, depth + 1));
    done += toBytes(replace(fromBytes(bytes.slice(last, found.start)) ?? ''));
    done += found.open(replaced.length) + replaced + found.close;
    last = found.next;
  }
  if (last === 0) return replace(text);
  return (fromBytes(done) ?? '') + replace(fromBytes(bytes.slice(last)) ?? '');
}

type Serialised = {
  readonly start: number;
  /** Undefined when the length does not lead to an end. */
  readonly content: string | undefined;
  readonly close: string;
  /** Where to look on. */
  readonly next: number;
  open(length: number): string;
};

function nextStart(bytes: string, from: number): Serialised | undefined {
  serialisedStart.lastIndex = from;
  const found = serialisedStart.exec(bytes);
  if (found === null) return undefined;
  const [head, text, custom] = found;
  const begin = found.index + head.length;
  const end = begin + Number(text ?? custom);
  const close = text === undefined ? '}' : '";';
  const isWhole = bytes.startsWith(close, end);
  return {
    start: found.index,
    content: isWhole ? bytes.slice(begin, end) : undefined,
    close,
    next: isWhole ? end + close.length : begin,
    open: length => (text === undefined ? head.replace(/:\d+:\{$/, `:${length}:{`) : `s:${length}:"`),
  };
}

function toBytes(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** Undefined when a length has cut a character in two. */
function fromBytes(bytes: string): string | undefined {
  if (isAscii(bytes)) return bytes;
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  return Buffer.from(text, 'utf8').toString('latin1') === bytes ? text : undefined;
}

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}

type Token = {readonly role: 'canonical' | 'here'; readonly other: string};

/**
 * Replaces values in text that has no structure, also where they are escaped as in JSON: a script in a page, a part
 * of a document.
 */
function createTokenReplacers(pairs: readonly ValuePair[]): Record<'toHere' | 'toCanonical', ReplaceTokens> {
  const tokens = new Map<string, Token>();
  const add = (text: string, token: Token) => {
    if (!tokens.has(text)) tokens.set(text, token);
  };
  for (const {canonical, here} of pairs)
    for (const encode of escapings) {
      add(encode(canonical), {role: 'canonical', other: encode(here)});
      add(encode(here), {role: 'here', other: encode(canonical)});
    }
  const longestFirst = [...tokens.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(`(${longestFirst.map(escapePattern).join('|')})(${literalMark}*)`, 'g');
  return {
    toHere: text =>
      text.replace(pattern, (whole, value: string, marks: string) => {
        const {role, other} = tokens.get(value)!;
        if (role === 'here') return whole + literalMark;
        return marks === '' ? other : whole;
      }),
    toCanonical: text =>
      text.replace(pattern, (whole, value: string, marks: string) => {
        const {role, other} = tokens.get(value)!;
        if (role === 'canonical') return whole;
        return marks === '' ? other : value + marks.slice(1);
      }),
  };
}

/** As it is, in a JSON string, and in a JSON string inside another. */
const escapings: readonly ((text: string) => string)[] = [
  text => text,
  ...jsonStyles.map(style => (text: string) => inJson(text, style)),
  ...jsonStyles.flatMap(inner =>
    jsonStyles.map(outer => (text: string) => inJson(inJson(text, inner), outer)),
  ),
];

/** Whether a text can hold any of the values, however escaped: most cannot, and this is cheap. */
function createPreCheck(values: readonly string[]): (text: string) => boolean {
  const cores = values.map(value =>
    (value.match(/[\w.:@ -]+/g) ?? []).reduce((a, b) => (b.length > a.length ? b : a), ''),
  );
  if (cores.includes('')) return () => true;
  const pattern = new RegExp(cores.map(escapePattern).join('|'));
  return text => pattern.test(text);
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
