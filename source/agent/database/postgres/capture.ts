import type {TableState} from '../row-version.js';
import {type PgConnection, quote} from './connection.js';
import type {PgTable} from './schema.js';
import type {VersionStore} from './version-store.js';
import type {Workspace, Write} from './workspace.js';

/** Names of our two triggers on a table; the second sees what no row trigger does. */
/** The trigger that logs rows. */
export const rowTrigger = 'lockstep_capture';
const truncateTrigger = 'lockstep_truncate';

/** Bits of pg_trigger.tgtype: after each row, INSERT, DELETE, UPDATE; after a statement, TRUNCATE. */
const rowType = '29';
const truncateType = '32';

/**
 * The function behind a table's row trigger: writes the table's number and the row's key, nothing else. It runs with
 * our rights and settings, so that whoever changes a row need not know of it and a key is always the same text. Nothing
 * in it can make the site's own statement fail: a key column that was renamed leaves an entry for the whole table.
 */
function functionBody(table: PgTable, id: number): string {
  const key = (row: string) =>
    `ARRAY[${table.primaryKey.map(column => asOutput(table, column, `${row}.${quote(column)}`)).join(', ')}]`;
  const keys =
    table.primaryKey.length === 0
      ? ''
      : `BEGIN
    IF TG_OP <> 'INSERT' THEN old_key := ${key('OLD')}; END IF;
    IF TG_OP <> 'DELETE' THEN new_key := ${key('NEW')}; END IF;
  EXCEPTION WHEN undefined_column THEN old_key := NULL; new_key := NULL;
  END;`;
  return `
DECLARE old_key text[]; new_key text[];
BEGIN
  IF current_setting('lockstep.off', true) = '1' THEN RETURN NULL; END IF;
  ${keys}
  IF TG_OP <> 'INSERT' AND (TG_OP = 'DELETE' OR old_key IS DISTINCT FROM new_key) THEN
    INSERT INTO lockstep.log(tab, key) VALUES (${id}, old_key);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO lockstep.log(tab, key) VALUES (${id}, new_key);
  END IF;
  RETURN NULL;
END `;
}

/** A value as it would be selected; a cast to text is quicker, but writes some types otherwise. */
function asOutput(table: PgTable, column: string, value: string): string {
  const {type} = table.column.get(column)!;
  return ['bigint', 'integer', 'smallint', 'text', 'character varying', 'uuid'].includes(type)
    ? `${value}::text`
    : `format('%s', ${value})`;
}

function functionName(id: number): string {
  return `log_${id}`;
}

function createFunction(table: PgTable, id: number): string {
  return `CREATE OR REPLACE FUNCTION lockstep.${functionName(id)}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' SET timezone = 'UTC' SET intervalstyle = 'postgres'
    SET extra_float_digits = 1 SET bytea_output = 'hex' SET lc_monetary = 'C' AS $lockstep$${functionBody(table, id)}$lockstep$`;
}

type Present = {
  readonly type: string;
  readonly enabled: boolean;
  readonly source: string;
  readonly args: string;
};

/** Our triggers as the database has them now: table → trigger. */
async function presentTriggers(connection: PgConnection): Promise<Map<string, Map<string, Present>>> {
  const rows = await connection.rows(`
    SELECT c.relname, t.tgname, t.tgtype, t.tgenabled, p.prosrc, encode(t.tgargs, 'escape'), p.proname
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace f ON f.oid = p.pronamespace
    WHERE n.nspname = current_schema() AND NOT c.relispartition AND f.nspname = 'lockstep' AND t.tgqual IS NULL`);
  const tables = new Map<string, Map<string, Present>>();
  for (const [table, name, type, enabled, source, args, called] of rows as string[][]) {
    const triggers = tables.get(table!) ?? new Map<string, Present>();
    tables.set(
      table!,
      triggers.set(name!, {
        type: type!,
        enabled: enabled === 'A',
        source: source!,
        args: `${called}(${args})`,
      }),
    );
  }
  return tables;
}

