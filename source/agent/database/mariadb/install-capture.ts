import {setTimeout as delay} from 'node:timers/promises';
import {type CaptureTrigger, captureTriggers} from './capture.js';
import type {MariadbConnection} from './connection.js';
import {readTriggers, type Trigger} from './schema.js';
import {isLocked} from './server-error.js';
import {quote} from './sql-text.js';
import type {Workspace} from './workspace.js';

/**
 * Makes sure that every change of every table that takes part is logged, and of no other. A table whose triggers were
 * missing or altered, or that is new, is marked as not compared.
 * @returns what the operator should know
 */
export async function installCapture(
  workspace: Workspace,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const {connection, versions, schema} = workspace;
  const warnings: string[] = [];
  const known = new Set((await versions.tables()).map(({name}) => name));
  for (const name of schema.shapes.keys()) if (!known.has(name)) await versions.addTable(name);
  const states = new Map((await versions.tables()).map(state => [state.name, state]));
  const ids = new Map([...schema.shapes.keys()].map(name => [name, states.get(name)!.id]));
  const present = new Map(
    (await readTriggers(connection))
      .filter(({name}) => /^lockstep_\d+_/.test(name))
      .map(trigger => [trigger.name, trigger]),
  );
  const wanted = new Set<string>();
  for (const table of schema.shapes.values()) {
    const state = states.get(table.name)!;
    const expected = captureTriggers(table, state.id, {all: schema.all, ids});
    for (const {name} of expected) wanted.add(name);
    const broken = expected.filter(trigger => !isSame(present.get(trigger.name), trigger));
    const isUnlogged = broken.some(({cascades}) => !cascades);
    if (isUnlogged && state.compared && state.active)
      warnings.push(
        `The change triggers of table ${table.name} were missing or altered; they were made anew and the table was compared row by row.`,
      );
    if (isUnlogged && state.compared) await versions.updateTable(state.id, {compared: false});
    // What it should have logged happened in the tables below.
    if (broken.some(({name, cascades}) => cascades && !present.has(name)))
      for (const below of schema.shapes.values())
        if (below.foreignKeys.length > 0 && states.get(below.name)!.compared)
          await versions.updateTable(ids.get(below.name)!, {compared: false});
    for (const trigger of broken) await remake(connection, trigger, present.has(trigger.name), signal);
    if (!state.active) {
      await versions.updateTable(state.id, {active: true});
      // Versions from before lie behind positions that others have already seen; others know rows of one that was gone.
      if (state.signature !== null) await versions.renewEpoch();
      else if (known.has(table.name)) await versions.renewReplica();
    }
  }
  for (const name of present.keys())
    if (!wanted.has(name)) await withPatience(connection, `DROP TRIGGER IF EXISTS ${quote(name)}`, signal);
  for (const state of states.values())
    if (state.active && !schema.shapes.has(state.name)) {
      await versions.updateTable(state.id, {active: false, compared: false});
      if (!schema.all.has(state.name)) await versions.forgetTable(state.id);
    }
  workspace.forgetTables();
  return warnings;
}

function isSame(present: Trigger | undefined, wanted: CaptureTrigger): boolean {
  return (
    present !== undefined &&
    present.table === wanted.table &&
    present.timing === wanted.timing &&
    present.event === wanted.event &&
    present.body === wanted.body
  );
}

async function remake(
  connection: MariadbConnection,
  {name, timing, event, table, body}: CaptureTrigger,
  isPresent: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (isPresent) await withPatience(connection, `DROP TRIGGER IF EXISTS ${quote(name)}`, signal);
  await withPatience(
    connection,
    `CREATE TRIGGER ${quote(name)} ${timing} ${event} ON ${quote(table)} FOR EACH ROW ${body}`,
    signal,
  );
}

/**
 * A statement on the schema waits for the transactions that use the table, and everybody else waits behind it: so it
 * only waits for a moment at a time. One such statement per server at a time: MariaDB 10.11 leaves a backup of a
 * trigger's file behind when several are at work, and then cannot drop the database.
 */
export async function withPatience(
  connection: MariadbConnection,
  sql: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const end = performance.now() + connection.timeoutMs;
  const usual = Math.max(1, Math.ceil(connection.timeoutMs / 1000));
  for (;;) {
    try {
      await connection.runAll([
        `SELECT GET_LOCK('lockstep triggers', ${usual})`,
        'SET SESSION lock_wait_timeout = 1',
        sql,
      ]);
      return;
    } catch (error) {
      if (!isLocked(error) || performance.now() >= end) throw error;
    } finally {
      if (connection.isOpen)
        await connection.runAll([
          "SELECT RELEASE_LOCK('lockstep triggers')",
          `SET SESSION lock_wait_timeout = ${usual}`,
        ]);
    }
    await delay(500, undefined, signal === undefined ? {} : {signal});
  }
}
