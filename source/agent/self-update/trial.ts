import {readFileSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';

/** A new version that is tried; the launcher counts its starts, and says why it failed (source/bin/agent-program.cjs). */
export type Trial = {
  readonly update: string;
  /** When it is ended, milliseconds after its start. */
  readonly limitMs: number;
  readonly tries?: number;
  readonly failed?: string;
};

const fileIn = (folder: string) => join(folder, 'trial.json');

/** @param folder `program` in the agent's data */
export function readTrial(folder: string): Trial | undefined {
  try {
    return JSON.parse(readFileSync(fileIn(folder), 'utf8')) as Trial;
  } catch {
    return undefined;
  }
}

export async function writeTrial(folder: string, trial: Trial): Promise<void> {
  await writeFileAtomic(fileIn(folder), `${JSON.stringify(trial)}\n`, {mode: 0o600});
}

export function endTrial(folder: string): void {
  rmSync(fileIn(folder), {force: true});
}
