import {type ColumnValue, formatReal, InvalidText} from './wire-value.js';

/**
 * A key column's value as exact text (CLI.md, "item"): integers and text as they are, binary as `\x` and hex. What
 * would be taken for something else is escaped, so that the text leads back to exactly one value:
 *
 * - text that begins with a backslash gets one more;
 * - in a column that is not declared as text, a text that looks like a number is written `\t…`;
 * - text that is not UTF-8 is written `\y` and hex;
 * - a real always shows a point or an exponent (`1.0`).
 *
 * @param textual whether the column can only hold text and binary
 */
export function encodeKeyPart(value: Exclude<ColumnValue, null>, textual: boolean): string {
  switch (typeof value) {
    case 'string':
      if (value.startsWith('\\')) return `\\${value}`;
      return !textual && looksNumeric(value) ? `\\t${value}` : value;
    case 'bigint':
      return String(value);
    case 'number': {
      const text = formatReal(value);
      return /^-?\d+$/.test(text) ? `${text}.0` : text;
    }
    default:
      return value instanceof InvalidText ? `\\y${hex(value.bytes)}` : `\\x${hex(value)}`;
  }
}

/** The value of a key part; `undefined` when the text cannot be a key of such a column. */
export function decodeKeyPart(text: string, textual: boolean): Exclude<ColumnValue, null> | undefined {
  if (text.startsWith('\\')) {
    const rest = text.slice(2);
    switch (text[1]) {
      case '\\':
        return text.slice(1);
      case 'x':
        return isHex(rest) ? Buffer.from(rest, 'hex') : undefined;
      case 'y':
        return isHex(rest) ? new InvalidText(Buffer.from(rest, 'hex')) : undefined;
      case 't':
        return textual ? undefined : rest;
      default:
        return undefined;
    }
  }
  if (textual || !looksNumeric(text)) return text;
  if (!/^-?\d+$/.test(text)) return Number(text);
  const integer = BigInt(text);
  return BigInt.asIntN(64, integer) === integer ? integer : undefined;
}

const numeric = /^-?(\d+(\.\d+)?(e[+-]?\d+)?|Infinity)$/;

function looksNumeric(text: string): boolean {
  return numeric.test(text);
}

function isHex(text: string): boolean {
  return text.length % 2 === 0 && /^[0-9a-f]*$/.test(text);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
