import {OperatorError} from '../../../core/operator-error.js';

/** Where a MariaDB or MySQL database is found. */
export type ConnectionTarget = {
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | undefined;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Encrypted, with the server's certificate checked against the system's authorities. */
  readonly tls: boolean;
  /** For messages: without the password. */
  readonly label: string;
};

/**
 * Reads `mysql://user:pass@host:port/name` (CLI.md, "Agent"), parts percent-encoded where needed. Options after `?`:
 * `socket=/path` for a Unix socket, `ssl=true`.
 * @throws OperatorError INVALID_CONFIGURATION
 */
export function parseConnectionTarget(url: string): ConnectionTarget {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (error) {
    throw invalid('it cannot be read as a URL', error);
  }
  const database = decode(parsed.pathname.slice(1));
  if (database === '' || database.includes('/'))
    throw invalid('it needs the name of the database as its path');
  for (const name of parsed.searchParams.keys())
    if (name !== 'socket' && name !== 'ssl') throw invalid(`there is no option "${name}"`);
  const ssl = parsed.searchParams.get('ssl') ?? 'false';
  if (ssl !== 'true' && ssl !== 'false') throw invalid('ssl is true or false');
  const socketPath = parsed.searchParams.get('socket') ?? undefined;
  const host = decode(parsed.hostname).replace(/^\[(.*)\]$/, '$1') || '127.0.0.1';
  const port = parsed.port === '' ? 3306 : Number(parsed.port);
  return {
    host,
    port,
    socketPath,
    user: decode(parsed.username) || 'root',
    password: decode(parsed.password),
    database,
    tls: ssl === 'true',
    label: `${database} at ${socketPath ?? `${host}:${port}`}`,
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    throw invalid('a % in it is not followed by two hex digits', error);
  }
}

function invalid(reason: string, cause?: unknown): OperatorError {
  return new OperatorError('INVALID_CONFIGURATION', `The mysql: database URL is not valid: ${reason}.`, {
    hint: 'It is written mysql://user:pass@host:port/name; special characters in user and password as %hh.',
    ...(cause === undefined ? {} : {cause}),
  });
}
