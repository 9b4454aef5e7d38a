import type {Engine} from '../engine/engine.js';
import type {AgentVerbs} from './agent-verbs.js';
import type {Interaction} from './interaction.js';
import type {Output} from './output.js';

/** Options that every command takes, before or after its noun and verb (CLI.md, "Everywhere"). */
export type GlobalOptions = {
  readonly home: string;
  readonly json: boolean;
  readonly nonInteractive: boolean;
  readonly yes: boolean;
  readonly confirm: string | undefined;
  readonly dryRun: boolean;
  /** The console in lines of text instead of drawn: on demand, and on a terminal that cannot draw. */
  readonly plain: boolean;
  readonly color: boolean;
};

/** What main.ts hands in: the parts that a command loads only when it needs them. */
export type Services = {
  openEngine(home: string): Promise<Engine>;
  agentVerbs(): Promise<AgentVerbs>;
  openConsole(home: string, options: {plain: boolean}): Promise<number>;
  runDemo(options: {headless: boolean; keep: boolean; plain: boolean}): Promise<number>;
  /** The body of the detached process of a run; resolves with its exit status. */
  executeRun(home: string, runId: string): Promise<number>;
  /** The same for the process of a rollout. */
  executeRollout(home: string, rolloutId: string): Promise<number>;
};

/** What a command works with. */
export type CommandContext = {
  readonly options: GlobalOptions;
  readonly output: Output;
  readonly interaction: Interaction;
  readonly services: Services;
  /** The engine of the console's home, opened on first use. */
  engine(): Promise<Engine>;
  agent(): Promise<AgentVerbs>;
  /** Calls back on every such signal until the returned function is called. */
  onSignal(signals: readonly NodeJS.Signals[], handler: (signal: NodeJS.Signals) => void): () => void;
};

/** A command's body. Resolves with the exit status, nothing meaning 0. */
export type Handler<Arguments, Options> = (
  context: CommandContext,
  args: Arguments,
  options: Options,
) => Promise<number | undefined> | Promise<void>;

/** Ties a body to commander: `program.command(…).action(register<…>(async (context, args, options) => …))`. */
export type Register = <Arguments extends readonly unknown[] = [], Options = object>(
  handler: Handler<Arguments, Options>,
) => (...parsed: unknown[]) => Promise<void>;
