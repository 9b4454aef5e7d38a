import {countOf} from '../../../core/count-of.js';
import type {Progress} from '../../site/ports.js';
import {verifyWarning} from '../verify-warning.js';
import {compareTable, findReplaced} from './compare-table.js';
import {drainLog} from './drain-log.js';
import {installCapture} from './install-capture.js';
import type {Transactions, Workspace} from './workspace.js';

/**
 * Makes the versions what the rows are: capture where it is missing, the log, then whatever has to be compared row by
 * row (new tables, altered ones, tables without a key that changed; with `verify` every table), then what was logged
 * meanwhile.
 * @returns what the operator should know
 */
export async function bringUpToDate(
  workspace: Workspace,
  transactions: Transactions,
  {
    signal,
    progress,
    verify = false,
  }: {signal?: AbortSignal | undefined; progress?: Progress | undefined; verify?: boolean | undefined},
): Promise<string[]> {
  const {read, write} = transactions;
  const warnings = await installCapture(workspace, transactions);
  const {tables: changed} = await drainLog(workspace, transactions, {signal, progress});
  let compared = false;
  for (const target of (await read(() => workspace.tables())).values()) {
    const {table, id} = target;
    const state = await read(() => workspace.versions.table(id)!);
    const isKnown = state.compared && state.signature === table.signature;
    if (isKnown && !verify) {
      if (changed.has(id)) await findReplaced(workspace, write, target, {signal});
      continue;
    }
    const {moved, withoutKey} = await compareTable(workspace, write, target, state, {signal, progress});
    if (isKnown && moved > 0) warnings.push(verifyWarning(table.name, moved));
    if (withoutKey > 0)
      warnings.push(
        `${countOf(withoutKey, 'row')} of table ${table.name} cannot be synchronised: a column of the primary key is NULL.`,
      );
    compared = true;
  }
  if (compared) await drainLog(workspace, transactions, {signal});
  return warnings;
}
