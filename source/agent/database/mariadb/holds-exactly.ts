import type {WireValue} from '../wire-value.js';

/** Whether a column gives a value back as it was given, if it takes it at all. */
export type HoldsExactly = (value: WireValue) => boolean;

/**
 * What a column's type says of the values that it would change without a word (in strict mode everything else is an
 * error). Filling a table need not read back what certainly is exact.
 * @param type COLUMN_TYPE of the information schema
 * @returns undefined when only reading back tells
 */
export function holdsExactly(type: string, charset: string | null): HoldsExactly | undefined {
  const [, name = '', width, scale, rest = ''] =
    /^(\w+)(?:\((\d+)(?:,(\d+))?\))?(.*)$/s.exec(type.toLowerCase()) ?? [];
  const tagged = (tag: string) => (value: WireValue) => value === null || value.startsWith(tag);
  const digits = Number(width ?? 0);
  switch (name) {
    case 'tinyint':
    case 'smallint':
    case 'mediumint':
    case 'int':
    case 'bigint':
      return value => value === null || /^(i-?|t)\d+$/.test(value);
    case 'decimal':
      if (rest.includes('zerofill')) return undefined;
      return value => value === null || (value.startsWith('t') && fractionOf(value) === Number(scale ?? 0));
    case 'float':
      if (width !== undefined) return undefined;
      return value =>
        value === null ||
        (value.startsWith('r') && Math.fround(Number(value.slice(1))) === Number(value.slice(1)));
    case 'double':
      return width === undefined ? tagged('r') : undefined;
    case 'varchar':
    case 'tinytext':
    case 'text':
    case 'mediumtext':
    case 'longtext':
      return isPlain(charset) ? tagged('t') : undefined;
    case 'char':
      // Blanks at the end are not kept.
      return isPlain(charset)
        ? value => value === null || (value.startsWith('t') && !value.endsWith(' '))
        : undefined;
    case 'varbinary':
    case 'tinyblob':
    case 'blob':
    case 'mediumblob':
    case 'longblob':
      return tagged('b');
    case 'binary':
      // Shorter ones are filled up.
      return value =>
        value === null || (value.startsWith('b') && Buffer.byteLength(value.slice(1), 'base64') === digits);
    case 'date':
      return value => value === null || /^t\d{4}-\d\d-\d\d$/.test(value);
    case 'datetime':
    case 'time':
      return value => value === null || (value.startsWith('t') && fractionOf(value) === digits);
    case 'timestamp':
      // NULL may stand for the present time.
      return value => value?.startsWith('t') === true && fractionOf(value) === digits;
    default:
      return undefined;
  }
}

/** Character sets in which every text that they take comes back as it was. */
function isPlain(charset: string | null): boolean {
  return charset !== null && /^(utf8(mb[34])?|latin1|ascii)$/i.test(charset);
}

/** Digits behind the point. */
function fractionOf(value: string): number {
  const point = value.indexOf('.');
  return point < 0 ? 0 : value.length - point - 1;
}
