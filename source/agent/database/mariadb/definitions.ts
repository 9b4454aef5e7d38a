import type {MariadbConnection} from './connection.js';
import {readTexts} from './read-texts.js';
import {literal, quote} from './sql-text.js';

/** In the order in which they are made: views may call functions, and an event must not run before its triggers are there. */
const kinds = ['FUNCTION', 'PROCEDURE', 'PACKAGE', 'PACKAGE BODY', 'VIEW', 'TRIGGER', 'EVENT'] as const;
export type DefinitionKind = (typeof kinds)[number];

/** What lies in a database beside its tables, with all that it takes to make it again. */
export type Definition = {
  readonly kind: DefinitionKind;
  readonly name: string;
  readonly statement: string;
  /** Of the session in which it was made; they belong to its meaning. */
  readonly settings: Readonly<Partial<Record<'sql_mode' | 'collation_connection' | 'time_zone', string>>>;
};

/** Where `SHOW CREATE …` says what. */
const shown: Readonly<
  Record<'VIEW' | 'EVENT' | 'other', {statement: number; collation: number; mode?: number; zone?: number}>
> = {
  VIEW: {statement: 1, collation: 3},
  EVENT: {mode: 1, zone: 2, statement: 3, collation: 5},
  other: {mode: 1, statement: 2, collation: 4},
};

/** How a database lists them: kind, name and definer. */
const listed = (database: string) => {
  const of = (column: string) => `WHERE ${column} = ${literal(database)}`;
  return [
    `SELECT routine_type, routine_name, definer FROM information_schema.routines ${of('routine_schema')}`,
    `SELECT 'VIEW', table_name, definer FROM information_schema.views ${of('table_schema')}`,
    `SELECT 'EVENT', event_name, definer FROM information_schema.events ${of('event_schema')}`,
  ];
};

/**
 * Views, routines and events of a database that our user may make again. What belongs to other users, who for a user
 * without the right to name them cannot be named again, is not ours to replace; nor is a view that does not work.
 */
export async function readDefinitions(
  connection: MariadbConnection,
  database: string,
): Promise<Definition[]> {
  const [[user = ''] = []] = await readTexts(connection, 'SELECT CURRENT_USER()');
  const mayName = await mayNameOthers(connection, user);
  const found: Definition[] = [];
  for (const sql of listed(database))
    for (const [kind, name, definer] of await readTexts(connection, sql)) {
      if (definer !== user && !mayName) continue;
      if (!(kinds as readonly string[]).includes(kind!)) continue;
      if (kind === 'VIEW' && !(await isSound(connection, database, name!))) continue;
      const definition = await readDefinition(connection, database, kind as DefinitionKind, name!);
      if (definition !== undefined) found.push(definition);
    }
  return found.sort(compareDefinitions);
}

/** The triggers of a database, in the order in which they fire. */
export async function readTriggers(connection: MariadbConnection, database: string): Promise<Definition[]> {
  const names = await readTexts(
    connection,
    `SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = ${literal(database)} ORDER BY action_order, trigger_name`,
  );
  const found: Definition[] = [];
  for (const [name] of names) {
    const trigger = await readDefinition(connection, database, 'TRIGGER', name!);
    if (trigger !== undefined) found.push(trigger);
  }
  return found;
}

/** Names of databases whose triggers are dropped are given, because a trigger is dropped where its table lies. */
export async function dropDefinition(
  connection: MariadbConnection,
  database: string,
  {kind, name}: Pick<Definition, 'kind' | 'name'>,
): Promise<void> {
  await connection.run(`DROP ${kind} IF EXISTS ${quote(database)}.${quote(name)}`);
}

/**
 * Makes what was read, in the database that the connection works in. Views that build on other views find them.
 * @throws Error of the first that cannot be made
 */
