import {encodeKeyPart} from '../key-text.js';
import {InvalidText, type WireValue} from '../wire-value.js';
import {quote} from './sql-text.js';

/**
 * How a column's values are read, logged and written so that none of them is rounded or re-zoned:
 *
 * | kind | types | trap |
 * |---|---|---|
 * | integer | integers, YEAR | beyond 2⁵³ and, unsigned, beyond 2⁶³; ZEROFILL |
 * | bit | BIT | bytes on the wire |
 * | real | FLOAT, DOUBLE | a FLOAT is printed with six digits |
 * | binary | BINARY, BLOB, geometry | no text |
 * | instant | TIMESTAMP | shown in the session's zone, and in triggers in the site's |
 * | text | everything else | dates with microseconds and zero dates, decimals, ENUM, SET, JSON, UUID are exact as text |
 */
export type ColumnKind = 'integer' | 'bit' | 'real' | 'binary' | 'instant' | 'text';

/** @param type DATA_TYPE of the information schema */
export function columnKind(type: string): ColumnKind {
  if (/^(tinyint|smallint|mediumint|int|bigint|year)$/.test(type)) return 'integer';
  if (type === 'bit') return 'bit';
  if (/^(float|double|real)$/.test(type)) return 'real';
  if (type === 'timestamp') return 'instant';
  return /^(binary|varbinary|tinyblob|blob|mediumblob|longblob|vector)$|geo|point|linestring|polygon/.test(
    type,
  )
    ? 'binary'
    : 'text';
}

/** The expression that selects a column for `wireOf`. */
export function selection(kind: ColumnKind, column: string): string {
  switch (kind) {
    case 'bit':
      return `${column} + 0`;
    case 'real':
      // As a double, printed with all its digits.
      return `${column} * 1e0`;
    default:
      return column;
  }
}

/** The expression with which a trigger logs a key column; the bytes that `loggedKeyPart` reads. */
export function loggedExpression(kind: ColumnKind, column: string): string {
  switch (kind) {
    case 'bit':
    case 'real':
      return selection(kind, column);
    case 'integer':
    case 'binary':
      return column;
    case 'instant':
      // The zero date has none.
      return `COALESCE(UNIX_TIMESTAMP(${column}), 0)`;
    case 'text':
      return `CONVERT(${column} USING utf8mb4)`;
  }
}

/** A selected value on the wire. */
export function wireOf(kind: ColumnKind, bytes: Buffer | null): WireValue {
  if (bytes === null) return null;
  switch (kind) {
    case 'integer':
    case 'bit': {
      const digits = integerText(bytes);
      // Wire integers are signed 64-bit; a larger unsigned one travels as text.
      return digits.length >= 19 && BigInt.asIntN(64, BigInt(digits)) !== BigInt(digits)
        ? `t${digits}`
        : `i${digits}`;
    }
    case 'real':
      return `r${bytes.toString('latin1')}`;
    case 'binary':
      return `b${bytes.toString('base64')}`;
    default: {
      const text = bytes.toString('utf8');
      return isDamaged(text, bytes) ? `x${bytes.toString('base64')}` : `t${text}`;
    }
  }
}

/** A selected value as part of a key's text (key-text.ts). All that is not binary stands there as it is. */
export function keyPartOf(kind: ColumnKind, bytes: Buffer): string {
  switch (kind) {
    case 'integer':
    case 'bit':
      return integerText(bytes);
    case 'binary':
      return encodeKeyPart(bytes, true);
    default: {
      const text = bytes.toString('utf8');
      return encodeKeyPart(isDamaged(text, bytes) ? new InvalidText(Uint8Array.from(bytes)) : text, true);
    }
  }
}

/** A part of a key's text from what a trigger logged. */
export function loggedKeyPart(kind: ColumnKind, bytes: Buffer, fractionDigits: number): string {
  return kind === 'instant' ? instantText(bytes.toString('latin1'), fractionDigits) : keyPartOf(kind, bytes);
}

/** The same from the value on the wire. */
export function keyPartOfWire(wire: string): string {
  const rest = wire.slice(1);
  switch (wire[0]) {
    case 'b':
      return encodeKeyPart(Buffer.from(rest, 'base64'), true);
    case 'x':
      return encodeKeyPart(new InvalidText(Buffer.from(rest, 'base64')), true);
    default:
      return encodeKeyPart(rest, true);
  }
}

/** A column of an aliased table, for `keyPartOf`. */
export function selectedColumn(alias: string, name: string, kind: ColumnKind): string {
  return selection(kind, `${alias}.${quote(name)}`);
}

/** ZEROFILL pads with zeros, which are no part of the value. */
function integerText(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return /^-?0\d/.test(text) ? String(BigInt(text)) : text;
}

/** Seconds since the epoch as the session's UTC would show them. 0 is the zero date. */
function instantText(seconds: string, fractionDigits: number): string {
  const [whole = '0', fraction = ''] = seconds.split('.');
  const digits = fraction.padEnd(6, '0').slice(0, fractionDigits);
  const date =
    Number(whole) === 0 && Number(fraction) === 0
      ? '0000-00-00 00:00:00'
      : new Date(Number(whole) * 1000).toISOString().slice(0, 19).replace('T', ' ');
  return fractionDigits === 0 ? date : `${date}.${digits}`;
}

const strictUtf8 = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});

function isDamaged(text: string, bytes: Uint8Array): boolean {
  if (!text.includes('\uFFFD')) return false;
  try {
    strictUtf8.decode(bytes);
    return false;
  } catch {
    return true;
  }
}
