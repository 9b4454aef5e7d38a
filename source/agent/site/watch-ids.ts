import {readFileSync} from 'node:fs';
import writeFileAtomic from 'write-file-atomic';
import {type IdColumn, idProblem, isRunningOut, ownBlock} from '../../core/id-blocks.js';
import type {SiteDatabase} from './ports.js';

/** Which ids the database had issued at the last scan, by table; kept outside of it. */
type Issued = {readonly number: number; readonly highest: Readonly<Record<string, string>>};

/**
 * Looks at the ids after a scan (E25): what others may have seen is remembered, so that a database that was restored
 * from a backup does not issue the same ids again for other rows.
 * @param file where that is kept
 * @returns what the operator should know: columns whose ids run out, ids that were passed over
 */
export async function watchIds(
  database: SiteDatabase,
  number: number | undefined,
  file: string,
): Promise<string[]> {
  if (number === undefined) return [];
  const columns = await database.idColumns();
  const known = readIssued(file);
  const warnings: string[] = [];
  const highest: Record<string, string> = {};
  for (const column of columns) {
    if (!column.steered || column.next === undefined) continue;
    const before = known?.number === number ? BigInt(known.highest[column.table] ?? 0) : 0n;
    const issued = BigInt(column.next) - 1n;
    if (before > issued && ownBlock(number, before + 1n, BigInt(column.limit)) !== undefined) {
      await database.skipIds(column.table, before);
      warnings.push(
        `${column.table}.${column.column} had issued ids up to ${before} before the database was restored; it goes on after that.`,
      );
    }
    highest[column.table] = String(before > issued ? before : issued);
  }
  if (known?.number !== number || JSON.stringify(known.highest) !== JSON.stringify(highest))
    await writeFileAtomic(file, JSON.stringify({number, highest} satisfies Issued), {mode: 0o600});
  return [...warnings, ...runningOut(columns, number)];
}

function runningOut(columns: readonly IdColumn[], number: number): string[] {
  return columns
    .filter(column => isRunningOut(column, number))
    .flatMap(column => idProblem(column, number) ?? []);
}

function readIssued(file: string): Issued | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Issued;
  } catch {
    return undefined;
  }
}
