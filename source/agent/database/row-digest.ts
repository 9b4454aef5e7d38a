import {hash} from 'node:crypto';
import {compareCodePoints} from '../../core/item.js';
import type {WireRow} from '../site/ports.js';
import type {WireValue} from './wire-value.js';

/**
 * Digest of a row: the first 32 hex digits of SHA-256 over the canonical JSON of `[[column, value], …]`, sorted by
 * column name. The order of columns in the table plays no part, so two sites whose columns stand in different
 * order agree.
 */
export function digestRow(row: WireRow): string {
  return digestSortedValues(
    Object.keys(row)
      .sort(compareCodePoints)
      .map(column => [column, row[column] ?? null] as const),
  );
}

/** `digestRow` for values that already stand in column order. */
export function digestSortedValues(pairs: readonly (readonly [column: string, value: WireValue])[]): string {
  return hash('sha256', JSON.stringify(pairs), 'hex').slice(0, 32);
}

const modulus = 1n << 256n;

/**
 * Digest of a table without a primary key: the sum of its rows' SHA-256 modulo 2²⁵⁶, hashed together with the number
 * of rows. Independent of order, aware of how often a row occurs, in constant memory.
 */
export class TableDigest {
  #sum = 0n;
  #rows = 0;

  add(rowDigest: string): void {
    this.#sum = (this.#sum + BigInt(`0x${hash('sha256', rowDigest, 'hex')}`)) % modulus;
    this.#rows++;
  }

  get rows(): number {
    return this.#rows;
  }

  /** 64 hex digits. */
  get digest(): string {
    return hash('sha256', `${this.#rows}:${this.#sum.toString(16)}`, 'hex');
  }
}
