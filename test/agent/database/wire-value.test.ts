import test from 'ava';
import fc from 'fast-check';
import {decodeKeyPart, encodeKeyPart} from '../../../source/agent/database/key-text.js';
import {digestRow, TableDigest} from '../../../source/agent/database/row-digest.js';
import {
  type ColumnValue,
  decodeWire,
  displayWire,
  encodeWire,
  InvalidText,
} from '../../../source/agent/database/wire-value.js';

const cases: [name: string, value: ColumnValue, wire: string | null, key: string | undefined][] = [
  ['NULL', null, null, undefined],
  ['the empty text', '', 't', ''],
  ['an integer beyond 2^53', 9007199254740993n, 'i9007199254740993', '9007199254740993'],
  ['a whole real', 1, 'r1', '1.0'],
  ['minus zero', -0, 'r-0', '-0.0'],
  ['infinity', Number.NEGATIVE_INFINITY, 'r-Infinity', '-Infinity'],
  ['a blob', new Uint8Array([0, 255]), 'bAP8=', '\\x00ff'],
  ['text that is not UTF-8', new InvalidText(new Uint8Array([0xff])), 'x/w==', '\\yff'],
  ['text like a number', '12', 't12', '\\t12'],
  ['text like a blob', '\\x00', 't\\x00', '\\\\x00'],
];

for (const [name, value, wire, key] of cases)
  test(`${name} has one wire form and one key form`, t => {
    t.is(encodeWire(value), wire ?? null);
    t.deepEqual(plain(decodeWire(wire ?? null)), plain(value));
    if (value === null) return;
    t.is(encodeKeyPart(value, false), key ?? '');
    t.deepEqual(plain(decodeKeyPart(key!, false)), plain(value));
  });

const values = fc.oneof(
  fc.bigInt({min: -(2n ** 63n), max: 2n ** 63n - 1n}),
  fc.double({noNaN: true}),
  fc.string({unit: 'grapheme'}),
  fc.string(),
  fc.uint8Array(),
  fc.uint8Array().map(bytes => new InvalidText(bytes)),
);

test('every value comes back from the wire and from a key', t => {
  fc.assert(
    fc.property(values, value => {
      t.deepEqual(plain(decodeWire(encodeWire(value))), plain(value));
      t.deepEqual(plain(decodeKeyPart(encodeKeyPart(value, false), false)), plain(value));
      if (typeof value === 'bigint' || typeof value === 'number') return;
      t.deepEqual(plain(decodeKeyPart(encodeKeyPart(value, true), true)), plain(value));
    }),
  );
});

for (const wire of ['', 'q1', 'i1.5', 'i', 'i99999999999999999999', 'r', 'rabc', 'b%', 'bAA'])
  test(`${JSON.stringify(wire)} is refused as a wire value`, t => {
    t.throws(() => decodeWire(wire), {instanceOf: RangeError});
  });

test('a row’s digest knows columns by name, not by place', t => {
  t.is(digestRow({a: 'i1', b: null}), digestRow({b: null, a: 'i1'}));
  t.not(digestRow({a: 'i1', b: null}), digestRow({a: 'i1', b: 't'}));
  t.is(digestRow({a: 'i1'}).length, 32);
});

test('a table’s digest knows how often a row occurs, not where', t => {
  const digest = (...rows: string[]) => {
    const table = new TableDigest();
    for (const row of rows) table.add(row);
    return table.digest;
  };
  t.is(digest('a', 'b', 'a'), digest('a', 'a', 'b'));
  t.not(digest('a', 'b'), digest('a', 'b', 'b'));
});

test('values are shown without tags, cut, binary by size', t => {
  t.is(displayWire('thello', 3), 'hel…');
  t.is(displayWire('bAP8='), '(2 bytes)');
  t.is(displayWire('i12'), '12');
  t.is(displayWire(null), null);
});

function plain(value: ColumnValue | undefined): unknown {
  if (value instanceof InvalidText) return ['invalid', [...value.bytes]];
  if (value instanceof Uint8Array) return ['bytes', [...value]];
  return typeof value === 'bigint' ? `${value}n` : value;
}
