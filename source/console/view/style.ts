import type {TextProps} from 'ink';
import type {Tone} from './lines.js';

/** Colours of the 16 that every terminal has. */
const colours: Readonly<Record<Exclude<Tone, 'dim'>, string>> = {
  ok: 'green',
  warn: 'yellow',
  fail: 'red',
  run: 'cyan',
  accent: 'blue',
};

export function styleOf(span: {
  readonly tone?: Tone | undefined;
  readonly bold?: boolean;
  readonly inverse?: boolean;
}): Pick<TextProps, 'color' | 'dimColor' | 'bold' | 'inverse'> {
  return {
    ...(span.tone === undefined || span.tone === 'dim' ? {} : {color: colours[span.tone]}),
    ...(span.tone === 'dim' ? {dimColor: true} : {}),
    ...(span.bold ? {bold: true} : {}),
    ...(span.inverse ? {inverse: true} : {}),
  };
}
