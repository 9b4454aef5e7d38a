import test from 'ava';
import fc from 'fast-check';
import {createValueReplacer, findAmbiguity, type ValuePair} from '../../source/core/replace-values.js';

const staging: readonly ValuePair[] = [
  {canonical: 'https://www.example.com', here: 'https://staging.example.com'},
];
const several: readonly ValuePair[] = [
  {canonical: 'https://www.example.com', here: 'https://staging.example.com'},
  {canonical: 'https://www.example.com/shop', here: 'http://shop.test:8080'},
  {canonical: 'example.org', here: 'stage.example.org'},
  {canonical: 'münchen.de', here: 'test.münchen.de'},
];

const php = (text: string) => `s:${Buffer.byteLength(text)}:"${text}";`;

const cases: {name: string; pairs?: readonly ValuePair[]; canonical: string; here: string}[] = [
  {name: 'nothing to replace', canonical: 'plain text', here: 'plain text'},
  {
    name: 'every occurrence',
    canonical: '<a href="https://www.example.com/a">https://www.example.com</a>',
    here: '<a href="https://staging.example.com/a">https://staging.example.com</a>',
  },
  {
    name: 'the longest of two that begin alike',
    pairs: several,
    canonical: 'https://www.example.com/shop/1 https://www.example.com/about',
    here: 'http://shop.test:8080/1 https://staging.example.com/about',
  },
  {
    name: 'a value that contains what it stands for',
    pairs: several,
    canonical: 'mail@example.org at example.org',
    here: 'mail@stage.example.org at stage.example.org',
  },
  {
    name: 'text that holds the local value already is marked, so that it stays',
    canonical: 'staging is https://staging.example.com, live https://www.example.com',
    here: 'staging is https://staging.example.com\u2060, live https://staging.example.com',
  },
  {
    name: 'a serialised string',
    canonical: php('https://www.example.com'),
    here: php('https://staging.example.com'),
  },
  {
    name: 'lengths count bytes, not characters',
    canonical: `a:1:{${php('köln')}${php('grüße von https://www.example.com')}}`,
    here: `a:1:{${php('köln')}${php('grüße von https://staging.example.com')}}`,
  },
  {
    name: 'serialised inside serialised',
    canonical: php(`a:1:{i:0;${php('https://www.example.com/ü')}}`),
    here: php(`a:1:{i:0;${php('https://staging.example.com/ü')}}`),
  },
  {
    name: 'a serialised string that holds what looks like its end',
    canonical: php('say ";} and https://www.example.com'),
    here: php('say ";} and https://staging.example.com'),
  },
  {
    name: 'an object with its own serialisation',
    canonical: `C:3:"Box":${Buffer.byteLength(php('https://www.example.com'))}:{${php('https://www.example.com')}}`,
    here: `C:3:"Box":${Buffer.byteLength(php('https://staging.example.com'))}:{${php('https://staging.example.com')}}`,
  },
  {
    name: 'a session: names before the values',
    canonical: `home|${php('https://www.example.com')}n|i:3;`,
    here: `home|${php('https://staging.example.com')}n|i:3;`,
  },
  {
    name: 'JSON with escaped slashes, its numbers and spaces untouched',
    canonical: '{ "u":"https:\\/\\/www.example.com\\/a", "n":12345678901234567890.10 }',
    here: '{ "u":"https:\\/\\/staging.example.com\\/a", "n":12345678901234567890.10 }',
  },
  {
    name: 'JSON that escapes what is not ASCII',
    pairs: several,
    canonical: '["m\\u00fcnchen.de","https:\\/\\/www.example.com \\u00fc"]',
    here: '["test.m\\u00fcnchen.de","https:\\/\\/staging.example.com \\u00fc"]',
  },
  {
    name: 'keys of JSON stay',
    canonical: '{"https://www.example.com":"https://www.example.com"}',
    here: '{"https://www.example.com":"https://staging.example.com"}',
  },
  {
    name: 'serialised text inside JSON',
    canonical: JSON.stringify({data: `a:1:{i:0;${php('https://www.example.com')}}`}),
    here: JSON.stringify({data: `a:1:{i:0;${php('https://staging.example.com')}}`}),
  },
  {
    name: 'JSON inside serialised text inside JSON',
    canonical: JSON.stringify([php(JSON.stringify({u: 'https://www.example.com'}))]),
    here: JSON.stringify([php(JSON.stringify({u: 'https://staging.example.com'}))]),
  },
  {
    name: 'a script in a page',
    canonical: '<script>var a = "https:\\/\\/www.example.com";</script>',
    here: '<script>var a = "https:\\/\\/staging.example.com";</script>',
  },
  {
    name: 'a length that is wrong is nobody’s business',
    canonical: 's:99:"https://www.example.com";',
    here: 's:99:"https://staging.example.com";',
  },
  {
    name: 'what would not lead back is left alone',
    canonical: 's:27:"https://www.example.com";',
    here: 's:27:"https://www.example.com";',
  },
];

