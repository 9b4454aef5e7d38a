import {
  drawLineTemplate,
  drawTableTemplate,
  type RowStyle,
  ruleSlots,
  type TableTemplate,
} from './draw-templates.js';
import type {Frame} from './frame.js';
import {type Block, fitText, type Line} from './lines.js';
import type {PaintedLine} from './painted-line.js';
import {fillTemplate, type Template} from './template.js';

/** A frame as lines of styled text, from top to bottom: its texts in the forms that Ink draws. */
export function paintFrame(frame: Frame): readonly PaintedLine[] {
  return [
    paintLine(frame.header),
    paintLine(frame.context),
    ...frame.body.flatMap(block => (block.kind === 'table' ? paintTable(block) : block.lines.map(paintLine))),
    paintLine(frame.message),
    paintLine(frame.footer),
  ];
}

const lineTemplates = new Map<string, Template>();
const tableTemplates = new Map<string, TableTemplate>();

function paintLine(line: Line): PaintedLine {
  if (line.length === 0) return [];
  const form = line
    .map(({tone, bold, inverse}) => `${tone ?? ''}${bold ? 'B' : ''}${inverse ? 'I' : ''}`)
    .join();
  const template = remembered(lineTemplates, form, () => drawLineTemplate(line));
  return fillTemplate(template, index => line[index]!.text);
}

function paintTable({
  titles,
  rows,
  widths,
  alignments,
  cursor,
  tones,
}: Extract<Block, {kind: 'table'}>): PaintedLine[] {
  const templateOf = (style: RowStyle) =>
    remembered(tableTemplates, `${widths.length} ${style.tone ?? ''} ${style.selected}`, () =>
      drawTableTemplate(widths.length, style),
    );
  const edges = templateOf({selected: false, tone: undefined});
  const ruled = (template: Template) =>
    fillTemplate(template, index => '─'.repeat(widths[index - ruleSlots]! + 2));
  return [
    ruled(edges.top),
    fillTemplate(edges.heading, index => fitText(titles[index]!, widths[index]!, alignments[index])),
    ruled(edges.rule),
    ...rows.map((cells, at) =>
      fillTemplate(templateOf({selected: at === cursor, tone: tones[at]}).row, index => cells[index]!),
    ),
    ruled(edges.bottom),
  ];
}

/** Forms are few; a screen that makes ever new ones must not fill the memory with them. */
const templateLimit = 500;

function remembered<T>(known: Map<string, T>, key: string, draw: () => T): T {
  const found = known.get(key);
  if (found !== undefined) return found;
  if (known.size >= templateLimit) known.clear();
  const drawn = draw();
  known.set(key, drawn);
  return drawn;
}
