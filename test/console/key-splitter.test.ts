import test from 'ava';
import {createKeySplitter, escapeDelayMs, sequenceDelayMs} from '../../source/console/key-splitter.js';

/** A splitter whose timer is fired by hand. */
function splitter() {
  const seen: string[] = [];
  const delays: number[] = [];
  let fire: (() => void) | undefined;
  const made = createKeySplitter({
    onKey: key => seen.push(key),
    onPaste: text => seen.push(`paste:${text}`),
    startTimer: (callback, delayMs) => {
      fire = callback;
      delays.push(delayMs);
      return () => {
        fire = undefined;
      };
    },
  });
  return {
    seen,
    delays,
    write: (chunk: string | Uint8Array) => made.write(chunk),
    timeOut: () => fire?.(),
    waiting: () => fire !== undefined,
  };
}

const coalesced: readonly (readonly [name: string, chunk: string, keys: readonly string[]])[] = [
  ['letters one by one', 'abC', ['a', 'b', 'C']],
  ['three arrows and Enter in one chunk', '\x1b[B\x1b[B\x1b[B\r', ['down', 'down', 'down', 'enter']],
  [
    'application cursor keys',
    '\x1bOA\x1bOB\x1bOC\x1bOD\x1bOH\x1bOF',
    ['up', 'down', 'right', 'left', 'home', 'end'],
  ],
  [
    'Home and End in three dialects',
    '\x1b[H\x1b[1~\x1b[7~\x1b[F\x1b[4~\x1b[8~',
    ['home', 'home', 'home', 'end', 'end', 'end'],
  ],
  [
    'page keys, insert and delete',
    '\x1b[5~\x1b[6~\x1b[2~\x1b[3~',
    ['page-up', 'page-down', 'insert', 'delete'],
  ],
  ['modified arrows are arrows', '\x1b[1;5A\x1b[1;2B', ['up', 'down']],
  ['Shift-Tab and Tab', '\x1b[Z\t', ['shift-tab', 'tab']],
  ['control keys', '\x03\x13\x01\x1a', ['ctrl-c', 'ctrl-s', 'ctrl-a', 'ctrl-z']],
  ['both backspaces', '\x7f\b', ['backspace', 'backspace']],
  ['Enter as CR, LF and CRLF', '\r\n\n\r', ['enter', 'enter', 'enter']],
  ['function keys', '\x1bOP\x1b[15~\x1b[24~\x1b[[A', ['f1', 'f5', 'f12', 'f1']],
  ['Esc and the next key together', '\x1bq', ['escape', 'q']],
  ['Esc twice and an arrow', '\x1b\x1b[A', ['escape', 'up']],
  ['a character beyond the basic plane', 'a😀é', ['a', '😀', 'é']],
  ['answers and reports of the terminal are swallowed', '\x1b[?1;2c\x1b[I\x1b[<0;3;4Mx', ['x']],
  ['a paste is one event, whatever is in it', '\x1b[200~q\r\x1b[A\x1b[201~z', ['paste:q\r\x1b[A', 'z']],
];
for (const [name, chunk, keys] of coalesced) {
  test(`one chunk: ${name}`, t => {
    const {seen, write, waiting} = splitter();
    write(chunk);
    t.deepEqual(seen, [...keys]);
    t.false(waiting());
  });

  test(`byte by byte: ${name}`, t => {
    const {seen, write, timeOut} = splitter();
    for (const byte of Buffer.from(chunk)) write(Uint8Array.of(byte));
    timeOut();
    // Two Enters in one: CR and LF that arrive apart cannot be told from two keys.
    if (!chunk.includes('\r\n')) t.deepEqual(seen, [...keys]);
    else t.true(seen.every(key => key === 'enter'));
  });
}

const sequences = coalesced
  .flatMap(([, chunk]) => chunk.match(/\x1b(\[\[[A-E]|\[[0-9;]*[A-Z~]|O[A-Z])/g) ?? [])
  .filter(sequence => !['\x1b[200~', '\x1b[201~', '\x1b[I'].includes(sequence));
for (const sequence of new Set(sequences)) {
  test(`${JSON.stringify(sequence)} is one key and never Esc, wherever it is cut`, t => {
    const whole = splitter();
    whole.write(sequence);
    t.is(whole.seen.length, 1);
    t.not(whole.seen[0], 'escape');
    for (let first = 1; first < sequence.length; first++) {
      for (let second = first; second <= sequence.length; second++) {
        const cut = splitter();
        const parts = [sequence.slice(0, first), sequence.slice(first, second), sequence.slice(second)];
        for (const part of parts.filter(text => text !== '')) cut.write(part);
        t.deepEqual(cut.seen, whole.seen, JSON.stringify(parts));
        // Only a lone Esc is soon believed; what has begun as a sequence is waited for.
        t.is(cut.delays[0], first === 1 ? escapeDelayMs : sequenceDelayMs);
        t.false(cut.waiting());
      }
    }
  });
}

test('a lone Esc is believed when nothing follows in time', t => {
  const {seen, write, timeOut, waiting} = splitter();
  write('\x1b');
  t.deepEqual(seen, []);
  t.true(waiting());
  timeOut();
  t.deepEqual(seen, ['escape']);
});

test('an escape sequence that stays incomplete becomes Esc and its characters', t => {
  const {seen, write, timeOut} = splitter();
  write('\x1b[');
  timeOut();
  t.deepEqual(seen, ['escape', '[']);
});

test('an endless sequence is not waited for', t => {
  const {seen, write} = splitter();
  write(`\x1b[${'1'.repeat(100)}`);
  t.is(seen[0], 'escape');
});

test('a paste is limited in size', t => {
  const {seen, write} = splitter();
  write('\x1b[200~');
  for (let index = 0; index < 30; index++) write('x'.repeat(100_000));
  write('\x1b[201~');
  t.is(seen.length, 1);
  t.true(seen[0]!.length <= 1_000_010);
});
