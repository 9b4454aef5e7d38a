import {OperatorError} from '../../core/operator-error.js';
import {Mutex} from '../../system/mutex.js';
import type {DatabaseParticipant} from '../site/ports.js';
import {
  createTableFilter,
  type DatabaseMemory,
  type SiteDatabaseOptions,
  type TableSettings,
} from './database-options.js';
import {RowLocalizer, type TableLocalizer} from './row-localizer.js';
import type {TableShape} from './table-shape.js';

const defaultLockTimeoutMs = 30_000;

/** How a commit has the database for itself, from `open` until `release`, and whom it tells what. */
export type CommitTurn = {
  /** Waits for whoever is at work, then opens; what fails to open leaves the turn to the next one. */
  open<T>(open: () => Promise<T>): Promise<T>;
  /** What the next scan is to tell. */
  warn(warnings: readonly string[]): void;
  /** Told where the database stands after COMMIT. */
  committed(identity: DatabaseMemory): void;
  /** Number of the server, whose ids the database has to issue (E25). */
  serverNumber(): number | undefined;
  release(): void;
};

/**
 * What every driver of a site database keeps beside its connections: whose turn it is to write, how far the database is
 * known, what the next scan has to tell, and when all has to end.
 */
export class DatabaseFrame {
  readonly accepts: (table: string) => boolean;
  readonly localizer: RowLocalizer;
  readonly tableSettings: Readonly<Record<string, TableSettings>> | undefined;
  /** How long a lock that somebody else holds is waited for. */
  readonly lockTimeoutMs: number;
  /** Scans and commits follow one another. */
  readonly writing = new Mutex();
  readonly #options: SiteDatabaseOptions;
  readonly #closing = new AbortController();
  #commit: DatabaseParticipant | undefined;
  #memory: DatabaseMemory | undefined;
  #warnings: string[] = [];

  constructor(options: SiteDatabaseOptions) {
    this.accepts = createTableFilter(options.exclude);
    this.localizer = new RowLocalizer(options.replacements);
    this.tableSettings = options.tables;
    this.lockTimeoutMs = options.lockTimeoutMs ?? defaultLockTimeoutMs;
    this.#options = options;
    this.#memory = options.lastKnown;
  }

  /** Aborted when the database is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Aborted when the database is closed, or when the caller wants no more. */
  endOf(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.closing : AbortSignal.any([this.closing, signal]);
  }

  get serverNumber(): number | undefined {
    return this.#options.serverNumber?.();
  }

  /** Where the database was last seen. */
  get memory(): DatabaseMemory | undefined {
    return this.#memory;
  }

  remember({replica, epoch, seq}: DatabaseMemory): void {
    const known = this.#memory;
    if (known?.replica === replica && known.epoch === epoch && known.seq === seq) return;
    this.#memory = {replica, epoch, seq};
    this.#options.remember?.(this.#memory);
  }

  warn(warnings: readonly string[]): void {
    this.#warnings.push(...warnings);
  }

  /** What was to be told; it is told once. */
  takeWarnings(): string[] {
    return this.#warnings.splice(0);
  }

  /** How tables change their values on their way in and out (E28), by the settings in force or by older ones. */
  localizeWith(
    localizer = this.localizer,
  ): (table: TableShape, shapes: ReadonlyMap<string, TableShape>) => TableLocalizer | undefined {
    return (table, shapes) => localizer.forTable(table, shapes, this.tableSettings);
  }

  beginCommit(begin: (turn: CommitTurn) => DatabaseParticipant): DatabaseParticipant {
    let release: (() => void) | undefined;
    const participant = begin({
      open: async open => {
        release = await this.writing.acquire();
        try {
          this.closing.throwIfAborted();
          const opened = await open();
          this.#commit = participant;
          return opened;
        } catch (error) {
          release();
          throw error;
        }
      },
      warn: warnings => this.warn(warnings),
      committed: identity => this.remember(identity),
      serverNumber: () => this.serverNumber,
      release: () => {
        this.#commit = undefined;
        release?.();
      },
    });
    return participant;
  }

  /** Whether a commit is open. */
  get isCommitting(): boolean {
    return this.#commit !== undefined;
  }

  /** Ends scans at their next pause, takes an unfinished commit back, then lets go of the database. */
  async close(letGo: () => Promise<void>): Promise<void> {
    if (this.closing.aborted) return;
    this.#closing.abort(new OperatorError('DATABASE_UNAVAILABLE', 'The agent is stopping.'));
    await this.#commit?.undo().catch(() => {});
    await this.writing.run(letGo);
  }
}

/** What an operator is told of a database that was established anew, if it was known before. */
export function tellRenewal(renewed: boolean, before: DatabaseMemory | undefined): string[] {
  return renewed && before !== undefined
    ? ['The database is a copy or was restored from a backup; it goes on as a new replica.']
    : [];
}
