import {relocalise} from '../relocalise.js';
import {bringUpToDate} from './bring-up-to-date.js';
import {stagedRowPages} from './read-records.js';
import {SqliteRowStore} from './sqlite-row-store.js';
import {surroundingTransaction, type Workspace} from './workspace.js';

/**
 * Rewrites the rows for changed replacements (E28), inside a write transaction. What the site has changed until now
 * is versioned first, as the old ones say.
 * @param before sees the same connection with the old replacements
 * @returns what the operator should know
 */
export async function relocaliseDatabase(
  workspace: Workspace,
  before: Workspace,
  signature: string,
): Promise<string[]> {
  const {connection, versions} = workspace;
  before.versions.begin();
  const warnings = await bringUpToDate(before, surroundingTransaction, {});
  before.versions.flush();
  versions.begin();
  connection.run('INSERT INTO lockstep_control(run) VALUES (?)', 'replacements');
  const store = new SqliteRowStore(workspace);
  for (const [name, {access, table}] of workspace.tables()) {
    const old = before.tables().get(name)!;
    warnings.push(
      ...(await relocalise({
        shape: table,
        before: old.access.localizer,
        after: access.localizer,
        pages: () => stagedRowPages(before, old),
        store,
      })),
    );
  }
  store.restoreTriggers();
  // The connection lives on, and the store's journal with it.
  connection.exec('DROP TABLE temp.applied');
  connection.run('DELETE FROM lockstep_control');
  versions.setReplacements(signature);
  return warnings;
}
