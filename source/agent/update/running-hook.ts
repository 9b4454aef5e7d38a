import {readFileSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {isAlive, type ProcessIdentity, processIdentity} from '../../system/process-identity.js';
import type {ServiceSettings} from '../service/service-settings.js';

/** Milliseconds between two looks, and for a command to end after TERM. */
const lookMs = 100;
const endMs = 5_000;
const defaultTimeoutMs = 60_000;

type Hook = ProcessIdentity & {readonly until: number};

const fileIn = (folder: string) => join(folder, 'running-hook.json');

/** Remembers a command that changes something, so that an agent which is started again does not work against it. */
export function noteHook(folder: string, pid: number, timeoutMs = defaultTimeoutMs): void {
  const identity = processIdentity(pid);
  if (identity === undefined) return;
  const hook: Hook = {...identity, until: Date.now() + timeoutMs};
  writeFileSync(fileIn(folder), JSON.stringify(hook), {mode: 0o600});
}

/**
 * Waits for a command that an agent of before had started and that outlived it; at its timeout it is told to end, and
 * killed where agent.json says so.
 */
export async function awaitHook(
  folder: string,
  {killCommands}: Pick<ServiceSettings, 'killCommands'>,
  signal: AbortSignal,
): Promise<void> {
  const hook = readHook(folder);
  if (hook === undefined) return;
  const gone = async (untilMs: number) => {
    while (isAlive(hook)) {
      if (Date.now() >= untilMs) return false;
      await delay(lookMs, undefined, {signal});
    }
    return true;
  };
  // The clock may have been set since; longer than its own time it is not waited for in any case.
  if (!(await gone(Math.min(hook.until, Date.now() + 600_000)))) {
    signalGroup(hook.pid, 'SIGTERM');
    if (!(await gone(Date.now() + endMs)) && killCommands) {
      signalGroup(hook.pid, 'SIGKILL');
      await gone(Date.now() + endMs);
    }
  }
  rmSync(fileIn(folder), {force: true});
}

function readHook(folder: string): Hook | undefined {
  try {
    return JSON.parse(readFileSync(fileIn(folder), 'utf8')) as Hook;
  } catch {
    return undefined;
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in it.
  }
}
