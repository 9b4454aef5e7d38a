import {open, readFile} from 'node:fs/promises';
import {dirname} from 'node:path';
import type {Adapter} from 'lowdb';
import writeFileAtomic from 'write-file-atomic';
import {Compile} from '#typebox/compile';
import {OperatorError} from '../core/operator-error.js';
import {type State, stateSchema, stateVersion} from './state.js';

/**
 * lowdb's adapter for `state.json` (DESIGN.md, "State and scale"). lowdb's own renames without fsync and keeps only
 * the newest queued write. What cannot be understood is refused, never overwritten, and the version before the
 * last write stays beside it.
 */
export class StateAdapter implements Adapter<State> {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /**
   * @returns null when there is no file yet
   * @throws OperatorError INVALID_STATE, STATE_TOO_NEW
   */
  read = async (): Promise<State | null> => {
    const text = await readIfThere(this.#file);
    return text === undefined ? null : this.#parse(text);
  };

  /** Durable when it resolves. Only for whoever holds the lock. */
  write = async (state: State): Promise<void> => {
    const invalid = firstMistake(state);
    if (invalid !== undefined) throw new Error(`defect: the state would not be readable again (${invalid})`);
    const before = await readIfThere(this.#file);
    if (before !== undefined) {
      // A file that somebody damaged since it was read must not become the good previous version.
      this.#parse(before);
      await writeFileAtomic(`${this.#file}.previous`, before, {mode: 0o600});
    }
    await writeFileAtomic(this.#file, `${JSON.stringify(state, null, 2)}\n`, {mode: 0o600});
    await syncFolder(dirname(this.#file));
  };

  #parse(text: string): State {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw this.#invalid((error as Error).message, error);
    }
    const version = versionOf(value);
    if (version !== undefined && version > stateVersion)
      throw new OperatorError(
        'STATE_TOO_NEW',
        `${this.#file} was written by a newer Lockstep (state version ${version}, this one knows ${stateVersion}).`,
        {hint: 'Use the newer version, or another folder with --home.'},
      );
    const mistake = firstMistake(value);
    if (mistake !== undefined) throw this.#invalid(mistake);
    return value as State;
  }

  #invalid(what: string, cause?: unknown): OperatorError {
    return new OperatorError('INVALID_STATE', `${this.#file} cannot be understood: ${what}.`, {
      hint: `Correct it, or put back the version before the last change: ${this.#file}.previous. Nothing was overwritten.`,
      cause,
    });
  }
}

const compiled = Compile(stateSchema);

/** The first mistake with its place, or undefined for a valid state. */
function firstMistake(value: unknown): string | undefined {
  if (compiled.Check(value)) return undefined;
  const [first] = compiled.Errors(value);
  return `${first?.instancePath || '/'} ${first?.message ?? 'is wrong'}`;
}

function versionOf(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null || !('version' in value)) return undefined;
  return typeof value.version === 'number' ? value.version : undefined;
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes a rename durable; where a folder cannot be opened (Windows) there is nothing to do. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  if (handle === undefined) return;
  try {
    await handle.sync();
  } catch {
    // Some file systems refuse; the file itself is safe.
  } finally {
    await handle.close();
  }
}
