import {spawn} from 'node:child_process';
import {access, constants} from 'node:fs/promises';
import {delimiter, join} from 'node:path';
import type {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {OperatorError} from '../../core/operator-error.js';

/** What a tool says on stderr is kept to this, characters. */
const saidLimit = 4_000;

/**
 * The first of the named programs that is on PATH, as an absolute path.
 * @throws OperatorError BACKUP_TOOL_MISSING naming them and what brings them
 */
export async function findTool(names: readonly string[], comesWith: string): Promise<string> {
  for (const name of names)
    for (const folder of (process.env.PATH ?? '').split(delimiter).filter(entry => entry !== '')) {
      const file = join(folder, name);
      try {
        await access(file, constants.X_OK);
        return file;
      } catch {
        // The next folder.
      }
    }
  throw new OperatorError('BACKUP_TOOL_MISSING', `${names.join(' or ')} is not on the agent's PATH.`, {
    hint: `Install ${comesWith} on the server, or add its folder to the PATH of the agent's service.`,
  });
}

/**
 * Runs one of an engine's tools to its end.
 * @param options `env` is added to the agent's own: passwords belong there or into a file, never into `args`, which
 *   every user of the machine can read; `stdin` is fed to it, `stdout` receives what it writes
 * @throws Error with what the tool said
 */
export async function runTool(
  tool: string,
  args: readonly string[],
  options: {
    env?: Readonly<Record<string, string>>;
    stdin?: Readable;
    stdout?: NodeJS.WritableStream;
    signal: AbortSignal;
  },
): Promise<void> {
  const {env, stdin, stdout, signal} = options;
  signal.throwIfAborted();
  const child = spawn(tool, args, {
    env: {...process.env, ...env, LC_ALL: 'C'},
    stdio: [stdin === undefined ? 'ignore' : 'pipe', stdout === undefined ? 'ignore' : 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGTERM',
  });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-saidLimit);
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, killedBy) => {
      if (code === 0) resolve();
      else reject(new Error(said.trim() || `${tool} ended with ${killedBy ?? code}`));
    });
  });
  // The tool's own words say more than the pipe that broke when it ended.
  const piped = [
    ...(stdin === undefined ? [] : [pipeline(stdin, child.stdin!)]),
    ...(stdout === undefined ? [] : [pipeline(child.stdout!, stdout)]),
  ].map(pipe => pipe.then(() => undefined).catch((error: unknown) => error));
  await ended;
  const broken = (await Promise.all(piped)).find(error => error !== undefined);
  if (broken !== undefined) throw broken;
}
