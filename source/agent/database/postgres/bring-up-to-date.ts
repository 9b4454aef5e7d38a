import type {Progress} from '../../site/ports.js';
import {verifyWarning} from '../verify-warning.js';
import {installCapture} from './capture.js';
import {compareTable} from './compare-table.js';
import {drainLog} from './drain-log.js';
import type {Workspace, Write} from './workspace.js';

/**
 * Makes the versions what the rows are: capture where it is missing, the log, then whatever has to be compared row by
 * row (new tables, altered ones, emptied ones, tables without a key that changed; with `verify` every table), then what
 * was logged meanwhile.
 * @returns what the operator should know
 */
export async function bringUpToDate(
  workspace: Workspace,
  write: Write,
  options: {
    signal?: AbortSignal | undefined;
    progress?: Progress | undefined;
    verify?: boolean | undefined;
  },
): Promise<string[]> {
  const {versions} = workspace;
  const warnings = await installCapture(workspace, write);
  await drainLog(workspace, write, options);
  const states = new Map((await versions.tables()).map(state => [state.id, state]));
  let compared = false;
  for (const target of workspace.tables.values()) {
    const state = states.get(target.id)!;
    const isKnown = state.compared && state.signature === target.table.signature;
    if (isKnown && options.verify !== true) continue;
    const moved = await compareTable(workspace, write, target, state, options);
    if (isKnown && moved > 0) warnings.push(verifyWarning(target.table.name, moved));
    compared = true;
  }
  if (compared) await drainLog(workspace, write, options);
  return warnings;
}
