import {captureTriggers, presentTriggers} from './capture.js';
import {quote, type SqliteConnection} from './connection.js';
import type {SqliteTable} from './schema.js';
import type {SqliteTableState} from './version-store.js';
import type {Transactions, Workspace} from './workspace.js';

/**
 * Makes sure that every change of every table that takes part is logged, and of no other. A table whose triggers were
 * missing or altered, or that is new, is marked as not compared.
 * @returns what the operator should know
 */
export async function installCapture(workspace: Workspace, {read, write}: Transactions): Promise<string[]> {
  if (await read(() => isComplete(workspace))) return [];
  return await write(() => {
    const {connection, versions} = workspace;
    const warnings: string[] = [];
    const present = presentTriggers(connection);
    const states = new Map(versions.tables().map(state => [state.name, state]));
    const wanted = new Set<string>();
    for (const table of workspace.shapes().values()) {
      const state = states.get(table.name) ?? addTable(workspace, table);
      const expected = captureTriggers(table, state.id);
      for (const name of expected.keys()) wanted.add(name);
      const broken = [...expected].filter(([name, sql]) => present.get(name) !== sql).map(([name]) => name);
      for (const name of broken) {
        if (present.has(name)) connection.exec(`DROP TRIGGER ${quote(name)}`);
        connection.exec(expected.get(name)!);
      }
      if (broken.length > 0) {
        if (state.compared && state.active)
          warnings.push(
            `The change triggers of table ${table.name} were missing or altered; they were made anew and the table was compared row by row.`,
          );
        connection.run('UPDATE lockstep_table SET compared = 0 WHERE id = ?', state.id);
      }
      if (!state.active) {
        connection.run('UPDATE lockstep_table SET active = 1 WHERE id = ?', state.id);
        // Versions from before lie behind positions that others have already seen; others know rows of one that was gone.
        if (state.signature !== null) versions.renewEpoch();
        else if (states.has(table.name)) versions.renewReplica();
      }
    }
    for (const name of present.keys())
      if (!wanted.has(name)) connection.exec(`DROP TRIGGER IF EXISTS ${quote(name)}`);
    for (const state of states.values())
      if (state.active && !workspace.shapes().has(state.name)) {
        connection.run('UPDATE lockstep_table SET active = 0, compared = 0 WHERE id = ?', state.id);
        if (!isTable(connection, state.name)) versions.forgetTable(state.id);
      }
    return warnings;
  });
}

function isComplete(workspace: Workspace): boolean {
  const present = presentTriggers(workspace.connection);
  const states = new Map(workspace.versions.tables().map(state => [state.name, state]));
  let expectedTriggers = 0;
  for (const table of workspace.shapes().values()) {
    const state = states.get(table.name);
    if (!state?.active) return false;
    for (const [name, sql] of captureTriggers(table, state.id)) {
      if (present.get(name) !== sql) return false;
      expectedTriggers++;
    }
    states.delete(table.name);
  }
  return expectedTriggers === present.size && ![...states.values()].some(state => state.active);
}

function addTable(workspace: Workspace, table: SqliteTable): SqliteTableState {
  workspace.connection.run('INSERT INTO lockstep_table(name) VALUES (?)', table.name);
  return workspace.versions.tables().find(state => state.name === table.name)!;
}

/** Whether there is such a table, even if it takes no part. */
function isTable(connection: SqliteConnection, name: string): boolean {
  return connection.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", name) !== undefined;
}
