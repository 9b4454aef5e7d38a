import {OperatorError} from '../../../core/operator-error.js';
import type {Rejection} from '../row-store.js';

/** The five characters by which PostgreSQL names an error; undefined for one that is not the server's. */
export function sqlState(error: unknown): string | undefined {
  const {code, severity} = (error ?? {}) as {code?: unknown; severity?: unknown};
  return typeof code === 'string' && severity !== undefined ? code : undefined;
}

/** What the server says, with the values that it is about. */
export function messageOf(error: unknown): string {
  const {message, detail} = (error ?? {}) as {message?: unknown; detail?: unknown};
  const text = typeof message === 'string' && message !== '' ? message : String(error);
  return typeof detail === 'string' && detail !== '' ? `${text}: ${detail.replace(/\.$/, '')}` : text;
}

/**
 * Whether the server refused one row for what it holds: a constraint, a value that the column's type does not take, an
 * exception of the site's own code. @returns undefined for any other error
 */
export function rejectionOf(error: unknown): Rejection | undefined {
  const state = sqlState(error);
  if (state === undefined) return undefined;
  // unique_violation, exclusion_violation
  if (state === '23505' || state === '23P01') return {kind: 'unique', message: messageOf(error)};
  const isContent = /^(23|22|44|P0)/.test(state) || ['42804', '428C9', '54000', '0A000'].includes(state);
  return isContent ? {kind: 'constraint', message: messageOf(error)} : undefined;
}

/** Whether a value that was asked for cannot be one of its column's type, so that no row has it. */
export function isUnfitValue(error: unknown): boolean {
  return /^22/.test(sqlState(error) ?? '');
}

/**
 * Names what keeps a database from being used as what it is to the operator.
 * @throws OperatorError DATABASE_UNAVAILABLE, DATABASE_LOCKED, NO_SPACE
 */
export async function withOperatorErrors<T>(
  place: {readonly name: string; readonly lockTimeoutMs: number},
  task: () => Promise<T>,
): Promise<T> {
  try {
    return await task();
  } catch (error) {
    throw operatorErrorOf(error, place) ?? error;
  }
}

function operatorErrorOf(
  error: unknown,
  {name, lockTimeoutMs}: {readonly name: string; readonly lockTimeoutMs: number},
): OperatorError | undefined {
  if (error instanceof OperatorError) return undefined;
  const unavailable = (message: string, hint: string) =>
    new OperatorError('DATABASE_UNAVAILABLE', message, {hint, cause: error});
  const state = sqlState(error);
  if (state === undefined) return connectionError(error, name);
  const said = messageOf(error);
  switch (state) {
    case '55P03':
    case '57014':
      return new OperatorError(
        'DATABASE_LOCKED',
        `The site's database stayed locked for ${Math.round(lockTimeoutMs / 1000)} s: ${said}.`,
        {
          hint: 'Look for a transaction that the site leaves open (pg_stat_activity), then run again.',
          cause: error,
        },
      );
    case '40P01':
      return new OperatorError(
        'DATABASE_LOCKED',
        'The run and a transaction of the site waited for each other; PostgreSQL ended the run’s.',
        {hint: 'Nothing was changed. Run it again.', cause: error},
      );
    case '28P01':
    case '28000':
      return unavailable(
        `${name} refuses the user: ${said}.`,
        'Correct user and password in the database URL of agent.json, or pg_hba.conf.',
      );
    case '3D000':
      return unavailable(
        `${name}: ${said}.`,
        'Correct the database URL in agent.json, or create the database.',
      );
    case '42501':
      return unavailable(
        `The user of ${name} may not do what Lockstep needs: ${said}.`,
        'It must own the tables that are synchronised (triggers, foreign keys) and have CREATE on the database (the schema `lockstep`).',
      );
    case '53300':
      return unavailable(
        `${name} takes no more connections: ${said}.`,
        'Raise max_connections, or end idle ones.',
      );
    case '53100':
      return new OperatorError('NO_SPACE', `${name} has no space left: ${said}.`, {
        hint: 'Free some space on the disk of the database server, then run again.',
        cause: error,
      });
  }
  // Connection exceptions, too few resources, shutdowns, failed disks.
  if (/^(08|53|57P|58)/.test(state) || state === '25006')
    return unavailable(
      `${name} cannot be used: ${said}.`,
      'See whether the database server is up and writable.',
    );
  return undefined;
}

const networkErrors = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'ETIMEDOUT',
  'ECONNRESET',
  'EHOSTUNREACH',
  'EPIPE',
  'ENOENT',
  'EAI_AGAIN',
];

function connectionError(error: unknown, name: string): OperatorError | undefined {
  const errors = error instanceof AggregateError ? error.errors : [error];
  const code = errors.map(one => (one as {code?: unknown} | null)?.code).find(one => typeof one === 'string');
  const message = error instanceof Error ? error.message : '';
  const isNetwork =
    (typeof code === 'string' && networkErrors.includes(code)) ||
    /Connection terminated|timeout exceeded|timeout expired|not queryable|does not support SSL|SASL/.test(
      message,
    );
  if (!isNetwork) return undefined;
  const reason = code === 'ECONNREFUSED' ? 'the connection is refused' : message || String(code);
  return new OperatorError('DATABASE_UNAVAILABLE', `${name} cannot be reached: ${reason}.`, {
    hint: 'See whether the database server is up and the database URL in agent.json is right.',
    cause: error,
  });
}