export async function makeDefinitions(
  connection: MariadbConnection,
  definitions: readonly Definition[],
): Promise<void> {
  let waiting = definitions;
  while (waiting.length > 0) {
    const failed: {definition: Definition; error: unknown}[] = [];
    for (const definition of waiting)
      try {
        await makeDefinition(connection, definition);
      } catch (error) {
        failed.push({definition, error});
      }
    if (failed.length === waiting.length) throw failed[0]!.error;
    waiting = failed.map(({definition}) => definition);
  }
}

/**
 * What has to go and what has to be made so that `here` becomes `wanted`. What is the same already stays, and with it the
 * rights that were granted on it. The parts of packages go together.
 */
export function compareToWanted(
  here: readonly Definition[],
  wanted: readonly Definition[],
): {gone: Definition[]; made: Definition[]} {
  const [old, fresh] = [here, wanted].map(definitions =>
    Map.groupBy(definitions, ({kind, name}) => (kind.startsWith('PACKAGE') ? 'PACKAGE' : `${kind} ${name}`)),
  ) as [Map<string, Definition[]>, Map<string, Definition[]>];
  const isSame = (group: string) =>
    JSON.stringify(old.get(group)?.map(textOf)) === JSON.stringify(fresh.get(group)?.map(textOf));
  const differing = (groups: Map<string, Definition[]>) =>
    [...groups].filter(([group]) => !isSame(group)).flatMap(([, definitions]) => definitions);
  return {gone: differing(old).toReversed(), made: differing(fresh)};
}

/** One line, which reads the same everywhere. */
export function textOf({kind, name, statement, settings}: Definition): string {
  const {sql_mode, collation_connection, time_zone} = settings;
  return JSON.stringify({kind, name, statement, settings: {sql_mode, collation_connection, time_zone}});
}

function compareDefinitions(a: Definition, b: Definition): number {
  return kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || (a.name < b.name ? -1 : 1);
}

async function readDefinition(
  connection: MariadbConnection,
  database: string,
  kind: DefinitionKind,
  name: string,
): Promise<Definition | undefined> {
  const [row] = await readTexts(connection, `SHOW CREATE ${kind} ${quote(database)}.${quote(name)}`);
  const {statement, collation, mode, zone} = shown[kind === 'VIEW' || kind === 'EVENT' ? kind : 'other'];
  // Empty when the body is not for our user's eyes.
  if (row === undefined || row[statement] === '') return undefined;
  return {
    kind,
    name,
    statement: row[statement]!,
    settings: {
      ...(mode === undefined ? {} : {sql_mode: row[mode]!}),
      collation_connection: row[collation]!,
      ...(zone === undefined ? {} : {time_zone: row[zone]!}),
    },
  };
}

async function makeDefinition(
  connection: MariadbConnection,
  {statement, settings}: Definition,
): Promise<void> {
  const names = Object.keys(settings);
  const [before] = await readTexts(connection, `SELECT ${names.map(name => `@@${name}`).join(', ')}`);
  const set = (values: readonly string[]) =>
    connection.run(
      `SET SESSION ${names.map((name, index) => `${name} = ${literal(values[index]!)}`).join(', ')}`,
    );
  await set(Object.values(settings));
  try {
    await connection.run(statement);
  } finally {
    await set(before!);
  }
}

/** Whether what a user makes may belong to somebody else. */
async function mayNameOthers(connection: MariadbConnection, user: string): Promise<boolean> {
  const at = user.lastIndexOf('@');
  const grantee = `'${user.slice(0, at)}'@'${user.slice(at + 1)}'`;
  const rights = await readTexts(
    connection,
    `SELECT privilege_type FROM information_schema.user_privileges WHERE grantee = ${literal(grantee)}`,
  );
  const wanted = ['SUPER', 'SET USER', 'SET_USER_ID', 'SET_ANY_DEFINER'];
  return rights.some(([right]) => wanted.includes(right!));
}

async function isSound(connection: MariadbConnection, database: string, view: string): Promise<boolean> {
  try {
    await connection.query(`SELECT 1 FROM ${quote(database)}.${quote(view)} LIMIT 0`);
    return true;
  } catch {
    return false;
  }
}
