import {OperatorError} from '../../../core/operator-error.js';

/** What the server says went wrong with a statement. */
type ServerError = Error & {readonly errno: number; readonly code: string; readonly sqlState?: string};

/** ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK, ER_LOCK_NOWAIT, ER_STATEMENT_TIMEOUT, ER_QUERY_TIMEOUT, ER_CHECKREAD */
const lockErrors = new Set([1205, 1213, 3572, 1969, 3024, 1020]);
/** ER_DUP_ENTRY, ER_DUP_ENTRY_WITH_KEY_NAME, ER_DUP_UNKNOWN_IN_INDEX */
const uniqueErrors = new Set([1062, 1586, 1859]);
/** Values that a table refuses although their SQL state says nothing: CHECK of MariaDB and MySQL, row or value too large. */
const valueErrors = new Set([
  4025, 3819, 1118, 1136, 1265, 1364, 1366, 1406, 1264, 1292, 1416, 1644, 1690, 3140,
]);
/** ER_DISK_FULL, ER_RECORD_FILE_FULL */
const spaceErrors = new Set([1021, 1114]);

export function isServerError(error: unknown): error is ServerError {
  return error instanceof Error && typeof (error as Partial<ServerError>).errno === 'number';
}

export function isMissingTable(error: unknown): boolean {
  return isServerError(error) && error.errno === 1146;
}

/** Whether another connection holds what a statement wanted. */
export function isLocked(error: unknown): boolean {
  return isServerError(error) && lockErrors.has(error.errno);
}

/** What kind of constraint refused a row; undefined for any other error. */
export function constraintOf(error: unknown): 'unique' | 'other' | undefined {
  if (!isServerError(error)) return undefined;
  if (uniqueErrors.has(error.errno)) return 'unique';
  if (valueErrors.has(error.errno)) return 'other';
  // Data exceptions, integrity violations, and what a trigger of the site signals.
  return /^(22|23|45)/.test(error.sqlState ?? '') ? 'other' : undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The error as an operator understands it; errors of statements, which are our own fault, stay as they are.
 * @param label of the database, for messages
 */
export function asDatabaseError(error: unknown, label: string, timeoutMs: number): unknown {
  if (!(error instanceof Error) || error instanceof OperatorError) return error;
  const unavailable = (message: string, hint?: string) =>
    new OperatorError('DATABASE_UNAVAILABLE', message, {cause: error, ...(hint === undefined ? {} : {hint})});
  const code = (error as {code?: unknown}).code;
  if (code === 'PROTOCOL_SEQUENCE_TIMEOUT')
    return unavailable(
      `The database ${label} did not answer in time.`,
      'Look at the load and the locks of the server.',
    );
  if (code === 'HANDSHAKE_NO_SSL_SUPPORT' || code === 'HANDSHAKE_SSL_ERROR')
    return unavailable(`No encrypted connection to the database ${label}: ${error.message}.`);
  if (isServerError(error)) {
    if (isLocked(error))
      return new OperatorError(
        'DATABASE_LOCKED',
        error.errno === 1213
          ? 'A transaction of the site and ours waited for each other; the database ended ours.'
          : `The site's database stayed locked for ${Math.round(timeoutMs / 1000)} s.`,
        {hint: 'Look for a transaction that the site leaves open, then run again.', cause: error},
      );
    const told = knownErrors[error.errno];
    if (told !== undefined) return unavailable(`${told.message(label)} (${error.message})`, told.hint);
    if (spaceErrors.has(error.errno) || /\berror(?: no)?:? 28\b|No space left/i.test(error.message))
      return new OperatorError('NO_SPACE', `The server of the database ${label} has no space left.`, {
        hint: 'Free some space on the disk of the database server, then run again.',
        cause: error,
      });
  }
  if (
    typeof code === 'string' &&
    /^(E[A-Z]+|PROTOCOL_CONNECTION_LOST)$/.test(code) &&
    !code.startsWith('ER_')
  )
    return unavailable(
      code === 'PROTOCOL_CONNECTION_LOST' || code === 'ECONNRESET' || code === 'EPIPE'
        ? `The connection to the database ${label} was lost.`
        : `The database ${label} cannot be reached: ${error.message || code}.`,
      'Is the server running, and is the database URL of the site in agent.json right?',
    );
  return error;
}

const knownErrors: Readonly<Record<number, {message(label: string): string; hint: string}>> = {
  1045: {
    message: label => `The database ${label} refused the user or its password`,
    hint: 'Correct the database URL of the site in agent.json.',
  },
  1698: {
    message: label => `The database ${label} refused the user`,
    hint: 'Correct the database URL of the site in agent.json.',
  },
  1049: {
    message: label => `There is no database ${label}`,
    hint: 'Create it, or correct the database URL of the site in agent.json.',
  },
  1044: {
    message: label => `The user may not use the database ${label}`,
    hint: 'Grant it the rights on the database.',
  },
  1040: {
    message: label => `The server of the database ${label} has too many connections`,
    hint: 'Raise max_connections.',
  },
  1203: {
    message: label => `The user has too many connections to ${label}`,
    hint: 'Raise max_user_connections.',
  },
  1142: {
    message: label => `The user lacks a right on a table of ${label}`,
    hint: 'The agent’s user needs ALL PRIVILEGES on the site’s database.',
  },
  1227: {
    message: label => `The user lacks a right on ${label}`,
    hint: 'The agent’s user needs ALL PRIVILEGES on the site’s database.',
  },
  1290: {
    message: label => `The database ${label} does not accept changes`,
    hint: 'Is the server a replica or set to read_only?',
  },
  1836: {
    message: label => `The database ${label} does not accept changes`,
    hint: 'Is the server set to read_only?',
  },
  1419: {
    message: label => `The user may not create triggers in ${label} while the server writes a binary log`,
    hint: 'Let an administrator run SET GLOBAL log_bin_trust_function_creators = 1 (and set it in the server’s configuration).',
  },
  1665: {
    message: label =>
      `The server of ${label} writes its binary log by statement, which row changes do not allow`,
    hint: 'Set binlog_format to MIXED or ROW.',
  },
  1153: {
    message: label => `A row of ${label} is larger than the server accepts`,
    hint: 'Raise max_allowed_packet on the server.',
  },
};
