import xterm from '@xterm/headless';
import test from 'ava';
import fc from 'fast-check';
import type {PaintedLine} from '../../../source/console/view/painted-line.js';
import {TerminalScreen} from '../../../source/console/view/terminal-screen.js';

const columns = 40;
const rows = 12;

/** What a terminal shows: every cell with its character and its style; blanks look alike in most of them. */
async function look(sent: readonly string[]): Promise<string[]> {
  const terminal = new xterm.Terminal({cols: columns, rows, allowProposedApi: true});
  for (const text of sent) await new Promise<void>(resolve => terminal.write(text, resolve));
  const buffer = terminal.buffer.active;
  const shown = Array.from({length: rows}, (_, row) => {
    const line = buffer.getLine(row)!;
    return Array.from({length: columns}, (_, column) => {
      const cell = line.getCell(column)!;
      const character = cell.getChars() || ' ';
      const style = [
        cell.isInverse(),
        ...(character === ' ' ? [] : [cell.isBold(), cell.isDim(), cell.getFgColor()]),
      ];
      return `${character}${style.join()}`;
    }).join('|');
  });
  terminal.dispose();
  return shown;
}

/** Whatever is shown before, the screen ends up as if the last frame had been drawn from nothing. */
async function agrees(
  ...frames: readonly (readonly PaintedLine[])[]
): Promise<{same: boolean; sent: string[]}> {
  const screen = new TerminalScreen();
  const sent = frames.map(frame => screen.show(frame, columns));
  const anew = new TerminalScreen().show(frames.at(-1)!, columns);
  return {same: JSON.stringify(await look(sent)) === JSON.stringify(await look([anew])), sent};
}

const styles = fc.constantFrom('', '', '1', '2', '7', '1;7', '32', '31;7', '2;36');
const narrow = fc.string({unit: fc.constantFrom(...'abc  ────│x01'), maxLength: 16});
const wide = fc.string({
  unit: fc.constantFrom('a', ' ', '│', '日', '本', 'é', 'e\u0301', '🚀', '한'),
  maxLength: 8,
});

function lineOf(text: fc.Arbitrary<string>): fc.Arbitrary<PaintedLine> {
  return fc
    .array(fc.record({style: styles, text}), {maxLength: 4})
    .map(runs =>
      runs.reduce((sum, run) => sum + run.text.length * 2, 0) <= columns * 2 ? runs : runs.slice(0, 2),
    );
}

const line = fc.oneof({weight: 4, arbitrary: lineOf(narrow)}, {weight: 1, arbitrary: lineOf(wide)});
const frame = fc.array(line, {minLength: rows, maxLength: rows});

/** A frame and one in which a part of it has moved and some of it has changed, as lists and logs do. */
const movedPair = fc
  .record({
    first: frame,
    fresh: frame,
    from: fc.nat({max: rows - 1}),
    length: fc.integer({min: 3, max: rows}),
    by: fc.integer({min: -5, max: 5}),
    touched: fc.array(fc.nat({max: rows - 1}), {maxLength: 3}),
  })
  .map(({first, fresh, from, length, by, touched}) => {
    const second = first.map((before, row) => {
      if (touched.includes(row)) return fresh[row]!;
      if (row < from || row >= from + length) return before;
      const source = row + by;
      return source < from || source >= Math.min(rows, from + length) ? fresh[row]! : first[source]!;
    });
    return [first, second] as const;
  });

test('any frame after any other leaves the screen as if it had been drawn from nothing', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(frame, {minLength: 2, maxLength: 3}),
      async frames => (await agrees(...frames)).same,
    ),
    {numRuns: 150},
  );
  t.pass();
});

test('lines that move leave the screen as if it had been drawn from nothing', async t => {
  let scrolled = 0;
  await fc.assert(
    fc.asyncProperty(movedPair, async pair => {
      const {same, sent} = await agrees(...pair, pair[0]);
      if (/\x1b\[\d+;\d+r/.test(sent.join(''))) scrolled++;
      return same;
    }),
    {numRuns: 300},
  );
  t.true(scrolled > 50, `only ${scrolled} of them were scrolled`);
});

const numbered = (from: number, cursor: number): PaintedLine[] =>
  Array.from({length: rows}, (_, row) => [
    {
      style: row === cursor ? '1;7' : '',
      text: `${'abcdefghijklmnopqrstuvwxyz'.charAt(from + row).repeat(30)} row ${from + row}`.padEnd(columns),
    },
  ]);

test('a frame that is there already sends nothing', async t => {
  const screen = new TerminalScreen();
  screen.show(numbered(0, 3), columns);
  t.is(screen.show(numbered(0, 3), columns), '');
});

test('a list that goes on by one row is scrolled: sent are the row that comes, and those the cursor left and reached', async t => {
  const {same, sent} = await agrees(numbered(0, 6), numbered(1, 6));
  t.true(same);
  t.regex(sent[1]!, /^\x1b\[1;12r\x1b\[1S\x1b\[r/);
  t.notRegex(sent[1]!, /row 5 /);
  t.true(Buffer.byteLength(sent[1]!) < 4 * columns, sent[1]);
});

test('only the cells that changed are sent', async t => {
  const at = (clock: string, age: string): PaintedLine[] => [
    [
      {style: '1', text: ' lockstep'},
      {style: '', text: ' '.repeat(21)},
      {style: '2', text: clock},
    ],
    ...Array.from({length: rows - 1}, () => [{style: '', text: `name  ${age}  rest of the line`}]),
  ];
  const {same, sent} = await agrees(at('14:02:11', '  '), at('14:02:12', '  '));
  t.true(same);
  t.is(sent[1], '\x1b[1;38H\x1b[2m2\x1b[m');
});

test('another size is drawn from nothing', t => {
  const screen = new TerminalScreen();
  screen.show(numbered(0, 3), columns);
  t.true(screen.show(numbered(0, 3), columns + 1).startsWith('\x1b[H\x1b[J'));
});