for (const {name, pairs = staging, canonical, here} of cases)
  test(`replaces: ${name}`, t => {
    const replacer = createValueReplacer(pairs)!;
    t.is(replacer.toHere(canonical), here);
    t.is(replacer.toCanonical(here), canonical);
  });

test('what is typed here as it travels stays so', t => {
  const replacer = createValueReplacer(staging)!;
  t.is(replacer.toCanonical('see https://www.example.com'), 'see https://www.example.com');
});

test('nothing to replace is no replacer', t => {
  t.is(createValueReplacer([]), undefined);
});

const piece = fc.oneof(
  fc.constantFrom(
    ...several.flatMap(({canonical, here}) => [canonical, here]),
    ...[
      'https://',
      'www.',
      'staging.',
      'example.com',
      'https://www.',
      '/shop',
      '\\/',
      '"',
      '\\',
      'ü',
      '\u2060',
      ' ',
    ],
  ),
  fc.string({unit: 'grapheme', maxLength: 8}),
);
const plain = fc.array(piece, {maxLength: 8}).map(parts => parts.join('').toWellFormed());
const structured: fc.Arbitrary<string> = fc.letrec<{text: string}>(tie => ({
  text: fc.oneof(
    {maxDepth: 4},
    plain,
    tie('text').map(text => php(text)),
    fc
      .array(tie('text'), {maxLength: 3})
      .map(texts => `a:${texts.length}:{${texts.map((text, index) => `i:${index};${php(text)}`).join('')}}`),
    fc.dictionary(plain, tie('text'), {maxKeys: 3}).map(value => JSON.stringify(value)),
    fc.array(tie('text'), {maxLength: 3}).map(value => JSON.stringify(value).replaceAll('/', '\\/')),
  ),
})).text;

test('what was replaced leads back to what arrived, whatever it was', t => {
  const replacer = createValueReplacer(several)!;
  fc.assert(
    fc.property(structured, text => {
      const here = replacer.toHere(text);
      t.is(replacer.toCanonical(here), text);
    }),
    {numRuns: 1500},
  );
});

test('serialised text and JSON stay valid', t => {
  const replacer = createValueReplacer(several)!;
  fc.assert(
    fc.property(fc.array(plain, {maxLength: 4}), texts => {
      const list = JSON.parse(replacer.toHere(JSON.stringify(texts))) as string[];
      t.is(list.length, texts.length);
      const one = replacer.toHere(php(texts.join(' ')));
      const length = /^s:(\d+):"/.exec(one)!;
      t.is(Buffer.byteLength(one) - length[0].length - 2, Number(length[1]));
    }),
    {numRuns: 500},
  );
});

const ambiguous: {name: string; pairs: readonly ValuePair[]; reason: RegExp | undefined}[] = [
  {name: 'values that have nothing to do with each other', pairs: several, reason: undefined},
  {name: 'a value that contains its own', pairs: [{canonical: 'a.com', here: 'x.a.com'}], reason: undefined},
  {name: 'the same value', pairs: [{canonical: 'a', here: 'a'}], reason: /same/},
  {
    name: 'one value replaced twice',
    pairs: [
      {canonical: 'a.com', here: 'b.com'},
      {canonical: 'a.com', here: 'c.com'},
    ],
    reason: /twice/,
  },
  {
    name: 'one value for two',
    pairs: [
      {canonical: 'a.com', here: 'x.com'},
      {canonical: 'b.com', here: 'x.com'},
    ],
    reason: /two values/,
  },
  {
    name: 'one that contains what another replaces',
    pairs: [
      {canonical: 'https://www.a.com', here: 'https://staging.a.com'},
      {canonical: 'a.com', here: 'test'},
    ],
    reason: /contains "a.com"/,
  },
  {
    name: 'one that contains what stands for another',
    pairs: [
      {canonical: 'https://shop.a.com', here: 'https://stage/shop'},
      {canonical: 'https://www.a.com', here: 'https://stage'},
    ],
    reason: /stands for another/,
  },
];

for (const {name, pairs, reason} of ambiguous)
  test(`ambiguous or not: ${name}`, t => {
    const found = findAmbiguity(pairs);
    if (reason === undefined) t.is(found, undefined);
    else t.regex(found?.reason ?? '', reason);
  });
