import test from 'ava';
import stringWidth from 'string-width';
import {renderFacts, renderTable} from '../../source/headless/table.js';

test('columns are aligned by what a terminal shows, not by characters', t => {
  const lines = renderTable(
    [{title: 'NAME'}, {title: 'N', align: 'right'}, {title: 'END'}],
    [
      ['図書館', '7', '|'],
      ['\x1b[32mok\x1b[39m', '120', '|'],
      ['👍', '1', '|'],
    ],
  ).split('\n');
  const ends = lines.slice(1).map(line => stringWidth(line.slice(0, line.indexOf('|'))));
  t.is(new Set(ends).size, 1);
  t.is(lines[0], 'NAME      N  END');
});

test('lines have no blanks at their end', t => {
  t.notRegex(renderTable([{title: 'A'}, {title: 'LONG'}], [['1', '']]), / $/m);
});

test('facts stand under each other', t => {
  t.is(
    renderFacts([
      ['a', '1'],
      ['long', '2'],
    ]),
    'a     1\nlong  2',
  );
});
