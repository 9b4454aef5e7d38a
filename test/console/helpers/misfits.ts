import type {Model} from '../../../source/console/model.js';
import {drawFrame, frameLines} from '../../../source/console/view/frame.js';
import {blockHeight, textOf, widthOf} from '../../../source/console/view/lines.js';

/** What of a frame does not fit its terminal: every line is to be as wide, and all of them as many as it has. */
export function misfits(model: Model): string[] {
  const frame = drawFrame(model);
  const found: string[] = [];
  const height = frame.body.reduce((sum, block) => sum + blockHeight(block), 0);
  if (height !== model.rows - frameLines) found.push(`the body has ${height} lines`);
  const lines = [frame.header, frame.context, frame.message, frame.footer].concat(
    frame.body.flatMap(block => (block.kind === 'lines' ? block.lines : [])),
  );
  for (const line of lines.map(textOf)) {
    if (widthOf(line) !== model.columns) found.push(`${widthOf(line)} characters: ${line}`);
    if (/[\x00-\x1f\u202a-\u202e]/.test(line)) found.push(`control characters: ${line}`);
  }
  for (const block of frame.body) {
    if (block.kind === 'lines') continue;
    const width = block.widths.reduce((sum, cell) => sum + cell + 3, 1);
    if (width !== model.columns) found.push(`a table has ${width} characters: ${block.titles.join(' | ')}`);
    for (const row of block.rows) {
      if (row.some((cell, index) => widthOf(cell) !== block.widths[index]))
        found.push(`a row does not fit its columns: ${row.join(' | ')}`);
      if (/[\x00-\x1f\u202a-\u202e]/.test(row.join(''))) found.push(`control characters: ${row.join(' | ')}`);
    }
  }
  return found;
}
