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
    const problem = declared && naturalKeyProblem(table, declared);
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
