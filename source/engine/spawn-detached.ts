import {spawn} from 'node:child_process';
import {open, readFile, rm} from 'node:fs/promises';
import {getCompileCacheDir} from 'node:module';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {OperatorError} from '../core/operator-error.js';
import type {RunFiles} from '../state/run-files.js';

/** Milliseconds that a process is given for its first word. */
const startMs = 30_000;

/** Work that is to go on in a process of its own. */
export type DetachedWork = {
  readonly home: string;
  /** The hidden command that does it, and the id that it takes. */
  readonly command: '__runner' | '__rollout';
  readonly id: string;
  /** What a person calls it. */
  readonly what: string;
  /** Its journal has been made. */
  readonly files: RunFiles;
  /** Whether its journal has its first word; waits for it until `signal` is aborted. */
  hasStarted(signal: AbortSignal): Promise<boolean>;
};

/**
 * Starts a process that outlives this one (X3) and answers once it has begun.
 * @throws OperatorError INTERNAL when it does not start; then its files are gone
 */
export async function spawnDetached(work: DetachedWork): Promise<void> {
  const {home, command, id, what, files, hasStarted} = work;
  const log = await open(files.log, 'a', 0o600);
  const main = fileURLToPath(import.meta.resolve('#program'));
  const failed = new AbortController();
  let ended: string | undefined;
  try {
    const child = spawn(process.execPath, [main, command, id, '--home', home], {
      // A session of its own: neither a closed terminal nor Ctrl-C reaches it.
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      cwd: home,
      env: {...process.env, ...compileCache()},
    });
    child.once('error', error => {
      ended = error.message;
      failed.abort();
    });
    child.once('exit', (code, signal) => {
      ended = `it ended with ${signal ?? code}`;
      failed.abort();
    });
    child.unref();
    const patience = setTimeout(() => failed.abort(), startMs);
    try {
      if (await hasStarted(failed.signal)) return;
    } finally {
      clearTimeout(patience);
      child.removeAllListeners();
    }
    if (ended === undefined) child.kill('SIGKILL');
  } finally {
    await log.close();
  }
  // The process may have begun and ended in one breath.
  if (await hasStarted(AbortSignal.timeout(100))) return;
  const said = (await readFile(files.log, 'utf8').catch(() => '')).trim().slice(-2000);
  for (const file of [files.journal, files.request, files.log]) await rm(file, {force: true});
  throw new OperatorError(
    'INTERNAL',
    `The process of the ${what} did not start: ${ended ?? 'it said nothing'}. ${said}`,
    {
      hint: 'Nothing was changed. `lockstep doctor` checks the installation.',
    },
  );
}

/** Lets the process share the launcher's compile cache, which halves the time until its first word. */
function compileCache(): {NODE_COMPILE_CACHE?: string} {
  const folder = getCompileCacheDir();
  // Node keeps a folder of its own version inside the one that it is told of.
  return folder === undefined ? {} : {NODE_COMPILE_CACHE: path.dirname(folder)};
}
