import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import type {Arrival} from '../../core/after-sync.js';
import {type PackedOutcomes, unpackOutcomes} from '../../core/outcome-runs.js';
import type {TableSettings} from '../database/database-options.js';
import {kindOfTable} from '../database/table-kind.js';
import {titleColumn} from '../database/table-shape.js';
import {displayWire} from '../database/wire-value.js';
import type {IndexedOperation} from './ports.js';
import type {StagedRows} from './staged-rows.js';

/** Arrivals that are told one by one; of more there is only the number. */
const listed = 10_000;
/** Characters of a title. */
const titleLength = 200;

export type Arrivals = {readonly total: number; readonly content: readonly Arrival[]};

/** New and changed content among what a commit brings (E29): rows of tables of kind `content`, and files. */
export function listArrivals(
  operations: Iterable<IndexedOperation>,
  outcomes: PackedOutcomes,
  rows: StagedRows,
  tables: Readonly<Record<string, TableSettings>>,
): Arrivals {
  // Both are in the order of the operations.
  const ended = unpackOutcomes(outcomes);
  let next = ended.next();
  const content: Arrival[] = [];
  let total = 0;
  const add = (arrival: () => Arrival) => {
    total++;
    if (content.length < listed) content.push(arrival());
  };
  for (const {index, operation} of operations) {
    while (!next.done && next.value.index < index) next = ended.next();
    if (next.done || next.value.index !== index || next.value.outcome !== 'applied') continue;
    const outcome = next.value;
    if (operation.op === 'copy-table') {
      const {table} = operation;
      if (kindOfTable(table, tables[table]) === 'content')
        add(() => ({change: 'changed', item: {type: 'table', table, rows: outcome.rows ?? 0}}));
    }
    if (operation.op !== 'put') continue;
    const {record, expect} = operation;
    const change = expect.state === 'absent' ? 'new' : 'changed';
    if (record.type === 'file') {
      if (record.kind === 'file') add(() => ({change, item: {type: 'file', path: record.path}}));
    } else if (kindOfTable(record.table, tables[record.table]) === 'content')
      add(() => {
        const {table, key} = record;
        const row = rows.find(record, record.digest)?.row ?? {};
        const column = titleColumn(Object.keys(row), tables[table]);
        const title = column === undefined ? null : displayWire(row[column] ?? null, titleLength);
        return {change, item: {type: 'row', table, key}, ...(title === null ? {} : {title})};
      });
  }
  return {total, content};
}

/** Kept with the commit: the alert is sent after it, perhaps by another process of the agent. */
export function keepArrivals(stepFolder: string, arrivals: Arrivals): void {
  writeFileSync(fileIn(stepFolder), JSON.stringify(arrivals), {mode: 0o600, flush: true});
}

export function readArrivals(stepFolder: string): Arrivals {
  try {
    return JSON.parse(readFileSync(fileIn(stepFolder), 'utf8')) as Arrivals;
  } catch {
    return {total: 0, content: []};
  }
}

function fileIn(stepFolder: string): string {
  return join(stepFolder, 'arrivals.json');
}
