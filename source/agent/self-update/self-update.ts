import {mkdir, readdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {OperatorError} from '../../core/operator-error.js';
import type {UpdateStatus} from '../../core/update-status.js';
import {Mutex} from '../../system/mutex.js';
import {copyProgram} from '../../system/program-files.js';
import {loadConfiguration} from '../configuration/agent-configuration.js';
import {type SelfUpdateSettings, toSelfUpdateSettings} from '../configuration/self-update-schema.js';
import {openReleaseStore, type ReleaseStore} from '../releases/release-store.js';
import {asSpaceError} from '../site/no-space.js';
import type {Site} from '../site/site.js';
import {flushTree} from '../update/flush-tree.js';
import {flushFolder, identityOf, moveFolder, removeFolder} from '../update/server-folder.js';
import type {OfferedRelease} from '../update/update-request.js';
import type {UpdateSubject} from '../update/update-subject.js';
import type {Updates} from '../update/updates.js';
import {allLeases} from './all-leases.js';
import type {Launch} from './launch.js';
import {createOwnService} from './own-service.js';

/** What the updates of the agent itself are kept under; no site can be called so. */
export const selfName = '@agent';

export type SelfUpdateOptions = {
  /** The agent's data folder; absolute. */
  readonly dataFolder: string;
  readonly launch: Launch;
  readonly settings: SelfUpdateSettings | undefined;
  readonly sites: () => readonly Site[];
  /** Asks for this process to end and the launcher to choose anew. */
  readonly restart: () => void;
};

/**
 * The update of the agent itself (U13): its program is a server folder, `program/current` in the data of the agent, and is
 * exchanged by the steps, the journal and the recovery by which servers are updated. What was installed is never touched.
 */
export class SelfUpdate {
  readonly subject: UpdateSubject;
  readonly #options: SelfUpdateOptions;
  readonly #folder: string;
  #settings: SelfUpdateSettings;
  #store: {text: string; releases: ReleaseStore} | undefined;
  #reachedBy: string | undefined;
  readonly #starts = new Mutex();

  constructor(options: SelfUpdateOptions) {
    this.#options = options;
    this.#folder = join(options.dataFolder, 'program');
    this.#settings = options.settings ?? toSelfUpdateSettings({});
    const {launch, sites, restart} = options;
    const own = createOwnService({
      launch,
      folder: this.#folder,
      healthMs: () => this.#settings.timeoutMs,
      reachedBy: () => this.#reachedBy,
      restart,
    });
    const releases = () => this.#releases();
    const update = () => this.#updateSettings();
    this.subject = {
      name: selfName,
      folder: this.#folder,
      version: launch.version,
      backups: null,
      restore: async () => {
        throw new Error('an agent has no data of its own to restore');
      },
      lease: allLeases(sites),
      own,
      get releases() {
        return releases();
      },
      configuration: {
        get update() {
          return update();
        },
      },
    };
  }

  get #current(): string {
    return join(this.#folder, 'current');
  }

  /** Notes that a console has reached this process. */
  reached(by: string): void {
    this.#reachedBy ??= by;
  }

  /** Whether agent.json lets consoles update the agent, as it is now. */
  async isAllowed(): Promise<boolean> {
    return (await loadConfiguration(this.#options.dataFolder)).selfUpdate !== undefined;
  }

  /** Reads agent.json anew. @throws OperatorError UPDATE_NOT_CONFIGURED */
  async mustBeAllowed(): Promise<void> {
    const {selfUpdate} = await loadConfiguration(this.#options.dataFolder);
    if (selfUpdate === undefined)
      throw new OperatorError(
        'UPDATE_NOT_CONFIGURED',
        'agent.json does not say that consoles may update this agent.',
        {
          hint: 'Add "selfUpdate": {"keys": ["RW…"]} to it, with the public key of whoever signs releases of Lockstep; or install the version there by hand.',
        },
      );
    if (!this.#options.launch.canChange)
      throw new OperatorError(
        'UPDATE_NOT_CONFIGURED',
        'This agent was started in a way that lets nobody start another version in its place.',
        {hint: 'Start it with `lockstep agent run --data DIR`.'},
      );
    this.#settings = selfUpdate;
  }

  /**
   * Starts the update, or answers how it stands when that id was started before.
   * @throws OperatorError UPDATE_NOT_CONFIGURED, SITE_BUSY while a run or an update is at work
   */
  start(updates: Updates, request: {id: string; by: string; release: OfferedRelease}): Promise<UpdateStatus> {
    return this.#starts.run(async () => {
      await this.mustBeAllowed();
      if (!updates.isAtWork(selfName)) {
        this.subject.lease.checkNotOthers(request.id);
        await this.#settle();
      }
      return updates.start(selfName, request);
    });
  }

  /**
   * Puts the program that runs to where it can be exchanged; the installed one may lie where the agent cannot write. What
   * earlier attempts have left goes.
   */
  async #settle(): Promise<void> {
    const {launch} = this.#options;
    const trash = join(this.#folder, 'trash');
    const copy = `${this.#current}.part`;
    await mkdir(this.#folder, {recursive: true, mode: 0o700});
    const names = (await readdir(this.#folder)).filter(name => /^current_failed\d{4}$/.test(name));
    for (const left of [trash, copy, ...names.map(name => join(this.#folder, name))])
      await rm(left, {recursive: true, force: true});
    if (identityOf(this.#current) === launch.identity) return;
    try {
      await copyProgram(copy, launch.root);
      await flushTree(copy);
    } catch (error) {
      await rm(copy, {recursive: true, force: true});
      throw asSpaceError(error, this.#folder);
    }
    await removeFolder(this.#current, trash);
    await moveFolder(copy, this.#current);
    await flushFolder(this.#folder);
  }

  #releases(): ReleaseStore {
    const {releases} = this.#settings;
    const text = JSON.stringify(releases);
    if (this.#store?.text !== text)
      this.#store = {text, releases: openReleaseStore(join(this.#folder, 'releases'), releases)};
    return this.#store.releases;
  }

  #updateSettings(): NonNullable<UpdateSubject['configuration']['update']> {
    return {
      folder: this.#current,
      carry: [],
      service: {
        commands: {},
        unit: undefined,
        killUnit: false,
        killCommands: false,
        health: {url: undefined, status: 200, version: undefined, timeoutMs: this.#settings.timeoutMs},
      },
      graceMs: 0,
      leaveMs: 0,
      users: 'logoff',
      backup: false,
      keepPrevious: true,
      notice: undefined,
      window: undefined,
      administrators: [],
    };
  }
}
