import {isLoggedAsWhole, logOf} from './capture.js';
import {loggedExpression} from './column-kind.js';
import {isCascading, type MariadbTable} from './schema.js';
import {quote} from './sql-text.js';

/** InnoDB refuses what cascades deeper. */
const maxDepth = 15;
/** Statements of one trigger; what is left out beyond is found by `run --verify`. */
const maxStatements = 200;

/** What happens to a row of a table further down. */
type Place = {
  readonly table: MariadbTable;
  /** How its columns are named: OLD, or the alias of a join. */
  readonly alias: string;
  readonly event: 'DELETE' | 'UPDATE';
  /** Columns that change, with their new values as SQL. */
  readonly changed: ReadonlyMap<string, string>;
  /** `FROM … WHERE …` that finds the rows; empty for the row that the trigger is about. */
  readonly from: string;
  readonly where: string;
};

/**
 * Statements of a trigger BEFORE a parent row is deleted or updated: they log the rows below it that the engine itself
 * is about to delete, to re-key or to cut off, by following the foreign keys through all levels. Each level is only
 * looked at when the one above had rows.
 */
export function cascadeStatements(
  table: MariadbTable,
  event: 'DELETE' | 'UPDATE',
  others: {all: ReadonlyMap<string, MariadbTable>; ids: ReadonlyMap<string, number>},
): string {
  const referenced = [...others.all.values()].flatMap(({foreignKeys}) =>
    foreignKeys.filter(key => key.table === table.name).flatMap(key => key.references),
  );
  const changed = new Map(
    event === 'DELETE' ? [] : referenced.map(column => [column, `NEW.${quote(column)}`] as const),
  );
  const budget = {left: maxStatements};
  const statements = follow({table, alias: 'OLD', event, changed, from: '', where: ''}, others, 0, budget);
  if (statements === '' || event === 'DELETE') return statements;
  const differs = [...changed].map(
    ([column, value]) => `NOT (CAST(OLD.${quote(column)} AS BINARY) <=> CAST(${value} AS BINARY))`,
  );
  return `IF ${differs.join(' OR ')} THEN ${statements} END IF;`;
}

function follow(
  parent: Place,
  others: {all: ReadonlyMap<string, MariadbTable>; ids: ReadonlyMap<string, number>},
  depth: number,
  budget: {left: number},
): string {
  if (depth >= maxDepth) return '';
  const statements: string[] = [];
  for (const child of others.all.values())
    for (const key of child.foreignKeys) {
      if (key.table !== parent.table.name) continue;
      const rule = parent.event === 'DELETE' ? key.onDelete : key.onUpdate;
      const isTouched =
        parent.event === 'DELETE' || key.references.some(column => parent.changed.has(column));
      if (!isTouched || !isCascading(rule) || budget.left-- <= 0) continue;
      const alias = `c${depth}`;
      const on = key.columns
        .map(
          (column, index) => `${alias}.${quote(column)} = ${parent.alias}.${quote(key.references[index]!)}`,
        )
        .join(' AND ');
      const place: Place = {
        table: child,
        alias,
        event: parent.event === 'DELETE' && rule === 'CASCADE' ? 'DELETE' : 'UPDATE',
        changed: new Map(
          key.columns.flatMap((column, index) => {
            const value = rule === 'CASCADE' ? parent.changed.get(key.references[index]!) : 'NULL';
            return value === undefined ? [] : [[column, value] as const];
          }),
        ),
        from:
          parent.from === ''
            ? `FROM ${quote(child.name)} AS ${alias}`
            : `${parent.from} JOIN ${quote(child.name)} AS ${alias} ON ${on}`,
        where: parent.where === '' ? `WHERE ${on}` : parent.where,
      };
      const further = follow(place, others, depth + 1, budget);
      const logged = logStatements(place, others.ids.get(child.name));
      if (logged === '') statements.push(further);
      else statements.push(further === '' ? logged : `${logged} IF ROW_COUNT() > 0 THEN ${further} END IF;`);
    }
  return statements.filter(Boolean).join(' ');
}

/** Logs the rows of a place: under their key, and under the one that they are about to get. */
function logStatements({table, alias, changed, event, from, where}: Place, id: number | undefined): string {
  if (id === undefined) return '';
  if (isLoggedAsWhole(table))
    return `INSERT INTO ${logOf(table)} (tab) SELECT ${id} ${from} ${where} LIMIT 1;`;
  const target = `INSERT INTO ${logOf(table)} (tab, ${table.primaryKey.map((_, index) => `k${index}`).join(', ')})`;
  const keys = (columnOf: (column: string) => string) =>
    table.primaryKey.map(column => loggedExpression(table.kinds.get(column)!, columnOf(column))).join(', ');
  const present = `${target} SELECT ${id}, ${keys(column => `${alias}.${quote(column)}`)} ${from} ${where};`;
  if (event === 'DELETE' || !table.primaryKey.some(column => changed.has(column))) return present;
  const renamed = keys(column => changed.get(column) ?? `${alias}.${quote(column)}`);
  return `${target} SELECT ${id}, ${renamed} ${from} ${where}; ${present}`;
}
