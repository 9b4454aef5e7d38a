import {cascadeStatements} from './cascades.js';
import {loggedExpression} from './column-kind.js';
import type {MariadbTable} from './schema.js';
import {quote} from './sql-text.js';

/** Longest key whose values the log has room for; a change in a table with a longer one re-reads that table. */
export const maxLoggedKey = 8;

/** Longest key text, in bytes, that the version table can hold: InnoDB's limit for an index is 3,072. */
export const maxKeyBytes = 2900;

const keyColumns = Array.from({length: maxLoggedKey}, (_, index) => `k${index} BLOB`).join(', ');
const logColumns = `id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, tab INT NOT NULL, ${keyColumns}`;
const own = 'ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin';

/** The tables that Lockstep keeps in the site's database, in the order they are made. */
export const ownTables: ReadonlyMap<string, string> = new Map([
  ['lockstep_log', `(${logColumns}) ${own}`],
  [
    'lockstep_table',
    `(id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(64) NOT NULL UNIQUE, signature MEDIUMTEXT,
      compared TINYINT NOT NULL DEFAULT 0, active TINYINT NOT NULL DEFAULT 0, stamp TEXT,
      live BIGINT NOT NULL DEFAULT 0, digest VARCHAR(64), vector MEDIUMTEXT, deleted TINYINT, seq BIGINT NOT NULL DEFAULT 0) ${own}`,
  ],
  [
    'lockstep_version',
    `(tab INT NOT NULL, k VARBINARY(${maxKeyBytes}) NOT NULL, digest VARBINARY(32) NOT NULL, vector BLOB NOT NULL,
      deleted TINYINT NOT NULL, seq BIGINT NOT NULL, PRIMARY KEY (tab, k), KEY by_seq (tab, seq)) ${own}`,
  ],
  ['lockstep_run', `(run VARCHAR(100) NOT NULL, step VARCHAR(40) NOT NULL, PRIMARY KEY (run, step)) ${own}`],
  ['lockstep_meta', `(name VARCHAR(32) NOT NULL PRIMARY KEY, value MEDIUMTEXT NOT NULL) ${own}`],
]);

/**
 * What is there besides where the site has tables without transactions. Their changes are logged in such a table too: a
 * statement that fails halfway, or a ROLLBACK, takes neither the change nor the entry back.
 */
export const directTables: ReadonlyMap<string, string> = new Map([
  ['lockstep_direct_log', `(${logColumns}) ENGINE=MyISAM DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`],
  [
    'lockstep_undo',
    `(id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, run VARCHAR(100) NOT NULL, step VARCHAR(40) NOT NULL,
      tab VARCHAR(64) NOT NULL, k MEDIUMBLOB NOT NULL, before_image LONGTEXT, copy VARCHAR(64)) ${own}`,
  ],
]);

export type CaptureTrigger = {
  readonly name: string;
  readonly timing: 'BEFORE' | 'AFTER';
  readonly event: 'INSERT' | 'UPDATE' | 'DELETE';
  readonly table: string;
  readonly body: string;
  /** It logs what foreign keys do to other tables. */
  readonly cascades: boolean;
};

/**
 * The triggers that log a table's changes under its number. Keys are logged as bytes that no session setting of the
 * site changes. Our own writes are silent through a session variable, which the site's triggers may look at too. A
 * log that somebody dropped, or a column of another table, must not make the site's own statement fail.
 *
 * What foreign keys do to children fires no trigger; the parent's log them by following the keys, before it happens.
 */
export function captureTriggers(
  table: MariadbTable,
  id: number,
  others: {all: ReadonlyMap<string, MariadbTable>; ids: ReadonlyMap<string, number>},
): CaptureTrigger[] {
  const key = table.primaryKey.length <= maxLoggedKey ? table.primaryKey : [];
  const log = `INSERT INTO ${logOf(table)} (${['tab', ...key.map((_, index) => `k${index}`)].join(', ')})`;
  const value = (row: string, column: string) =>
    loggedExpression(table.kinds.get(column)!, `${row}.${quote(column)}`);
  const entry = (row: string) =>
    `${log} VALUES (${[id, ...key.map(column => value(row, column))].join(', ')});`;
  const keyChanged = key
    .map(column => `CAST(${value('OLD', column)} AS BINARY) <> CAST(${value('NEW', column)} AS BINARY)`)
    .join(' OR ');
  const make = (
    timing: CaptureTrigger['timing'],
    event: CaptureTrigger['event'],
    statements: string,
    cascades = false,
  ): CaptureTrigger => ({
    name: `lockstep_${id}_${cascades ? 'cascade_' : ''}${event.toLowerCase()}`,
    timing,
    event,
    table: table.name,
    body: `BEGIN DECLARE CONTINUE HANDLER FOR 1054, 1146 BEGIN END; IF @lockstep_off IS NULL THEN ${statements} END IF; END`,
    cascades,
  });
  const triggers = [
    make('AFTER', 'INSERT', entry('NEW')),
    make('AFTER', 'DELETE', entry('OLD')),
    make(
      'AFTER',
      'UPDATE',
      `${key.length === 0 ? '' : `IF ${keyChanged} THEN ${entry('OLD')} END IF; `}${entry('NEW')}`,
    ),
  ];
  for (const event of ['DELETE', 'UPDATE'] as const) {
    const statements = cascadeStatements(table, event, others);
    if (statements !== '') triggers.push(make('BEFORE', event, statements, true));
  }
  return triggers;
}

export function logOf({transactional}: MariadbTable): string {
  return transactional ? 'lockstep_log' : 'lockstep_direct_log';
}

/** Whether only the log says which table changed, because its key does not fit or is missing. */
export function isLoggedAsWhole({primaryKey}: MariadbTable): boolean {
  return primaryKey.length === 0 || primaryKey.length > maxLoggedKey;
}
