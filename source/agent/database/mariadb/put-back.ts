import {hash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {OperatorError} from '../../../core/operator-error.js';
import type {BackupWork} from '../../backup/database-backup.js';
import {runTool} from '../../backup/run-tool.js';
import {findParts, readParts} from './backup-parts.js';
import type {MariadbConnection} from './connection.js';
import {
  compareToWanted,
  type Definition,
  dropDefinition,
  makeDefinitions,
  readDefinitions,
  readTriggers,
} from './definitions.js';
import {readTexts} from './read-texts.js';
import {messageOf} from './server-error.js';
import {literal, quote} from './sql-text.js';

export type PutBack = {
  /** Works in the database that is put back. */
  readonly connection: MariadbConnection;
  readonly database: string;
  readonly file: string;
  /** The engine's client program, and the option that names its login. */
  readonly client: string;
  readonly login: string;
  readonly work: BackupWork;
};

/**
 * Makes a database what a backup of it says. Definitions of tables cannot be changed within a transaction, so the backup
 * is loaded into a database of its own beside the site's, and then all tables change their places in one statement.
 * Triggers cannot follow a table into another database; they are made anew. Of what is defined beside the tables only
 * what differs is touched. What fails on the way is taken back, step by step.
 */
export async function putBack({
  connection,
  database,
  file,
  login,
  client,
  work: {signal},
}: PutBack): Promise<void> {
  // Always the same names, so that what an agent that died has left goes with the next try.
  const suffix = hash('sha256', database, 'hex').slice(0, 16);
  const shadow = `lockstep_restore_${suffix}`;
  const old = `lockstep_old_${suffix}`;
  const parts = await findParts(file);
  const wanted = await readParts(file, parts);
  const load = (target: string, range: {start?: number; end?: number}) =>
    runTool(client, [login, '--default-character-set=utf8mb4', `--database=${target}`], {
      stdin: createReadStream(file, {...range, highWaterMark: 1024 * 1024}),
      signal,
    });
  const [settings] = await readTexts(
    connection,
    `SELECT default_character_set_name, default_collation_name FROM information_schema.schemata WHERE schema_name = ${literal(database)}`,
  );
  const [charset, collation] = settings!;
  for (const name of [shadow, old]) {
    await connection.run(`DROP DATABASE IF EXISTS ${quote(name)}`);
    await connection.run(`CREATE DATABASE ${quote(name)} CHARACTER SET ${charset} COLLATE ${collation}`);
  }
  const dropTriggers = async (of: string) => {
    for (const trigger of await readTriggers(connection, of)) await dropDefinition(connection, of, trigger);
  };
  try {
    await load(shadow, {end: parts.triggersAt - 1});
    // A trigger of another user may not be ours to make: better to know before anything has changed.
    await load(shadow, {start: parts.triggersAt});
    await dropTriggers(shadow);
    const restored = await tablesOf(connection, shadow);
    const present = await tablesOf(connection, database);
    const here = await readDefinitions(connection, database);
    const {gone, made} = compareToWanted(here, wanted ?? here);
    // An event that runs before the triggers are there would change rows unseen.
    const [events, others] = [made.filter(isEvent), made.filter(definition => !isEvent(definition))];
    const dropped = {definitions: [] as Definition[], triggers: [] as Definition[]};
    const drop = async (definitions: readonly Definition[], into: Definition[]) => {
      for (const definition of definitions) {
        await dropDefinition(connection, database, definition);
        into.push(definition);
      }
    };
    await allOrNothing(async undo => {
      undo(async () => {
        await makeDefinitions(connection, dropped.triggers);
        await makeDefinitions(connection, dropped.definitions);
      });
      await drop(gone, dropped.definitions);
      await drop(await readTriggers(connection, database), dropped.triggers);
      // One statement, so that the site sees all tables as they were or all as they are put back. What was made after
      // the backup goes too: it would stand in the way of what makes it again.
      await rename(connection, [
        ...present.map(table => [database, old, table] as const),
        ...restored.map(table => [shadow, database, table] as const),
      ]);
      undo(async () => {
        await dropTriggers(database);
        await rename(connection, [
          ...restored.map(table => [database, shadow, table] as const),
          ...present.map(table => [old, database, table] as const),
        ]);
      });
      undo(async () => {
        for (const definition of made.toReversed()) await dropDefinition(connection, database, definition);
      });
      await makeDefinitions(connection, others);
      await load(database, {start: parts.triggersAt});
      await makeDefinitions(connection, events);
    });
  } finally {
    await connection.run(`DROP DATABASE IF EXISTS ${quote(shadow)}`);
    await connection.run(`DROP DATABASE IF EXISTS ${quote(old)}`);
  }
}

/** Does something in steps and, when one fails, takes back those that were done, the last one first. */
async function allOrNothing(
  work: (undo: (step: () => Promise<void>) => void) => Promise<void>,
): Promise<void> {
  const steps: (() => Promise<void>)[] = [];
  try {
    await work(step => steps.unshift(step));
  } catch (error) {
    try {
      for (const step of steps) await step();
    } catch (second) {
      throw new OperatorError(
        'BACKUP_FAILED',
        `The backup could not be put back, nor what was there before: ${messageOf(error)}; ${messageOf(second)}`,
        {
          hint: 'The database is half restored. Mend what the message names, then restore again.',
          cause: error,
        },
      );
    }
    throw error;
  }
}

async function rename(
  connection: MariadbConnection,
  moves: readonly (readonly [from: string, to: string, table: string])[],
): Promise<void> {
  if (moves.length === 0) return;
  const list = moves.map(
    ([from, to, table]) => `${quote(from)}.${quote(table)} TO ${quote(to)}.${quote(table)}`,
  );
  await connection.run(`RENAME TABLE ${list.join(', ')}`);
}

/** All that holds rows: ordinary and system-versioned tables, and sequences. */
async function tablesOf(connection: MariadbConnection, database: string): Promise<string[]> {
  const rows = await readTexts(
    connection,
    `SELECT table_name FROM information_schema.tables WHERE table_schema = ${literal(database)}
     AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE') ORDER BY table_name`,
  );
  return rows.map(([name]) => name!);
}

function isEvent({kind}: Definition): boolean {
  return kind === 'EVENT';
}
