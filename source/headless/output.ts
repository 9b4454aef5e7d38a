import {styleText} from 'node:util';
import type {OperatorError} from '../core/operator-error.js';
import {printable} from './format.js';

/** Looks of a word; none of them carries a meaning that the word itself does not. */
export type Look = 'good' | 'bad' | 'careful' | 'quiet' | 'strong';

/** Where a command's words go: data to stdout, messages to stderr (CLI.md, "Everywhere"). */
export type Output = {
  readonly json: boolean;
  /** Whether a line may be drawn over while something takes long: a terminal that can do it, and no `--json`. */
  readonly live: boolean;
  /** Lines of text on stdout. */
  print(text: string): void;
  /** One JSON document on stdout. */
  document(value: unknown): void;
  /**
   * One JSON document on stdout whose only member is a list of any length, written as it comes. A list that fails
   * before its first item writes nothing.
   */
  list(name: string, items: AsyncIterable<unknown>): Promise<void>;
  /** One line of NDJSON on stdout. */
  event(value: unknown): void;
  /** A message on stderr. */
  tell(text: string): void;
  /** What a dry run would do: a message, or with `--json` a document that holds it. @param text `Would …` */
  would(text: string): void;
  /** Draws over the current line of stderr; '' removes it. Nothing happens when not `live`. */
  draw(text: string): void;
  /** An error on stderr, as text with its remedy or, with `--json`, as a document. */
  fail(error: OperatorError): void;
  /** The text with a look, when the terminal takes colours. */
  look(look: Look, text: string): string;
};

/** The two streams of a process, and what is known of them. */
export type Streams = {
  readonly stdout: Pick<NodeJS.WriteStream, 'write' | 'isTTY'>;
  readonly stderr: Pick<NodeJS.WriteStream, 'write' | 'isTTY'>;
  readonly environment: NodeJS.ProcessEnv;
};

const formats = {good: 'green', bad: 'red', careful: 'yellow', quiet: 'dim', strong: 'bold'} as const;

/** @param options what the command line says; `color` is false for `--no-color`. */
export function createOutput(options: {json: boolean; color: boolean}, streams: Streams): Output {
  const plain =
    !options.color ||
    options.json ||
    (streams.environment.NO_COLOR ?? '') !== '' ||
    streams.environment.TERM === 'dumb';
  const color = !plain && streams.stdout.isTTY === true;
  const live = !plain && streams.stderr.isTTY === true;
  let drawn = false;
  const erase = () => {
    if (drawn) streams.stderr.write('\r\x1b[K');
    drawn = false;
  };
  return {
    json: options.json,
    live,
    print(text) {
      erase();
      streams.stdout.write(`${text}\n`);
    },
    document(value) {
      streams.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
    },
    async list(name, items) {
      const opening = `{${JSON.stringify(name)}: [`;
      let begun = false;
      for await (const item of items) {
        streams.stdout.write(`${begun ? ',' : opening}\n  ${JSON.stringify(item)}`);
        begun = true;
      }
      streams.stdout.write(begun ? '\n]}\n' : `${opening}]}\n`);
    },
    event(value) {
      streams.stdout.write(`${JSON.stringify(value)}\n`);
    },
    tell(text) {
      erase();
      streams.stderr.write(`${text}\n`);
    },
    would(text) {
      erase();
      if (options.json)
        streams.stdout.write(`${JSON.stringify({dryRun: true, message: text}, undefined, 2)}\n`);
      else streams.stderr.write(`${text}\n`);
    },
    draw(text) {
      if (!live) return;
      erase();
      if (text === '') return;
      streams.stderr.write(text);
      drawn = true;
    },
    fail(error) {
      erase();
      streams.stderr.write(
        options.json
          ? `${JSON.stringify({error: error.toDocument()})}\n`
          : `lockstep: ${printable(error.message)}\n${error.hint === undefined ? '' : `  ${printable(error.hint)}\n`}`,
      );
    },
    look: (look, text) => (color ? styleText(formats[look], text, {validateStream: false}) : text),
  };
}
