import xterm from '@xterm/headless';
import {spawn} from 'node-pty';

/** Time that a step of a script may take; a loaded machine is slow, a broken script is not waited for. */
const stepMs = 60_000;

/** A step of a script: keys as a terminal sends them, and what the screen shows then. */
export type Step = readonly [keys: string, shows: RegExp];

/** Keys as a terminal sends them. */
export const keys = {
  enter: '\r',
  escape: '\x1b',
  tab: '\t',
  space: ' ',
  down: '\x1b[B',
  right: '\x1b[C',
  save: '\x13',
  clear: '\x15',
} as const;

/** A program on a pseudo-terminal, and what is on its screen. */
export class Terminal {
  readonly buffer: xterm.Terminal;
  readonly ended: Promise<number>;
  readonly #write: (text: string) => void;
  readonly #resize: (columns: number, rows: number) => void;
  readonly kill: () => void;
  #changed: (() => void) | undefined;

  constructor(
    argv: readonly string[],
    options: {
      columns?: number;
      rows?: number;
      folder?: string;
      environment?: Record<string, string>;
    } = {},
  ) {
    const {columns = 120, rows = 40, folder} = options;
    this.buffer = new xterm.Terminal({cols: columns, rows, allowProposedApi: true, scrollback: 0});
    // A build server's CI variable switches colour off, too.
    const {NO_COLOR: _plain, FORCE_COLOR: _forced, CI: _ci, ...inherited} = process.env;
    const child = spawn(process.execPath, [...argv], {
      cols: columns,
      rows,
      ...(folder === undefined ? {} : {cwd: folder}),
      env: {...inherited, TERM: 'xterm-256color', TZ: 'UTC', ...options.environment} as Record<
        string,
        string
      >,
    });
    child.onData(data => this.buffer.write(data, () => this.#changed?.()));
    this.#write = text => child.write(text);
    this.ended = new Promise(resolve => child.onExit(({exitCode}) => resolve(exitCode)));
    this.#resize = (toColumns, toRows) => child.resize(toColumns, toRows);
    this.kill = () => child.kill('SIGKILL');
  }

  /** As somebody does who pulls at a corner of the window. */
  resize(columns: number, rows: number): void {
    this.buffer.resize(columns, rows);
    this.#resize(columns, rows);
  }

  /** Plays a script to its end. @throws Error with the screen when a step does not show what it should. */
  async play(script: readonly Step[]): Promise<void> {
    for (const [keys, shows] of script) {
      this.#write(keys);
      await this.shows(shows, JSON.stringify(keys));
    }
  }

  async shows(pattern: RegExp, after = 'what was there'): Promise<void> {
    try {
      await this.until(() => pattern.test(this.text()));
    } catch {
      throw new Error(`after ${after} the screen does not show ${pattern}:\n${this.text()}`);
    }
  }

  /** Looks whenever something was drawn, and every second. @throws Error when it takes longer than a step may. */
  async until(holds: () => boolean): Promise<void> {
    const end = Date.now() + stepMs;
    while (!holds()) {
      const left = end - Date.now();
      if (left <= 0) throw new Error('it took too long');
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, Math.min(left, 1000));
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  text(): string {
    return this.lines().join('\n');
  }

  lines(): string[] {
    const {rows, cols} = this.buffer;
    const {active} = this.buffer.buffer;
    // A line that was longer once keeps what nobody sees any more.
    const lineAt = (row: number) => active.getLine(row)?.translateToString(true, 0, cols) ?? '';
    return Array.from({length: rows}, (_, row) => lineAt(row));
  }
}

/** A text as a terminal pastes it. */
export function pasted(text: string): string {
  return `\x1b[200~${text}\x1b[201~`;
}

/** What a terminal shows once the console has given it back. */
export const leftConsole = /^(?![\s\S]*lockstep ›)/;
