import type {PaintedLine, Run} from './painted-line.js';

/** A line with places into which texts are put later: a run has either a text or a slot. */
export type Template = readonly (Run & {readonly slot?: number})[];

/**
 * Slots are drawn as characters of one cell which are nowhere else in a template: those of ASCII, which Ink measures
 * fastest, and then those for private use.
 */
const plainSlots = {first: 0x21, count: 0x5e} as const;
const otherSlots = {first: 0xe000, count: 0x1000} as const;

/** The character that stands for a slot while a template is drawn. @param index below 4,190 */
export function slot(index: number): string {
  const {first, count} = plainSlots;
  return String.fromCharCode(index < count ? first + index : otherSlots.first + index - count);
}

/** @returns undefined for a character that is drawn as it is */
function slotOf(character: string): number | undefined {
  const code = character.charCodeAt(0);
  if (code >= plainSlots.first && code < plainSlots.first + plainSlots.count) return code - plainSlots.first;
  if (code < otherSlots.first || code >= otherSlots.first + otherSlots.count) return undefined;
  return code - otherSlots.first + plainSlots.count;
}

/** What switches a style off again, with all that it ends; 0 is said by its absence here. */
const endsOf: Readonly<Record<string, (code: string) => boolean>> = {
  22: code => code === '1' || code === '2',
  23: code => code === '3',
  24: code => code === '4',
  27: code => code === '7',
  29: code => code === '9',
  39: code => /^(3|9)[0-7]$/.test(code),
  49: code => /^(4|10)[0-7]$/.test(code),
};

/** @param drawn a line with SGR sequences of the 16 colours and with slots */
export function parseTemplate(drawn: string): Template {
  const parts: (Run & {slot?: number})[] = [];
  let active: readonly string[] = [];
  let text = '';
  const endRun = (): void => {
    if (text !== '') parts.push({style: active.join(';'), text});
    text = '';
  };
  for (const [piece, codes] of drawn.matchAll(/\x1b\[([\d;]*)m|[\s\S]/gu)) {
    if (codes !== undefined) {
      endRun();
      for (const code of codes.split(';')) active = withCode(active, code);
      continue;
    }
    const index = slotOf(piece);
    if (index === undefined) text += piece;
    else {
      endRun();
      parts.push({style: active.join(';'), text: '', slot: index});
    }
  }
  endRun();
  return parts;
}

function withCode(active: readonly string[], code: string): readonly string[] {
  if (code === '' || code === '0') return [];
  const ends = endsOf[code];
  return ends === undefined
    ? [...active.filter(other => other !== code), code]
    : active.filter(other => !ends(other));
}

/** @param textOf the text of a slot */
export function fillTemplate(template: Template, textOf: (slot: number) => string): PaintedLine {
  return template.map(run => (run.slot === undefined ? run : {style: run.style, text: textOf(run.slot)}));
}
