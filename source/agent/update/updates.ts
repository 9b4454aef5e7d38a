import type {Logger} from 'pino';
import {createHoldPoint, type FaultName} from '../../core/fault-point.js';
import {OperatorError} from '../../core/operator-error.js';
import {abortRuleOf} from '../../core/update-journal.js';
import type {
  RolloutLock,
  UpdateCheckReport,
  UpdateEvent,
  UpdateNotice,
  UpdateStatus,
} from '../../core/update-status.js';
import {Mutex} from '../../system/mutex.js';
import type {Outbox} from '../mail/outbox.js';
import {checkUpdate} from './check-update.js';
import {createUpdateHost, settingsOf} from './create-update-host.js';
import {describeUpdate, eventsOf, obstacleToRollBack} from './describe-update.js';
import {KeptUpdates} from './kept-updates.js';
import {Notices} from './notices.js';
import {checkNotLocked, lockSite, readLock, unlockSite} from './rollout-lock.js';
import {mark} from './server-folder.js';
import type {UpdateHost} from './update-host.js';
import type {OfferedRelease, ReleaseTools, UpdateRequest} from './update-request.js';
import {UpdateRun} from './update-run.js';
import type {UpdateSubject} from './update-subject.js';

/** Entries of a journal in one answer. */
const mostEvents = 500;

export type StartRequest = {
  readonly id: string;
  readonly by: string;
  readonly release: OfferedRelease;
  readonly mailTo?: string;
  readonly window?: {readonly from?: string; readonly until?: string};
  readonly rolloutId?: string;
  readonly lockId?: string;
};

export type UpdatesOptions = {
  readonly dataFolder: string;
  readonly serverName: string;
  readonly siteOf: (name: string) => UpdateSubject;
  readonly tools: ReleaseTools;
  readonly outbox: Outbox;
  readonly log: Logger;
  readonly now?: () => number;
};

/** The updates of the sites of an agent: one at a time for each site. */
export class Updates {
  readonly #options: UpdatesOptions;
  readonly #now: () => number;
  /** The updates in progress, by site. */
  readonly #running = new Map<string, UpdateRun>();
  readonly #notices: Notices;
  /** Ends the hold of the update in progress on its site, by site. */
  readonly #holds = new Map<string, () => void>();
  readonly #starts = new Mutex();
  readonly #hold: (site: string, name: FaultName) => Promise<void>;

  constructor(options: UpdatesOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#notices = new Notices(this.#now);
    this.#hold = createHoldPoint(process.env, site => process.stderr.write(`held ${site}\n`));
  }

  /** Takes up what was in progress when the agent ended. Before anything is served, so that no run comes in between. */
  async resume(sites: readonly UpdateSubject[]): Promise<void> {
    for (const site of sites) {
      const kept = this.#kept(site);
      await kept.unmarkEnded();
      for (const run of kept.all()) if (run.isOpen) this.#carryOut(site.name, run);
      await this.#notices.publish(site, this.#notices.of(site));
    }
  }

  /** Checks everything and changes nothing (U15). */
  async check(
    siteName: string,
    {release, window}: {release?: OfferedRelease | undefined; window?: StartRequest['window'] | undefined},
    signal: AbortSignal,
  ): Promise<UpdateCheckReport> {
    const {siteOf, tools, dataFolder} = this.#options;
    const untilMs = window?.until === undefined ? undefined : Date.parse(window.until);
    const context = {dataFolder, tools, nowMs: this.#now(), signal};
    return checkUpdate(siteOf(siteName), {release, untilMs}, context);
  }

  /**
   * Starts an update, or answers how it stands when that id was started before.
   * @throws OperatorError SITE_BUSY, UPDATE_NOT_CONFIGURED, RELEASE_REFUSED
   */
  start(siteName: string, request: StartRequest): Promise<UpdateStatus> {
    return this.#starts.run(async () => {
      const {siteOf, tools} = this.#options;
      const site = siteOf(siteName);
      const known = this.#find(site, request.id);
      if (known !== undefined) return this.#statusOf(site, known);
      const settings = settingsOf(site);
      this.#mustBeFree(site, request);
      const version = await tools.read(siteName, request.release).then(
        manifest => manifest.version,
        // The preflight says why, and the mails with it.
        () => '',
      );
      site.lease.take(request.id, request.by, 'update');
      const run = await UpdateRun.create(
        this.#kept(site).folderOf(request.id),
        {
          ...request,
          site: siteName,
          to: version,
          from: site.version,
          folder: settings.folder,
          createdAt: new Date(this.#now()).toISOString(),
        } satisfies UpdateRequest,
        this.#hostFor(siteName),
      );
      // Waiting for its time it lets runs go on.
      if (run.waitsForItsTime) site.lease.release(request.id);
      this.#carryOut(siteName, run);
      this.#kept(site).forgetOld();
      return this.#statusOf(site, run);
    });
  }

