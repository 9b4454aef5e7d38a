const pattern = /^(?<database>.+?)(?<stamp>\d{17})\.lockstep\.bak$/;

/**
 * Name of a backup (E16): `<db><yyyymmddhhmmssmmm>.lockstep.bak`, the time in UTC.
 * @param database as the engine calls it; what a file name cannot hold becomes an underscore
 * @param atMs epoch milliseconds
 */
export function backupName(database: string, atMs: number): string {
  const stamp = new Date(atMs).toISOString().replace(/\D/g, '').padStart(17, '0');
  return `${safeName(database)}${stamp}.lockstep.bak`;
}

/** The database and the moment that a name tells; undefined for any other file. */
export function parseBackupName(name: string): {database: string; atMs: number} | undefined {
  const {database, stamp} = pattern.exec(name)?.groups ?? {};
  if (database === undefined || stamp === undefined || safeName(database) !== database) return undefined;
  const [, year, month, day, hour, minute, second, ms] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})$/.exec(stamp)!;
  const atMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
  return Number.isNaN(atMs) ? undefined : {database, atMs};
}

/** Whether a file of that name may be a backup of the database. */
export function isBackupOf(name: string, database: string): boolean {
  return parseBackupName(name)?.database === safeName(database);
}

function safeName(database: string): string {
  const safe = database.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^[.-]/, '_');
  return safe.slice(0, 128) || '_';
}
