import {mkdir, open, readdir, readFile, rename, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {backupName, isBackupOf, parseBackupName} from '../../core/backup-name.js';
import {expiredBackups, type Retention} from '../../core/backup-retention.js';
import {asOperatorError, OperatorError} from '../../core/operator-error.js';
import type {BackupDescription} from '../../core/site-description.js';
import {digestFile} from '../../system/digest-file.js';
import {Mutex} from '../../system/mutex.js';
import {faultPoint} from '../site/fault-point.js';
import {asSpaceError, checkSpace} from '../site/no-space.js';
import type {BackupWork, DatabaseBackup} from './database-backup.js';

/** What is remembered of a backup, in the agent's data: the folder may be anywhere, and is anybody's to change. */
type KnownBackup = {
  readonly name: string;
  readonly at: string;
  readonly bytes: number;
  /** SHA-256 of the file when it was verified. */
  readonly digest: string;
  readonly by: string;
  readonly runId?: string;
  /** The step of that run. */
  readonly step?: string;
};

/** A tenth more than the engine's guess must be free, and never less than this, bytes. */
const reserveBytes = 1024 * 1024;

/** The backups of one site's database (E16): made, verified, listed, put back, and in time deleted. */
export class Backups {
  readonly folder: string;
  readonly #driver: () => Promise<DatabaseBackup>;
  readonly #indexFile: string;
  readonly #restoringFile: string;
  readonly #retention: Retention;
  readonly #prepare: () => Promise<unknown>;
  readonly #atWork = new Mutex();

  /**
   * @param options `indexFile` in the agent's data; `folder` is made when it is first needed; `prepare` sees to it that
   *   our own tables are in the database, so that every backup has them and they come back with its rows
   */
  constructor(options: {
    folder: string;
    indexFile: string;
    retention: Retention;
    driver: () => Promise<DatabaseBackup>;
    prepare: () => Promise<unknown>;
  }) {
    this.folder = options.folder;
    this.#indexFile = options.indexFile;
    this.#restoringFile = `${options.indexFile}.restoring`;
    this.#retention = options.retention;
    this.#driver = options.driver;
    this.#prepare = options.prepare;
  }

  /** Newest first: what was made here, and files of the same form that somebody put there. */
  async list(): Promise<readonly BackupDescription[]> {
    const {database} = await this.#driver();
    const known = await this.#known();
    const found: BackupDescription[] = [];
    for (const backup of known.values()) {
      const bytes = await sizeOf(join(this.folder, backup.name));
      const {digest: _, step: __, ...about} = backup;
      found.push({
        ...about,
        state: bytes === undefined ? 'gone' : bytes === backup.bytes ? 'good' : 'damaged',
      });
    }
    for (const name of await readdir(this.folder).catch(() => [])) {
      if (known.has(name) || !isBackupOf(name, database)) continue;
      const bytes = await sizeOf(join(this.folder, name));
      const {atMs} = parseBackupName(name)!;
      if (bytes !== undefined)
        found.push({name, at: new Date(atMs).toISOString(), bytes, by: '', state: 'unknown'});
    }
    return found.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
  }

  /**
   * Whether a backup can be made, and about how many bytes it would have.
   * @throws OperatorError BACKUP_TOOL_MISSING, DATABASE_…
   */
  async estimate(): Promise<number> {
    const driver = await this.#driver();
    await driver.mustBePossible();
    return driver.sizeBytes();
  }

  /**
   * Makes a backup, verifies it and lets old ones go. For one step of a run only one is made, however often it asks.
   * @param request `wanted`: names that are not let go now
   * @throws OperatorError BACKUP_TOOL_MISSING, NO_SPACE, BACKUP_FAILED, BACKUP_DAMAGED, DATABASE_…
   */
  async create(
    request: {by: string; runId?: string; step?: string; wanted?: readonly string[]},
    work: BackupWork,
  ): Promise<BackupDescription> {
    return await this.#atWork.run(async () => {
      const made = await this.#madeFor(request);
      if (made !== undefined) return made;
      const driver = await this.#driver();
      await driver.mustBePossible();
      try {
        await mkdir(this.folder, {recursive: true, mode: 0o700});
        await this.#sweep(driver.database);
        await this.#prepare();
        await checkSpace(this.folder, Math.ceil((await driver.sizeBytes()) * 1.1) + reserveBytes);
        const backup = await this.#write(driver, request, work);
        await this.#letGo(new Set(request.wanted));
        return backup;
      } catch (error) {
        const known = asSpaceError(error, this.folder);
        if (known instanceof OperatorError) throw known;
        throw new OperatorError(
          'BACKUP_FAILED',
          `No backup could be made in ${this.folder}: ${asOperatorError(error).message}`,
          {hint: 'See whether the user of the agent may write there.', cause: error},
        );
      }
    });
  }

  /**
   * The file of a backup that is whole: read to its end, and compared with what was written.
   * @throws OperatorError NOT_FOUND naming what there is, BACKUP_DAMAGED
   */
  async find(name: string, work: BackupWork): Promise<string> {
    const all = await this.list();
    const backup = all.find(candidate => candidate.name === name);
    if (backup === undefined || backup.state === 'gone')
      throw new OperatorError('NOT_FOUND', `There is no backup ${name} in ${this.folder}.`, {
        hint: `There are: ${
          all
            .filter(({state}) => state !== 'gone')
            .slice(0, 10)
            .map(other => other.name)
            .join(', ') || 'none'
        }.`,
      });
    const file = join(this.folder, name);
    const digest = (await this.#known()).get(name)?.digest;
    if (digest !== undefined && (await digestFile(file, work.signal))?.sha256 !== digest)
      throw new OperatorError('BACKUP_DAMAGED', `${file} is not what was written.`, {
        hint: 'Choose another backup; find out who can write there.',
      });
    const driver = await this.#driver();
    await driver.mustBePossible();
    await driver.verify(file, work);
    return file;
  }

  /** Puts a file that `find` answered in the database's place. Nothing of ours may be at work there. */
  async restore(file: string, work: BackupWork): Promise<void> {
    const driver = await this.#driver();
    if (!driver.restoresAtOnce)
      await writeFileAtomic(this.#restoringFile, JSON.stringify({file}), {mode: 0o600});
    try {
      await driver.restore(file, work);
    } finally {
      // Done, or refused with everything as it was: either way there is nothing to do again.
      await rm(this.#restoringFile, {force: true});
    }
  }

  /** The file that was being put back when the agent died, where the engine may have left that half done. */
  async interrupted(): Promise<string | undefined> {
    try {
      return (JSON.parse(await readFile(this.#restoringFile, 'utf8')) as {file: string}).file;
    } catch {
      return undefined;
    }
  }

  async #madeFor({runId, step}: {runId?: string; step?: string}): Promise<BackupDescription | undefined> {
    if (runId === undefined) return undefined;
    const known = await this.#known();
    return (await this.list()).find(
      ({name, state}) =>
        state === 'good' && known.get(name)?.runId === runId && known.get(name)?.step === step,
    );
  }

  async #write(
    driver: DatabaseBackup,
    {by, runId, step}: {by: string; runId?: string; step?: string},
    work: BackupWork,
  ): Promise<BackupDescription> {
    const {name, atMs} = await this.#takeName(driver.database);
    const file = join(this.folder, name);
    const partial = partialOf(file);
    try {
      await driver.write(partial, work);
      await driver.verify(partial, work);
      await flush(partial);
      const digest = (await digestFile(partial, work.signal))!.sha256;
      const {size: bytes} = await stat(partial);
      faultPoint('backup.written');
      const backup: KnownBackup = {
        name,
        at: new Date(atMs).toISOString(),
        bytes,
        digest,
        by,
        ...(runId === undefined ? {} : {runId}),
        ...(step === undefined ? {} : {step}),
      };
      // Noted first: a note without a file goes by itself, a file without a note would stay for ever.
      await this.#keep([...(await this.#known()).values(), backup]);
      faultPoint('backup.noted');
      await rename(partial, file);
      await flush(this.folder);
      const {digest: _, step: __, ...about} = backup;
      return {...about, state: 'good'};
    } catch (error) {
      for (const suffix of ['', '-journal', '-wal', '-shm']) await rm(partial + suffix, {force: true});
      throw error;
    }
  }

  /** Sites may share a folder, and clocks stand still: the next millisecond that nobody else has taken. */
  async #takeName(database: string): Promise<{name: string; atMs: number}> {
    for (let atMs = Date.now(); ; atMs += 1) {
      const name = backupName(database, atMs);
      const file = join(this.folder, name);
      if ((await sizeOf(file)) !== undefined) continue;
      try {
        await (await open(partialOf(file), 'wx', 0o600)).close();
        return {name, atMs};
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }

  /** Removes what an agent that died while it wrote has left. */
  async #sweep(database: string): Promise<void> {
    for (const name of await readdir(this.folder)) {
      const target = /^\.(.+)\.part(?:-journal|-wal|-shm)?$/.exec(name)?.[1];
      if (target === undefined || !isBackupOf(target, database)) continue;
      const file = join(this.folder, name);
      const age = Date.now() - ((await stat(file).catch(() => undefined))?.mtimeMs ?? Date.now());
      // Another site that shares the folder may be writing just now.
      if (age > 3_600_000) await rm(file, {force: true});
    }
  }

  async #letGo(wanted: ReadonlySet<string>): Promise<void> {
    const known = await this.#known();
    const listed = (await this.list()).filter(({name}) => known.has(name));
    const here = listed.filter(({state}) => state !== 'gone');
    const expired = expiredBackups(
      here.map(({name, at, state}) => ({name, atMs: Date.parse(at), good: state === 'good'})),
      this.#retention,
      Date.now(),
      wanted,
    );
    for (const {name} of expired) await rm(join(this.folder, name), {force: true});
    const gone = new Set([
      ...expired.map(({name}) => name),
      ...listed.filter(({state}) => state === 'gone').map(({name}) => name),
    ]);
    if (gone.size > 0) await this.#keep([...known.values()].filter(({name}) => !gone.has(name)));
  }

  async #known(): Promise<Map<string, KnownBackup>> {
    try {
      const {backups} = JSON.parse(await readFile(this.#indexFile, 'utf8')) as {backups: KnownBackup[]};
      return new Map(backups.map(backup => [backup.name, backup]));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError)
        return new Map();
      throw error;
    }
  }

  async #keep(backups: readonly KnownBackup[]): Promise<void> {
    await writeFileAtomic(this.#indexFile, `${JSON.stringify({backups}, undefined, 2)}\n`, {mode: 0o600});
  }
}

/** Under this name a backup grows; nobody takes it for one. */
function partialOf(file: string): string {
  const slash = file.lastIndexOf('/') + 1;
  return `${file.slice(0, slash)}.${file.slice(slash)}.part`;
}

async function sizeOf(file: string): Promise<number | undefined> {
  const found = await stat(file).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