function isCaptured(table: PgTable, id: number, present: ReadonlyMap<string, Present> | undefined): boolean {
  const row = present?.get(rowTrigger);
  const truncate = present?.get(truncateTrigger);
  return (
    row?.type === rowType &&
    row.enabled &&
    row.source === functionBody(table, id) &&
    row.args === `${functionName(id)}()` &&
    truncate?.type === truncateType &&
    truncate.enabled &&
    truncate.args === `log_truncate(${id}\\000)`
  );
}

/**
 * Makes sure that every change of every table that takes part is logged, and of no other. A table whose triggers were
 * missing, switched off or altered, or that is new, is marked as not compared. Each table is a transaction of its own,
 * so that waiting for one (a trigger is made once no transaction is writing to the table) holds up no other.
 * @returns what the operator should know
 */
export async function installCapture(workspace: Workspace, write: Write): Promise<string[]> {
  const {connection, versions} = workspace;
  const warnings: string[] = [];
  const present = await presentTriggers(connection);
  const states = new Map((await versions.tables()).map(state => [state.name, state]));
  let changed = false;
  for (const table of workspace.shapes.values()) {
    const state = states.get(table.name);
    if (state?.active && isCaptured(table, state.id, present.get(table.name))) continue;
    changed = true;
    await write(async () => {
      const known = state ?? (await addTable(versions, connection, table.name));
      if (!isCaptured(table, known.id, present.get(table.name))) {
        await capture(connection, table, known.id, present.get(table.name));
        if (known.compared && known.active)
          warnings.push(
            `The change triggers of table ${table.name} were missing or altered; they were made anew and the table was compared row by row.`,
          );
        await connection.run('UPDATE lockstep.tab SET compared = false WHERE id = $1', [known.id]);
      }
      if (!known.active) {
        await connection.run('UPDATE lockstep.tab SET active = true WHERE id = $1', [known.id]);
        // Versions from before lie behind positions that others have already seen; others know rows of one that was gone.
        if (known.signature !== null) await versions.renewEpoch();
        else if (state !== undefined) await versions.renewReplica();
      }
    });
  }
  for (const [name, triggers] of present) {
    if (workspace.shapes.has(name)) continue;
    changed = true;
    await write(async () => {
      for (const trigger of triggers.keys())
        await connection.run(`DROP TRIGGER IF EXISTS ${quote(trigger)} ON ${quote(name)}`);
    });
  }
  const left = [...states.values()].filter(state => state.active && !workspace.shapes.has(state.name));
  if (left.length > 0) {
    changed = true;
    await write(async () => {
      await connection.run(
        'UPDATE lockstep.tab SET active = false, compared = false WHERE id = ANY($1::integer[])',
        [left.map(({id}) => id)],
      );
      for (const {id, name} of left) if (!workspace.allTables.has(name)) await versions.forgetTable(id);
    });
  }
  if (changed) await workspace.refreshTables();
  return warnings;
}

async function capture(
  connection: PgConnection,
  table: PgTable,
  id: number,
  present: ReadonlyMap<string, Present> | undefined,
): Promise<void> {
  await connection.run(createFunction(table, id));
  for (const name of new Set([rowTrigger, truncateTrigger, ...(present?.keys() ?? [])]))
    await connection.run(`DROP TRIGGER IF EXISTS ${quote(name)} ON ${table.sql}`);
  // ALWAYS: also for what a replication or a restore writes with session_replication_role = replica.
  await connection.run(`
    CREATE TRIGGER ${rowTrigger} AFTER INSERT OR UPDATE OR DELETE ON ${table.sql} FOR EACH ROW EXECUTE FUNCTION lockstep.${functionName(id)}();
    CREATE TRIGGER ${truncateTrigger} AFTER TRUNCATE ON ${table.sql} FOR EACH STATEMENT EXECUTE FUNCTION lockstep.log_truncate('${id}');
    ALTER TABLE ${table.sql} ENABLE ALWAYS TRIGGER ${rowTrigger};
    ALTER TABLE ${table.sql} ENABLE ALWAYS TRIGGER ${truncateTrigger}`);
}

async function addTable(versions: VersionStore, connection: PgConnection, name: string): Promise<TableState> {
  const row = await connection.row(
    'INSERT INTO lockstep.tab(name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id',
    [name],
  );
  return (await versions.table(Number(row![0])))!;
}
