import {hash} from 'node:crypto';
import type {DatabaseScan} from '../core/site-description.js';

/**
 * Which tables of a site take part, as a short text. Positions of a change stream count only for the tables that were
 * looked at then: of one that is new, or not left out any more (E31), everything has yet to be seen.
 */
export function tableSet({tables, excluded}: Pick<DatabaseScan, 'tables' | 'excluded'>): string {
  const names = tables.map(({table}) => table).sort();
  return hash('sha256', JSON.stringify([names, [...(excluded ?? [])].sort()]), 'hex').slice(0, 16);
}
