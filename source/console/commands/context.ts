import type {Engine} from '../../engine/engine.js';
import type {Command} from '../command.js';
import type {Answer, ConsoleEvent} from '../events.js';

/** What the carrying out of a command may use besides the engine. */
export type CommandContext = {
  /** The console's folder. */
  readonly home: string;
  /** Epoch milliseconds. */
  now(): number;
  tell(event: ConsoleEvent): void;
  /** Tells one screen; when it was closed, nobody hears it. */
  answer(screen: number, answer: Answer): void;
  /** A signal that the closing of the screen fires; an earlier one of the same screen is fired now. */
  signalOf(screen: number): AbortSignal;
};

/** How commands of these types are carried out. What a handler throws becomes an event. */
export type Handlers<T extends Command['type']> = {
  readonly [K in T]: (
    engine: Engine,
    command: Extract<Command, {type: K}>,
    context: CommandContext,
  ) => Promise<void>;
};
