import {createHash} from 'node:crypto';
import {statSync} from 'node:fs';
import {isIP} from 'node:net';
import machineId from 'node-machine-id';
import {databaseFile} from './open-site-database.js';

/** Says which database a URL leads to, as a text that is equal for two agents exactly when they mean the same one. */
export type DatabaseIdentity = () => string | undefined;

/**
 * Two members of a cluster may share a database (E23). A file is known by its device and number, a server by host,
 * port and name; what is only known on one machine has that machine in it.
 * @returns undefined while a file is not there
 */
export async function createDatabaseIdentity(url: string): Promise<DatabaseIdentity> {
  const machine = await machineId.machineId(true);
  const file = databaseFile(url);
  if (file === undefined) return () => digest(serverParts(url, machine));
  return () => {
    const stat = statSync(file, {throwIfNoEntry: false, bigint: true});
    return stat === undefined ? undefined : digest([machine, String(stat.dev), String(stat.ino)]);
  };
}

const defaultPorts: Readonly<Record<string, string>> = {postgres: '5432', mysql: '3306'};
const aliases: Readonly<Record<string, string>> = {postgresql: 'postgres', mariadb: 'mysql'};

function serverParts(url: string, machine: string): string[] {
  const {protocol, hostname, port, pathname} = new URL(url);
  const scheme = protocol.slice(0, -1);
  const engine = aliases[scheme] ?? scheme;
  const host = hostname.toLowerCase().replace(/^\[|\]$/g, '');
  return [
    engine,
    isLoopback(host) ? machine : host,
    port === '' ? (defaultPorts[engine] ?? '') : port,
    decodeURIComponent(pathname.replace(/^\//, '')),
  ];
}

function isLoopback(host: string): boolean {
  return (
    host === '' || host === 'localhost' || (isIP(host) === 4 && host.startsWith('127.')) || host === '::1'
  );
}

/** The machine's id and the database's address are nobody else's business. */
function digest(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
