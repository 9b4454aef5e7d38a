import {naturalKeyOf, naturalKeyProblem} from '../../core/natural-key.js';
import type {DatabaseScan, TableDescription} from '../../core/site-description.js';
import type {TableSettings} from '../database/database-options.js';
import type {SiteDatabase} from './ports.js';

/** A scan's tables with their natural keys (E18), and what is wrong with those that agent.json declares. */
export async function withNaturalKeys(
  scan: DatabaseScan,
  database: SiteDatabase,
  settings: Readonly<Record<string, TableSettings>>,
): Promise<DatabaseScan> {
  const warnings = [...scan.warnings];
  const tables: TableDescription[] = [];
  for (const table of scan.tables) {
    const declared = settings[table.table];
    const problem = declared && (naturalKeyProblem(table, declared) ?? unknownColumns(table, declared));
    if (problem !== undefined) warnings.push(problem);
    const key = naturalKeyOf(table, declared);
    if (key === undefined) {
      tables.push(table);
      continue;
    }
    const maxLength = await database.textLimit(table.table, key.nameColumn);
    tables.push({...table, naturalKey: {...key, ...(maxLength === undefined ? {} : {maxLength})}});
  }
  return {...scan, tables, warnings};
}

/** What agent.json says of columns that a table does not have has no effect; that must not go unnoticed. */
function unknownColumns({table, columns}: TableDescription, settings: TableSettings): string | undefined {
  const {references = {}, files = {}, title, folder, email} = settings;
  const unknown = [...Object.keys(references), ...Object.keys(files), title, folder, email].filter(
    column => column !== undefined && !columns.includes(column),
  );
  if (unknown.length === 0) return undefined;
  return `agent.json names columns that table ${table} does not have: ${unknown.join(', ')}.`;
}
