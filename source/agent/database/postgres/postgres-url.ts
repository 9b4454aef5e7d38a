/** Parameters of a URL that the PostgreSQL tools know, and the variables that tell them. */
const variables: Readonly<Record<string, string>> = {
  host: 'PGHOST',
  port: 'PGPORT',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  options: 'PGOPTIONS',
};

/** A database URL of agent.json as PostgreSQL's own tools take it: in the environment, where no other user sees it. */
export function parsePostgresUrl(url: string): {
  database: string;
  environment: Readonly<Record<string, string>>;
} {
  const parsed = new URL(url);
  const part = (text: string) => decodeURIComponent(text);
  const user = part(parsed.username);
  const database = part(parsed.pathname.slice(1)) || user || 'postgres';
  const environment: Record<string, string> = {PGDATABASE: database, PGCONNECT_TIMEOUT: '10'};
  if (parsed.hostname !== '') environment.PGHOST = part(parsed.hostname).replace(/^\[|\]$/g, '');
  if (parsed.port !== '') environment.PGPORT = parsed.port;
  if (user !== '') environment.PGUSER = user;
  if (parsed.password !== '') environment.PGPASSWORD = part(parsed.password);
  for (const [name, value] of parsed.searchParams)
    if (Object.hasOwn(variables, name)) environment[variables[name]!] = value;
  return {database, environment};
}
