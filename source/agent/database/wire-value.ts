/**
 * Column values on the wire (DESIGN.md, "Values on the wire"): the exact value in tagged text, so that nothing is
 * rounded, re-zoned or re-typed on its way through JSON.
 *
 * | value | wire |
 * |---|---|
 * | NULL | `null` |
 * | integer | `i` and decimal digits |
 * | real | `r` and the shortest text that reads back as the same number; `rInfinity`, `r-Infinity`, `r-0` |
 * | text | `t` and the text |
 * | blob | `b` and base64 |
 * | text that is not valid UTF-8 | `x` and base64 of its bytes |
 */
export type WireValue = string | null;

/** Text whose bytes are not UTF-8, which a JavaScript string cannot hold. */
export class InvalidText {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** A column value as drivers exchange it: bigint is an integer, number a real. */
export type ColumnValue = null | bigint | number | string | Uint8Array | InvalidText;

export function encodeWire(value: ColumnValue): WireValue {
  if (value === null) return null;
  switch (typeof value) {
    case 'string':
      return `t${value}`;
    case 'bigint':
      return `i${value}`;
    case 'number':
      return `r${formatReal(value)}`;
    default:
      return value instanceof InvalidText ? `x${base64(value.bytes)}` : `b${base64(value)}`;
  }
}

/** @throws RangeError when the text is not a wire value. */
export function decodeWire(wire: WireValue): ColumnValue {
  if (wire === null) return null;
  const rest = wire.slice(1);
  switch (wire[0]) {
    case 't':
      return rest;
    case 'i': {
      if (!/^-?\d{1,20}$/.test(rest)) break;
      const integer = BigInt(rest);
      if (BigInt.asIntN(64, integer) !== integer) break;
      return integer;
    }
    case 'r': {
      const real = Number(rest);
      if (rest.trim() === '' || Number.isNaN(real)) break;
      return real;
    }
    case 'b':
      return bytesOf(rest);
    case 'x':
      return new InvalidText(bytesOf(rest));
  }
  throw new RangeError(`not a wire value: ${wire.slice(0, 40)}`);
}

/** The shortest decimal text that reads back as exactly this number. */
export function formatReal(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/**
 * A wire value for the eye: without its tag, cut after `limit` UTF-16 units, binary described by its size; NULL
 * stays null, so that it differs from the empty text.
 */
export function displayWire(wire: WireValue, limit = 2000): string | null {
  if (wire === null) return null;
  const value = wire[0] === 'b' || wire[0] === 'x' ? decodeWire(wire) : wire.slice(1);
  if (value instanceof Uint8Array) return `(${value.length} bytes)`;
  const text = value instanceof InvalidText ? Buffer.from(value.bytes).toString('utf8') : String(value);
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function bytesOf(text: string): Uint8Array {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text))
    throw new RangeError('not base64 in a wire value');
  return Buffer.from(text, 'base64');
}
