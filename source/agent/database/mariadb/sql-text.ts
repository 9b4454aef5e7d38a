import {decodeKeyPart} from '../key-text.js';
import {InvalidText, type WireValue} from '../wire-value.js';
import type {ColumnKind} from './column-kind.js';

/** Quotes an identifier. */
export function quote(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** Quotes text as an SQL literal; right under the session's sql_mode (connection.ts) and its utf8mb4. */
export function literal(text: string): string {
  // Most texts have nothing to escape.
  if (!/[\\'\0]/.test(text)) return `'${text}'`;
  return `'${text.replaceAll(/[\\'\0]/g, character => (character === '\0' ? '\\0' : `\\${character}`))}'`;
}

export function binaryLiteral(bytes: Uint8Array): string {
  return `x'${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}'`;
}

/**
 * A wire value as an SQL literal. Integers stand bare, so that none passes through a float; reals stand quoted, because
 * a bare one would be a decimal.
 * @throws RangeError when the text is not a wire value
 */
export function wireLiteral(wire: WireValue): string {
  if (wire === null) return 'NULL';
  const rest = wire.slice(1);
  switch (wire[0]) {
    case 't':
      return literal(rest);
    case 'i':
      if (/^-?\d{1,20}$/.test(rest)) return rest;
      break;
    case 'r':
      if (isReal(rest)) return literal(rest);
      break;
    case 'b':
    case 'x':
      return `x'${Buffer.from(rest, 'base64').toString('hex')}'`;
  }
  throw new RangeError(`not a wire value: ${wire.slice(0, 40)}`);
}

/** A part of a key as an SQL literal; undefined when no row of such a column can have it. */
export function keyLiteral(kind: ColumnKind, part: string): string | undefined {
  const value = decodeKeyPart(part, true);
  switch (kind) {
    case 'integer':
    case 'bit':
      return typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? value : undefined;
    case 'real':
      return typeof value === 'string' && isReal(value) ? literal(value) : undefined;
    case 'binary':
      return value instanceof Uint8Array ? binaryLiteral(value) : undefined;
    default:
      if (value instanceof InvalidText) return binaryLiteral(value.bytes);
      return typeof value === 'string' ? literal(value) : undefined;
  }
}

function isReal(text: string): boolean {
  return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text);
}
