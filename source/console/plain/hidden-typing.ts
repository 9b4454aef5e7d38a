import type {Readable} from 'node:stream';
import {createKeySplitter} from '../key-splitter.js';
import {editText, insertText, textInput} from '../text-input.js';

/** An input that may be a terminal, which shows what is typed unless it is told not to. */
export type TypedInput = Readable & {readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown};

/**
 * Lets a terminal show nothing of what is typed, for a password. It then neither edits the line nor makes signals of
 * keys either: `plainText` does the one, `onInterrupt` and `onEnd` are told of the other.
 * @returns how to end that
 */
export function hideTyping(
  input: TypedInput,
  {onInterrupt, onEnd}: {onInterrupt: () => void; onEnd: () => void},
): () => void {
  const listen = (chunk: Buffer | string) => {
    const text = String(chunk);
    if (text.includes(keys.interrupt)) onInterrupt();
    else if (text.startsWith(keys.end)) onEnd();
  };
  input.on('data', listen);
  input.setRawMode?.(true);
  return () => {
    input.off('data', listen);
    input.setRawMode?.(false);
  };
}

const keys = {interrupt: '\x03', end: '\x04'} as const;

/** The line that was meant by what was typed hidden: keys that edit a line are obeyed, others left out. */
export function plainText(typed: string): string {
  let line = textInput();
  const splitter = createKeySplitter({
    onKey: key => {
      line = editText(line, key) ?? line;
    },
    onPaste: text => {
      line = insertText(line, text);
    },
    // The line is whole: nothing more comes that a sequence could wait for.
    startTimer: flush => {
      flush();
      return () => {};
    },
  });
  splitter.write(typed);
  return line.value;
}
