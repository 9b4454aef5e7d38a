import {countOf} from '../../../core/count-of.js';
import type {Progress} from '../../site/ports.js';
import {verifyWarning} from '../verify-warning.js';
import {type CompareOptions, compareTable, findTruncated, looksTruncated} from './compare-table.js';
import {drainLog} from './drain-log.js';
import {installCapture} from './install-capture.js';
import type {Workspace, Write} from './workspace.js';

/**
 * Makes the versions what the rows are: capture where it is missing, the log, then whatever has to be compared row by
 * row (new tables, altered ones, tables without a key that changed; with `verify` all), then what was logged meanwhile.
 * @returns what the operator should know
 */
export async function bringUpToDate(
  workspace: Workspace,
  options: {
    signal?: AbortSignal | undefined;
    progress?: Progress | undefined;
    verify?: boolean;
    openSnapshot: CompareOptions['openSnapshot'];
  },
): Promise<string[]> {
  const {signal, progress, openSnapshot} = options;
  const {versions} = workspace;
  const write: Write = task => workspace.write(task);
  const warnings = await installCapture(workspace, signal);
  await drainLog(workspace, write, {signal, progress});
  let compared = false;
  const states = new Map((await versions.tables()).map(state => [state.id, state]));
  for (const target of (await workspace.tables()).values()) {
    const {table, id} = target;
    const state = states.get(id)!;
    const isKnown = state.compared && state.signature === table.signature;
    if (isKnown && options.verify !== true) {
      // A number tells every emptying; a time, in whole seconds, and '' do not.
      const isExact = /^\d+( \d+)*$/.test(table.stamp);
      const isOther =
        state.stamp !== table.stamp || (!isExact && (await looksTruncated(workspace, target, state)));
      if (isOther && table.primaryKey.length > 0) await findTruncated(workspace, write, target, {signal});
      else if (isOther) await compareTable(workspace, write, target, state, {signal, progress, openSnapshot});
      continue;
    }
    const {changed, unfit} = await compareTable(workspace, write, target, state, {
      signal,
      progress,
      openSnapshot,
    });
    if (isKnown && changed > 0) warnings.push(verifyWarning(table.name, changed));
    if (unfit > 0)
      warnings.push(
        `${countOf(unfit, 'row')} of table ${table.name} cannot be synchronised: the key is longer than 2,900 bytes.`,
      );
    compared = true;
  }
  if (compared) await drainLog(workspace, write, {signal});
  return warnings;
}
