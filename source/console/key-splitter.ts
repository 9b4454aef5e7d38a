import {StringDecoder} from 'node:string_decoder';

/**
 * One key. A printable character stands for itself (`a`, `A`, `/`, `é`, a blank for Space); everything else has
 * a name of at least two letters: `up`, `down`, `left`, `right`, `enter`, `escape`, `tab`, `shift-tab`,
 * `backspace`, `delete`, `insert`, `home`, `end`, `page-up`, `page-down`, `f1`…`f12`, `ctrl-a`…`ctrl-z`.
 */
export type Key = string;

/** Whether a key is a character that a text field would take. */
export function isCharacter(key: Key): boolean {
  const [first, ...rest] = key;
  return first !== undefined && rest.length === 0;
}

/** How long to wait for the rest of an escape sequence before a lone Esc is believed, milliseconds. */
export const escapeDelayMs = 40;

/**
 * How long the rest of a sequence that has begun may take on a bad line, milliseconds: nobody types Esc and `[` so
 * fast that they arrive as one.
 */
export const sequenceDelayMs = 500;

/** A terminal may paste without end; what is beyond this is dropped, characters. */
export const pasteLimit = 1_000_000;

export type KeySplitter = {
  /** Takes whatever the terminal sent: half a key, one, or many. */
  write(chunk: Uint8Array | string): void;
  /** Drops a pending timer. */
  close(): void;
};

/** Starts a timer and returns how to stop it; a test passes one that it fires itself. */
export type StartTimer = (callback: () => void, delayMs: number) => () => void;

/**
 * Splits what a terminal sends into single keys. Over SSH several keys arrive in one chunk and one key may
 * arrive in two, so the boundaries of chunks mean nothing here; only time does, for a lone Esc.
 */
export function createKeySplitter(options: {
  onKey(key: Key): void;
  onPaste(text: string): void;
  startTimer?: StartTimer;
}): KeySplitter {
  const startTimer = options.startTimer ?? startRealTimer;
  const decoder = new StringDecoder('utf8');
  let pending = '';
  let pasted: string | undefined;
  let stopTimer: (() => void) | undefined;

  function consume(flush: boolean): void {
    while (pending !== '') {
      if (pasted !== undefined) {
        const end = pending.indexOf(pasteEnd);
        // The end mark itself may be split: keep as much as could be its beginning.
        const taken = end === -1 ? Math.max(0, pending.length - pasteEnd.length + 1) : end;
        pasted = (pasted + pending.slice(0, taken)).slice(0, pasteLimit);
        pending = pending.slice(end === -1 ? taken : taken + pasteEnd.length);
        if (end === -1) return;
        const text = pasted;
        pasted = undefined;
        options.onPaste(text);
        continue;
      }
      const token = nextToken(pending, flush);
      if (token === undefined) return;
      pending = pending.slice(token.length);
      if (token.key === pasteStart) pasted = '';
      else if (token.key !== undefined) options.onKey(token.key);
    }
  }

  return {
    write(chunk) {
      stopTimer?.();
      stopTimer = undefined;
      pending += typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk));
      consume(false);
      if (pending !== '' && pasted === undefined) {
        stopTimer = startTimer(
          () => {
            stopTimer = undefined;
            consume(true);
          },
          pending.length === 1 ? escapeDelayMs : sequenceDelayMs,
        );
      }
    },
    close() {
      stopTimer?.();
    },
  };
}

const pasteStart = '\x1b[200~';
const pasteEnd = '\x1b[201~';

/** A token without a key is a sequence that nobody asked for; it is swallowed. */
type Token = {readonly length: number; readonly key?: Key};

/** The first key of `text`; undefined when it may still be incomplete and `flush` is false. */
function nextToken(text: string, flush: boolean): Token | undefined {
  const first = text.codePointAt(0)!;
  if (first === 0x1b) return escapeToken(text, flush);
  if (first === 0x0d) return {length: text[1] === '\n' ? 2 : 1, key: 'enter'};
  if (first < 0x20 || first === 0x7f)
    return {length: 1, ...keyField(controlKeys[first] ?? controlLetter(first))};
  const character = String.fromCodePoint(first);
  return {length: character.length, key: character};
}

function escapeToken(text: string, flush: boolean): Token | undefined {
  const lone: Token = {length: 1, key: 'escape'};
  if (text.length === 1) return flush ? lone : undefined;
  if (text[1] === '[') {
    // Linux consoles send ESC [ [ A for F1.
    const linux = /^\x1b\[\[([A-E])/.exec(text);
    if (linux) return {length: linux[0].length, key: `f${linux[1]!.charCodeAt(0) - 64}`};
    const sequence = /^\x1b\[([0-?]{0,32})[ -/]{0,4}([@-Z\\-~])/.exec(text);
    if (sequence)
      return {length: sequence[0].length, ...keyField(csiKey(sequence[0], sequence[1]!, sequence[2]!))};
    const mayContinue = /^\x1b\[(\[|[0-?]{0,32}[ -/]{0,4})$/.test(text);
    return mayContinue && !flush ? undefined : lone;
  }
  if (text[1] === 'O') {
    if (text.length === 2) return flush ? lone : undefined;
    const key = finalKeys[text[2]!] ?? ss3Keys[text[2]!];
    return key === undefined ? lone : {length: 3, key};
  }
  // Nothing is bound to Alt, and over a slow line Esc and the next key arrive together.
  return lone;
}

function csiKey(whole: string, parameters: string, final: string): Key | undefined {
  if (whole === pasteStart) return pasteStart;
  if (final === 'Z') return 'shift-tab';
  if (final === '~') return tildeKeys[parameters.split(';')[0]!];
  // Focus reports, mouse reports and answers to queries carry a prefix or an unknown final: swallowed.
  return /^[0-9;]*$/.test(parameters) ? finalKeys[final] : undefined;
}

function keyField(key: Key | undefined): {key?: Key} {
  return key === undefined ? {} : {key};
}

function controlLetter(code: number): Key | undefined {
  return code >= 1 && code <= 26 ? `ctrl-${String.fromCharCode(code + 96)}` : undefined;
}

const controlKeys: Readonly<Record<number, Key>> = {8: 'backspace', 9: 'tab', 10: 'enter', 127: 'backspace'};

const finalKeys: Readonly<Record<string, Key>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
};

const ss3Keys: Readonly<Record<string, Key>> = {P: 'f1', Q: 'f2', R: 'f3', S: 'f4', M: 'enter'};

const tildeKeys: Readonly<Record<string, Key>> = {
  '1': 'home',
  '2': 'insert',
  '3': 'delete',
  '4': 'end',
  '5': 'page-up',
  '6': 'page-down',
  '7': 'home',
  '8': 'end',
  '11': 'f1',
  '12': 'f2',
  '13': 'f3',
  '14': 'f4',
  '15': 'f5',
  '17': 'f6',
  '18': 'f7',
  '19': 'f8',
  '20': 'f9',
  '21': 'f10',
  '23': 'f11',
  '24': 'f12',
};

const startRealTimer: StartTimer = (callback, delayMs) => {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
};
