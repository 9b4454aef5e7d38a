import {relocalise} from '../relocalise.js';
import type {MariadbConnection} from './connection.js';
import {quote} from './sql-text.js';
import {TableAccess} from './table-access.js';
import {putBack, UndoLog} from './undo-log.js';
import {hasDirectTables, type Workspace} from './workspace.js';

/**
 * Rewrites the rows for changed replacements (E28), in one transaction. What the site has changed until now has been
 * versioned, as the old ones say.
 * @param before the same tables with the old replacements
 * @returns what the operator should know
 */
export async function relocaliseDatabase(
  workspace: Workspace,
  before: Workspace,
  signature: string,
  openSnapshot: () => Promise<MariadbConnection>,
): Promise<string[]> {
  const {connection, versions} = workspace;
  const warnings: string[] = [];
  const side = await openSnapshot();
  await side.run('COMMIT');
  const undo = new UndoLog(side, 'replacements', '');
  await connection.runAll(['SET @lockstep_off = 1', 'START TRANSACTION']);
  try {
    for (const [name, {access, table}] of await workspace.tables()) {
      const old = (await before.tables()).get(name)!;
      const reader = await openSnapshot();
      try {
        const rows = new TableAccess(reader, table, old.access.localizer);
        if (!table.transactional && (old.access.localizer ?? access.localizer) !== undefined)
          await undo.addTable(name);
        warnings.push(
          ...(await relocalise({
            shape: table,
            before: old.access.localizer,
            after: access.localizer,
            async *pages() {
              for await (const {key, row, digest} of rows.rows())
                yield [{table: name, key: key ?? [], vector: '', digest, row}];
            },
            store: {
              update: (_, key, row, digest, was) => access.update(key, row, was, digest),
              insert: (_, row, digest) => access.insert(row, digest),
              clear: async () => void (await connection.run(`DELETE FROM ${quote(name)}`)),
            },
          })),
        );
      } finally {
        reader.close();
      }
    }
    await versions.setReplacements(signature);
    if (hasDirectTables(workspace.schema)) await connection.run('DELETE FROM lockstep_undo');
    await connection.runAll(['COMMIT', 'SET @lockstep_off = NULL']);
    return warnings;
  } catch (error) {
    if (connection.isOpen) {
      await connection.run('ROLLBACK');
      await putBack(workspace);
      await connection.run('SET @lockstep_off = NULL');
    }
    throw error;
  } finally {
    side.close();
  }
}
