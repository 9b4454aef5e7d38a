import test from 'ava';
import fc from 'fast-check';
import {OperatorError} from '../../source/core/operator-error.js';
import {isSafePath, pathToText, textToBytes} from '../../source/core/path-text.js';

const cases: [string, number[] | string, string, boolean][] = [
  ['plain text stays', 'assets/a.png', 'assets/a.png', false],
  ['four-byte UTF-8 stays', 'ü/😀.txt', 'ü/😀.txt', false],
  ['a byte order mark stays', '\ufeffa', '\ufeffa', false],
  ['a line feed stays', 'a\nb', 'a\nb', false],
  ['a byte that is not UTF-8 is escaped', [0x61, 0xff, 0x62], 'a\\xffb', true],
  ['Latin-1 is escaped byte by byte', [0x66, 0xfc, 0x72], 'f\\xfcr', true],
  ['an encoded surrogate is not UTF-8', [0xed, 0xa0, 0x80], '\\xed\\xa0\\x80', true],
  ['an overlong form is not UTF-8', [0xc0, 0xaf], '\\xc0\\xaf', true],
  ['a sequence cut short is escaped', [0xe2, 0x82, 0x41], '\\xe2\\x82A', true],
  ['what looks like an escape has its backslash escaped', 'a\\x41', 'a\\x5cx41', true],
  ['other backslashes stay', 'a\\b\\xZZ\\xAB', 'a\\b\\xZZ\\xAB', false],
];

for (const [title, name, text, escaped] of cases)
  test(title, t => {
    const bytes = typeof name === 'string' ? Buffer.from(name) : Uint8Array.from(name);
    const result = pathToText(bytes);
    t.is(result.path, text);
    t.is(result.rawPath, escaped ? Buffer.from(bytes).toString('base64') : undefined);
    t.deepEqual([...textToBytes(text)], [...bytes]);
  });

test('any bytes survive, and different bytes have different texts', t => {
  const byte = fc.oneof(fc.constantFrom(0x5c, 0x78, 0x35, 0x63, 0x66, 0xff, 0xc3, 0xbc, 0x2f), fc.nat(255));
  const name = fc.array(byte, {maxLength: 12}).map(bytes => Uint8Array.from(bytes));
  fc.assert(
    fc.property(name, name, (a, b) => {
      const text = pathToText(a).path;
      if (Buffer.compare(textToBytes(text), a) !== 0) return false;
      return (text === pathToText(b).path) === (Buffer.compare(a, b) === 0);
    }),
    {numRuns: 2000},
  );
  t.pass();
});

for (const [title, text] of [
  ['an escaped slash', 'a\\x2f..'],
  ['escaped dots', '\\x2e\\x2e/etc'],
  ['an escape of a character that needs none', '\\x41'],
  ['a lone surrogate', 'a\ud800'],
] as const)
  test(`refused as a path text: ${title}`, t => {
    t.is(t.throws(() => textToBytes(text), {instanceOf: OperatorError})?.code, 'UNSAFE_PATH');
  });

test('a safe path stays below the root', t => {
  for (const path of ['a', 'a/b', '...', 'a/..b', '-']) t.true(isSafePath(path), path);
  for (const path of ['', '/', '/a', 'a/', 'a//b', '.', '..', 'a/..', '../a', './a', 'a\0'])
    t.false(isSafePath(path), path);
});