  current(siteName: string): {update?: UpdateStatus; lock?: RolloutLock; configured: boolean} {
    const site = this.#options.siteOf(siteName);
    const run = this.#running.get(siteName) ?? this.#kept(site).last();
    const lock = readLock(site);
    return {
      ...(run === undefined ? {} : {update: this.#statusOf(site, run)}),
      ...(lock === undefined ? {} : {lock}),
      configured: site.configuration.update !== undefined,
    };
  }

  list(siteName: string): UpdateStatus[] {
    const site = this.#options.siteOf(siteName);
    return this.#kept(site)
      .all()
      .toReversed()
      .map(run => this.#statusOf(site, this.#find(site, run.request.id) ?? run));
  }

  show(siteName: string, id: string): UpdateStatus {
    const site = this.#options.siteOf(siteName);
    return this.#statusOf(site, this.#mustFind(site, id));
  }

  journal(siteName: string, id: string, after: number): UpdateEvent[] {
    return eventsOf(this.#mustFind(this.#options.siteOf(siteName), id), after, mostEvents);
  }

  abort(siteName: string, id: string, by: string): UpdateStatus {
    const site = this.#options.siteOf(siteName);
    const run = this.#mustFind(site, id);
    run.abort(by);
    return this.#statusOf(site, run);
  }

  /** Goes back to the version before, because a person asks for it. Idempotent while it is under way. */
  rollBack(siteName: string, id: string, {by, mailTo}: {by: string; mailTo?: string}): Promise<UpdateStatus> {
    return this.#starts.run(async () => {
      const site = this.#options.siteOf(siteName);
      const run = this.#mustFind(site, id);
      if (run.progress.rolledBackBy !== undefined) return this.#statusOf(site, run);
      if (run.isOpen && abortRuleOf(run.progress) !== 'refused') {
        run.abort(by);
        return this.#statusOf(site, run);
      }
      const obstacle = obstacleToRollBack(site, run);
      if (obstacle !== undefined)
        throw new OperatorError('UPDATE_NOT_REVERSIBLE', `Update ${id} cannot be rolled back: ${obstacle}.`, {
          hint: 'Update to a release of the version that is wanted.',
        });
      const lock = readLock(site);
      this.#mustBeFree(site, {
        id,
        lockId: lock?.rolloutId === run.request.rolloutId ? lock?.lockId : undefined,
      });
      site.lease.take(id, by, 'update');
      await mark(run.request.folder, id, 'new');
      await mark(run.progress.facts.aside!, id, 'old');
      run.turnBack(by, mailTo);
      this.#carryOut(siteName, run);
      return this.#statusOf(site, run);
    });
  }

  notice(siteName: string): UpdateNotice {
    return this.#notices.of(this.#options.siteOf(siteName));
  }

  /** Holds a site for a rollout (U16). @throws OperatorError SITE_BUSY with `details.lock` */
  lock(
    siteName: string,
    wanted: {lockId: string; rolloutId: string; by: string; takeOver?: string},
  ): Promise<RolloutLock> {
    return this.#starts.run(() =>
      lockSite(this.#options.siteOf(siteName), {...wanted, since: new Date(this.#now()).toISOString()}),
    );
  }

  unlock(siteName: string, lockId: string): Promise<void> {
    return this.#starts.run(async () => unlockSite(this.#options.siteOf(siteName), lockId));
  }

  /** Whether an update is in progress there. */
  isAtWork(siteName: string): boolean {
    return this.#running.has(siteName);
  }

  async close(): Promise<void> {
    await Promise.all(this.#running.values().map(run => run.close()));
  }

  #mustBeFree(site: UpdateSubject, {id, lockId}: {id: string; lockId?: string | undefined}): void {
    const running = this.#running.get(site.name);
    if (running !== undefined)
      throw new OperatorError(
        'SITE_BUSY',
        `${site.own === undefined ? `The service of site ${site.name}` : 'The agent'} is being updated by update ${running.request.id} of ${running.request.by} since ${running.request.createdAt}.`,
        {
          hint: 'Wait for its end, or abort it.',
          details: {
            holder: {
              runId: running.request.id,
              by: running.request.by,
              since: running.request.createdAt,
              work: 'update',
            },
          },
        },
      );
    checkNotLocked(site, lockId);
    site.lease.checkNotOthers(id);
  }

  #carryOut(siteName: string, run: UpdateRun): void {
    this.#running.set(siteName, run);
    void run.start().then(() => {
      this.#holds.get(siteName)?.();
      this.#holds.delete(siteName);
      if (run.isOpen) return;
      this.#running.delete(siteName);
      try {
        const site = this.#options.siteOf(siteName);
        site.lease.release(run.request.id);
        if (run.progress.state === 'done') this.#kept(site).forgetPrevious(run);
      } catch (err) {
        this.#options.log.error({err, site: siteName}, 'what an update leaves cannot be put away');
      }
    });
  }

  /** Keeps runs away from a site as long as the update is at work. @throws OperatorError SITE_BUSY */
  #takeSite(siteName: string, {id, by}: UpdateRequest): void {
    if (this.#holds.has(siteName)) return;
    const {lease} = this.#options.siteOf(siteName);
    lease.take(id, by, 'update');
    this.#holds.set(siteName, lease.begin(id));
  }

  #hostFor(siteName: string): UpdateHost {
    return createUpdateHost(this.#options, siteName, {
      now: this.#now,
      notices: this.#notices,
      takeSite: request => this.#takeSite(siteName, request),
      hold: place => this.#hold(siteName, place),
    });
  }

  #kept(site: UpdateSubject): KeptUpdates {
    return new KeptUpdates(site, this.#hostFor(site.name));
  }

  #statusOf(site: UpdateSubject, run: UpdateRun): UpdateStatus {
    return describeUpdate(site, run, this.#options.outbox.isWaiting(run.request.id));
  }

  #find(site: UpdateSubject, id: string): UpdateRun | undefined {
    const running = this.#running.get(site.name);
    return running?.request.id === id ? running : this.#kept(site).find(id);
  }

  #mustFind(site: UpdateSubject, id: string): UpdateRun {
    const run = this.#find(site, id);
    if (run === undefined) throw this.#kept(site).missing(id);
    return run;
  }
}
