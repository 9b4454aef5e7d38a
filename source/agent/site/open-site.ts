import {mkdirSync, readdirSync} from 'node:fs';
import {readdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {defaultItemGroups} from '../../core/default-groups.js';
import type {FaultPoint} from '../../core/fault-point.js';
import {incidentalColumns} from '../../core/incidental-columns.js';
import {OperatorError} from '../../core/operator-error.js';
import type {DatabaseScan, TableDescription} from '../../core/site-description.js';
import {Mutex} from '../../system/mutex.js';
import {finishRestore, restoreDatabase} from '../backup/restore-database.js';
import {toReleaseSettings} from '../configuration/release-json-schema.js';
import {createDatabaseIdentity} from '../database/database-identity.js';
import {engineOf} from '../database/open-site-database.js';
import {openSiteFiles} from '../files/site-files.js';
import {work} from '../memory.js';
import {defaultDownloadLimits, openPackageStore} from '../packages/package-store.js';
import {openReleaseStore} from '../releases/release-store.js';
import {afterSyncFile} from './after-sync.js';
import {keepArrivals, listArrivals} from './arrivals.js';
import {commit} from './commit.js';
import type {CommitSite} from './commit-participants.js';
import {faultPoint} from './fault-point.js';
import {InitialSyncRecord} from './initial-sync-record.js';
import {CommitJournal, changesSite} from './journal.js';
import {Lease} from './leases.js';
import {withNaturalKeys} from './natural-keys.js';
import {flagsFileOf, openAfterSync} from './open-after-sync.js';
import type {SiteDatabase} from './ports.js';
import {defaultHistoryLimits} from './prune-history.js';
import {createPruner} from './pruner.js';
import {readJson} from './read-json.js';
import {noteEnd, recoverSite} from './recovery.js';
import {RowHistory} from './row-history.js';
import type {Site, SiteRun} from './site.js';
import {openBackups} from './site-backups.js';
import {databaseFiles, describeDatabase, openDatabase} from './site-database.js';
import {createSiteHistory} from './site-history.js';
import type {SiteOptions} from './site-options.js';
import {Staging} from './staging.js';
import {UndoRecords} from './undo-records.js';
import {watchIds} from './watch-ids.js';

/**
 * Opens a site: recovers what was interrupted before anything is served.
 * @param dataFolder the agent's data folder; the site's own is `sites/NAME` in it.
 * @throws OperatorError INVALID_CONFIGURATION for a database URL that cannot be.
 */
export async function openSite(
  configuration: SiteOptions,
  dataFolder: string,
  overrides: {faultPoint?: FaultPoint} = {},
): Promise<Site> {
  const {name, root} = configuration;
  const folder = join(dataFolder, 'sites', name);
  const runsFolder = join(folder, 'runs');
  mkdirSync(runsFolder, {recursive: true, mode: 0o700});
  const numberFile = join(folder, 'number.json');
  let number = readJson<{number: number}>(numberFile)?.number;
  const downloads = configuration.downloads?.folder ?? join(folder, 'downloads');
  const database = await openDatabase(configuration, folder, () => number);
  const databaseIdentity =
    configuration.database === undefined
      ? undefined
      : await createDatabaseIdentity(configuration.database.url);
  const files = await openSiteFiles({
    dataFolder: folder,
    root,
    // Archives are served, not synced: they would be half written in the other site's root.
    excluded: [...databaseFiles(configuration), flagsFileOf(configuration, folder), downloads],
    name,
    faultPoint: overrides.faultPoint ?? faultPoint,
  });
  const rowHistory = new RowHistory(folder);
  const undoRecords = new UndoRecords(folder);
  const lease = new Lease({file: join(folder, 'lease.json'), site: name});
  const heldBy = lease.holder?.runId;
  const recovered = await recoverSite({
    root,
    runsFolder,
    files,
    database,
    rowHistory,
    undoRecords,
    heldBy,
  });
  const backups = database && openBackups(configuration, folder, () => database.position());
  const finished = database && backups && (await finishRestore(database, backups));
  const runs = new Map<string, SiteRun>();
  const pruner = createPruner([files.history, rowHistory], {
    limits: {...defaultHistoryLimits, ...configuration.history},
    isFree: () => lease.holder === undefined,
    unfinished: () => unfinishedRuns(runsFolder),
  });
  const commits = new Mutex();
  const initialSync = new InitialSyncRecord(folder);
  const afterSync = openAfterSync(configuration, folder, runId => lease.holder?.runId === runId);
  const tables = configuration.database?.tables ?? {};
  let knownTables: readonly TableDescription[] | undefined;
  const arrivalsOf = ({staging}: SiteRun): Pick<CommitSite, 'keepArrivals'> =>
    afterSync.wantsArrivals
      ? {
          keepArrivals: (stepFolder, operations, outcomes) =>
            keepArrivals(stepFolder, listArrivals(operations, outcomes, staging.rows, tables)),
        }
      : {};

  const describeRows = async (scan: DatabaseScan, from: SiteDatabase) => {
    const settings = configuration.database?.tables ?? {};
    const keyed = await withNaturalKeys(scan, from, settings);
    const described = {
      ...keyed,
      tables: keyed.tables.map(table => {
        const incidental = incidentalColumns(table, settings[table.table]?.ignoreForSelection);
        return incidental.length === 0 ? table : {...table, incidental};
      }),
    };
    const warnings = await watchIds(from, number, join(folder, 'issued-ids.json'));
    return warnings.length === 0 ? described : {...described, warnings: [...described.warnings, ...warnings]};
  };
  const site: Site = {
    name,
    root,
    folder,
    configuration,
    version: configuration.version,
    logs: configuration.logs ?? [],
    files,
    database,
    lease,
    afterSync,
    history: createSiteHistory(files.history, rowHistory),
    packages: openPackageStore(downloads, {...defaultDownloadLimits, ...configuration.downloads}),
    releases: openReleaseStore(join(folder, 'releases'), configuration.releases ?? toReleaseSettings()),
    undoRecords,
    backups,
    recovered: finished ? [...recovered, finished] : recovered,
    notification: {tables: configuration.database?.tables ?? {}, mail: configuration.mail},
    describe: () => ({
      name,
      version: site.version,
      staging: configuration.staging,
      allowForceInitial: configuration.allowForceInitial,
      engine: configuration.database === undefined ? null : engineOf(configuration.database.url),
      ...describeDatabase(configuration, databaseIdentity),
      groups: configuration.groups ?? defaultItemGroups,
      ...(configuration.maxDelete === undefined ? {} : {maxDelete: configuration.maxDelete}),
      ...(number === undefined ? {} : {number}),
      ...(initialSync.last === undefined ? {} : {initialSync: initialSync.last}),
    }),

    async setNumber(given) {
      if (given === number) return;
      await writeFileAtomic(numberFile, JSON.stringify({number: given}), {mode: 0o600});
      number = given;
    },

    async scan(parts, {signal, progress}) {
      work();
      const scanned = parts.files
        ? await files.scan({signal, progress, acceptRoot: parts.acceptRoot})
        : {
            root: {kind: 'present'} as const,
            position: files.position(),
            live: files.count(() => true),
            changed: 0,
          };
      const rows =
        parts.database && database !== null
          ? await describeRows(
              await database.scan({signal, progress, verify: parts.verify ?? false}),
              database,
            )
          : null;
      if (rows !== null) knownTables = rows.tables;
      return {
        fileReplica: files.replica,
        root: scanned.root,
        files: {...scanned.position, live: scanned.live, changed: scanned.changed},
        database: rows && {...rows, excluded: configuration.database?.exclude ?? []},
        freeBytes: scanned.root.kind === 'missing' ? 0 : await files.freeBytes(),
        foldsNames: scanned.root.kind === 'present' && files.foldsNames(),
      };
    },

    async selectionSource() {
      knownTables ??= (await database?.scan({}))?.tables ?? [];
      return {
        files,
        database,
        groups: configuration.groups ?? defaultItemGroups,
        settings: tables,
        tables: knownTables,
      };
    },

    run(runId) {
      work();
      const known = runs.get(runId);
      if (known !== undefined) return known;
      const runFolder = join(runsFolder, runId);
      const run = {
        folder: runFolder,
        staging: new Staging(root, runId, runFolder),
        journal: new CommitJournal(runFolder),
      };
      runs.set(runId, run);
      return run;
    },

    commit: (request, operations, progress) =>
      lease.during(request.runId, () =>
        commits.run(async () => {
          const {initialSyncFrom: from, runId} = request;
          if (from !== undefined && !configuration.allowForceInitial) initialSync.mustBeFirst(runId, name);
          const run = site.run(runId);
          const result = await commit(
            request,
            operations,
            {root, files, database, rowHistory, undoRecords, ...run, ...arrivalsOf(run)},
            progress,
          );
          run.staging.forget();
          if (changesSite(request.step, result.outcomes)) afterSync.expect(runId);
          if (from !== undefined) await initialSync.remember(runId, from);
          return result;
        }),
      ),

    restore: (request, work) =>
      lease.during(request.runId, () =>
        commits.run(async () => {
          const {journal} = site.run(request.runId);
          if (backups === null) throw new OperatorError('BAD_REQUEST', 'The site has no database.');
          const result = await restoreDatabase(
            request,
            {root, files, database, rowHistory, undoRecords, journal, backups},
            work,
          );
          if (result.restored && request.afterStep !== undefined) await initialSync.takeBack(request.runId);
          return result;
        }),
      ),

    async endRun(runId) {
      lease.checkNotOthers(runId);
      noteEnd(join(runsFolder, runId));
      faultPoint('end.begun');
      // Not while a commit of it is still at work, though its caller has gone.
      await commits.run(async () => {
        const run = site.run(runId);
        runs.delete(runId);
        await run.staging.discard();
        // The journal stays for a day: a call that is repeated late gets its answer from it.
        for (const entry of await readdir(run.folder).catch(() => []))
          if (entry !== 'journal.ndjson' && entry !== afterSyncFile && !entry.startsWith('step-'))
            await rm(join(run.folder, entry), {recursive: true, force: true});
        for (const entry of await readdir(root).catch(() => []))
          if (entry.startsWith('.lockstep')) await rm(join(root, entry), {recursive: true, force: true});
      });
      pruner.wake();
      faultPoint('end.finished');
    },

    async close() {
      await afterSync.close();
      await commits.run(async () => {
        for (const run of runs.values()) run.staging.close();
        await pruner.stop();
        rowHistory.close();
        undoRecords.close();
        await files.close();
        await database?.close();
      });
    },
  };
  afterSync.resume();
  return site;
}

/** Runs of which a commit has begun and is not over. */
function unfinishedRuns(runsFolder: string): ReadonlySet<string> {
  const unfinished = readdirSync(runsFolder).filter(runId =>
    new CommitJournal(join(runsFolder, runId))
      .states()
      .values()
      .some(({state}) => state !== 'done' && state !== 'undone'),
  );
  return new Set(unfinished);
}
