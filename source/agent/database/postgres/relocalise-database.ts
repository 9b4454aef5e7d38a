import {relocalise} from '../relocalise.js';
import {bringUpToDate} from './bring-up-to-date.js';
import {withVersions} from './read-records.js';
import {SuspendedRules} from './suspend-rules.js';
import {cursorPages, insertRow, rowPages, updateRow} from './table-access.js';
import {beginWriting, surroundingTransaction, type Workspace} from './workspace.js';

/**
 * Rewrites the rows for changed replacements (E28), in one transaction. What the site has changed until now is
 * versioned first, as the old ones say.
 * @param before sees the same connection with the old replacements
 * @returns what the operator should know
 */
export async function relocaliseDatabase(
  workspace: Workspace,
  before: Workspace,
  signature: string,
): Promise<string[]> {
  const {connection, versions} = workspace;
  try {
    await beginWriting(connection);
    await before.refresh();
    const names = [...before.shapes.values()].map(({sql}) => sql).sort();
    if (names.length > 0) await connection.run(`LOCK TABLE ${names.join(', ')} IN SHARE ROW EXCLUSIVE MODE`);
    await before.versions.begin();
    const warnings = await bringUpToDate(before, surroundingTransaction, {});
    await before.versions.flush();
    await workspace.refresh();
    const rules = await SuspendedRules.begin(connection, [...workspace.shapes.values()]);
    for (const [name, {table}] of workspace.tables) {
      const old = before.tables.get(name)!;
      if (old.table.localizer === undefined && table.localizer === undefined) continue;
      await rules.suspend(table);
      const pages =
        table.primaryKey.length === 0
          ? () => cursorPages(connection, old.table)
          : () => rowPages(old.table, (sql, values) => connection.rows(sql, values));
      warnings.push(
        ...(await relocalise({
          shape: table,
          before: old.table.localizer,
          after: table.localizer,
          async *pages() {
            for await (const page of pages()) yield await withVersions(before, old, page, '');
          },
          store: {
            // Every column is written: what differs is the form that is held, not what travels.
            update: (_, key, row, digest) => updateRow(connection, table, key, row, {}, digest),
            insert: (_, row, digest) => insertRow(connection, table, row, digest),
            clear: async () => void (await connection.run(`DELETE FROM ${table.from}`)),
          },
        })),
      );
    }
    await rules.restore();
    await versions.setReplacements(signature);
    await connection.run('COMMIT');
    return warnings;
  } catch (error) {
    await connection.run('ROLLBACK').catch(() => {});
    throw error;
  }
}
