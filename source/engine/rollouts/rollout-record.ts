import {asOperatorError} from '../../core/operator-error.js';
import type {RolloutEvent} from '../../core/rollout-event.js';
import type {JournalWriter} from '../../state/journal-writer.js';
import type {State, StoredMember, StoredRollout} from '../../state/state.js';
import type {EngineContext} from '../engine-context.js';
import {errorDocument} from '../run-steps/error-document.js';
import {findRollout} from './find-rollout.js';
import {serverOf} from './member-of-status.js';

/**
 * What is known of the servers of a rollout while a process carries it out: every change goes to the journal at once,
 * and to the state file as fast as that can be written. It may lag: the agents know better, and are asked when a rollout
 * is resumed.
 */
export class RolloutRecord {
  readonly members: readonly StoredMember[];
  readonly #context: EngineContext;
  readonly #rolloutId: string;
  readonly #name: string;
  readonly #to: string;
  readonly #journal: JournalWriter<RolloutEvent>;
  readonly #shown = new Map<StoredMember, string>();
  #dirty = false;
  #writing: Promise<void> | undefined;

  constructor(options: {
    context: EngineContext;
    rolloutId: string;
    rollout: StoredRollout;
    /** Version of the release. */
    to: string;
    journal: JournalWriter<RolloutEvent>;
  }) {
    this.#context = options.context;
    this.#rolloutId = options.rolloutId;
    this.#name = options.rollout.name;
    this.#to = options.to;
    this.#journal = options.journal;
    this.members = structuredClone(options.rollout.members);
    for (const member of this.members) this.#shown.set(member, this.#look(member));
  }

  /** Changes a member; tells of it when anything that is shown changed. */
  change(member: StoredMember, mutate: (member: StoredMember) => void): void {
    mutate(member);
    const look = this.#look(member);
    if (this.#shown.get(member) === look) return;
    this.#shown.set(member, look);
    this.append({type: 'rollout.server', at: now(), ...serverOf(member, this.#to)});
    this.#dirty = true;
    this.#writing ??= this.#write();
  }

  append(event: RolloutEvent): void {
    this.#journal.append(event);
  }

  message(level: 'info' | 'warn', text: string): void {
    this.append({type: 'rollout.message', at: now(), level, text});
  }

  /**
   * Writes what is left to write, and with it how the rollout stands; nothing when another process has taken it over.
   * @throws OperatorError STATE_LOCKED and what else keeps the state from being written
   */
  async settle(mutate: (rollout: StoredRollout) => void = () => {}): Promise<void> {
    await this.#writing;
    await this.#context.state.change(draft => this.#put(draft, mutate));
  }

  async #write(): Promise<void> {
    while (this.#dirty) {
      this.#dirty = false;
      try {
        await this.#context.state.change(draft => this.#put(draft, () => {}));
      } catch (error) {
        this.message(
          'warn',
          `The state could not be written: ${errorDocument(asOperatorError(error)).message}`,
        );
      }
    }
    this.#writing = undefined;
  }

  #put(draft: State, mutate: (rollout: StoredRollout) => void): void {
    const rollout = findRollout(draft, this.#name);
    if (rollout.leg !== this.#rolloutId) return;
    // The scheduler's next attempt stood there for the case that this process does not begin.
    delete rollout.dueAt;
    // A server may have been renamed meanwhile.
    rollout.members = this.members.map((member, index) => ({
      ...structuredClone(member),
      server: rollout.members[index]?.server ?? member.server,
    }));
    mutate(rollout);
  }

  #look(member: StoredMember): string {
    return JSON.stringify(serverOf(member, this.#to));
  }
}

function now(): string {
  return new Date().toISOString();
}
