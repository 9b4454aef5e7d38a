import test from 'ava';
import type {Frame} from '../../../source/console/view/frame.js';
import {type Block, fitText, type Line} from '../../../source/console/view/lines.js';
import {paintFrame} from '../../../source/console/view/paint-frame.js';

const widths = [1, 9, 6];

function tableOf(rows: readonly (readonly string[])[]): Block {
  return {
    kind: 'table',
    titles: ['', 'Größe', '日本'],
    rows: rows.map(cells => cells.map((cell, index) => fitText(cell, widths[index]!))),
    widths,
    alignments: ['left', 'left', 'right'],
    cursor: 1,
    tones: ['ok', undefined, 'fail'],
  };
}

function textsOf(body: readonly Block[], footer: Line = []): string[] {
  const frame: Frame = {header: [], context: [], body, message: [], footer};
  return paintFrame(frame).map(line => line.map(run => run.text).join(''));
}

test('a table has the frame of ink-table, and its texts as they are', t => {
  const table = tableOf([
    [' ', '!"#$%', 'abc'],
    ['>', '\ue000x', ''],
    [' ', '日本', '[31m'],
  ]);
  t.deepEqual(textsOf([table]).slice(2, -2), [
    '┌───┬───────────┬────────┐',
    '│   │ Größe     │   日本 │',
    '├───┼───────────┼────────┤',
    '│   │ !"#$%     │ abc    │',
    '│ > │ \ue000x        │        │',
    '│   │ 日本      │ [31m   │',
    '└───┴───────────┴────────┘',
  ]);
});

test('a line of any number of spans is drawn as its texts are, blanks and empty ones included', t => {
  const spans = Array.from({length: 300}, (_, index) => ({text: `${index % 3 === 0 ? '' : ` ${index} `}`}));
  t.is(textsOf([], spans).at(-1), spans.map(span => span.text).join(''));
});

test('as many lines as the blocks have are drawn, the empty ones too', t => {
  t.is(textsOf([{kind: 'lines', lines: [[], [{text: 'a'}], []]}]).length, 7);
});
