import {spawn} from 'node:child_process';
import {setTimeout as delay} from 'node:timers/promises';

/** Bytes of a command's output that are kept: the last ones, where errors stand. */
const keptOutput = 16 * 1024;
/** How long a command that was told to end may take before it is killed, in milliseconds. */
const graceMs = 5_000;
/** Silence after which output is not waited for any more, in milliseconds: a daemon that was started may hold it open. */
const drainMs = 300;

export type CommandEnd = {
  readonly end: 'done' | 'failed' | 'timeout' | 'interrupted';
  readonly error?: string;
  /** Standard output and error together, as they came. */
  readonly output: string;
};

/**
 * Runs a configured command without a shell, in a process group of its own, so that what it started ends with it:
 * TERM at the timeout, KILL to what is still there after 5 seconds unless that is not wanted.
 * @param input is written to its standard input
 * @param signal ends it as the timeout does
 */
export async function runCommand(command: {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly input?: string;
  readonly signal?: AbortSignal;
  /** Whether what ignores TERM is killed; else it is left alone, which the error says. True when absent. */
  readonly kill?: boolean;
  /** Told the process as soon as it runs. */
  readonly onStarted?: (pid: number) => void;
}): Promise<CommandEnd> {
  const {argv, signal, timeoutMs, kill = true} = command;
  const [program = '', ...rest] = argv;
  const output = new TailBuffer(keptOutput);
  const child = spawn(program, rest, {
    cwd: command.cwd,
    env: {...process.env, ...command.environment, LOCKSTEP_FAULT: undefined},
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  if (child.pid !== undefined) command.onStarted?.(child.pid);
  const told: {why: 'timeout' | 'interrupted' | undefined} = {why: undefined};
  let killer: NodeJS.Timeout | undefined;
  const {promise: ignored, resolve: giveUp} = Promise.withResolvers<'ignored'>();
  const end = (why: 'timeout' | 'interrupted') => {
    if (told.why !== undefined) return;
    told.why = why;
    signalGroup(child.pid, 'SIGTERM');
    killer = setTimeout(() => {
      if (kill) signalGroup(child.pid, 'SIGKILL');
      else giveUp('ignored');
    }, graceMs);
  };
  const timer = setTimeout(() => end('timeout'), timeoutMs);
  const interrupt = () => end('interrupted');
  signal?.addEventListener('abort', interrupt, {once: true});
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.add(chunk));
  // A command that does not read its input is none of our business.
  child.stdin.on('error', () => {});
  child.stdin.end(command.input ?? '');
  try {
    if (signal?.aborted) interrupt();
    const exited = new Promise<{code: number | null; signal: NodeJS.Signals | null} | Error>(resolve => {
      child.once('error', resolve);
      child.once('exit', (code, by) => resolve({code, signal: by}));
    });
    const exit = await Promise.race([exited, ignored]);
    if (exit === 'ignored') {
      child.unref();
      return {
        end: 'timeout',
        error: `it took longer than ${timeoutMs} ms, was told to end, and still runs as process ${child.pid}`,
        output: output.text(),
      };
    }
    if (exit instanceof Error) return {end: 'failed', error: exit.message, output: ''};
    await drained(child, output);
    // What it left behind of its group does not outlive a command that was ended.
    if (told.why !== undefined && kill) signalGroup(child.pid, 'SIGKILL');
    const text = output.text();
    if (told.why === 'timeout')
      return {end: 'timeout', error: `it took longer than ${timeoutMs} ms and was ended`, output: text};
    if (told.why === 'interrupted')
      return {end: 'interrupted', error: 'the agent was stopped meanwhile', output: text};
    if (exit.code === 0) return {end: 'done', output: text};
    const error = exit.code === null ? `it was ended by ${exit.signal}` : `it ended with ${exit.code}`;
    return {end: 'failed', error, output: text};
  } finally {
    clearTimeout(timer);
    clearTimeout(killer);
    signal?.removeEventListener('abort', interrupt);
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  }
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in it.
  }
}

/** Waits for what the ended command has printed: until its output is closed, or silent for a while. */
async function drained(child: ReturnType<typeof spawn>, output: TailBuffer): Promise<void> {
  let closed = false;
  child.once('close', () => {
    closed = true;
  });
  for (let seen = -1; !closed && output.received > seen; ) {
    seen = output.received;
    for (let waitedMs = 0; !closed && waitedMs < drainMs; waitedMs += 20) await delay(20);
  }
}

/** The last bytes of a stream. */
class TailBuffer {
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #size = 0;
  #cut = false;
  /** Bytes that came, kept or not. */
  received = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    this.received += chunk.length;
    if (this.#size <= 2 * this.#limit) return;
    const tail = Buffer.concat(this.#chunks).subarray(-this.#limit);
    this.#chunks = [Buffer.from(tail)];
    this.#size = tail.length;
    this.#cut = true;
  }

  text(): string {
    const all = Buffer.concat(this.#chunks);
    const text = all.subarray(-this.#limit).toString('utf8');
    return this.#cut || all.length > this.#limit ? `…${text}` : text;
  }
}
