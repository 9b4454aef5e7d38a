import test from 'ava';
import {findFileReferences} from '../../source/core/file-references.js';
import {OperatorError} from '../../source/core/operator-error.js';
import {formatSelected, parseSelected, type Selected} from '../../source/core/selection.js';

const selections: [text: string, selected: Selected][] = [
  ['content:1042', {kind: 'content', key: ['1042']}],
  ['content:a:b', {kind: 'content', key: ['a:b']}],
  ['content:["de","home"]', {kind: 'content', key: ['de', 'home']}],
  ['folder:366', {kind: 'folder', key: ['366']}],
  ['file:a/b c.html', {kind: 'file', path: 'a/b c.html'}],
];

for (const [text, selected] of selections)
  test(`a selection is read and written: ${text}`, t => {
    t.deepEqual(parseSelected(text), selected);
    t.is(formatSelected(selected), text);
  });

for (const text of [
  '',
  'content',
  'content:',
  'page:1',
  ':1',
  'content:[]',
  'content:[1]',
  'folder:["a"',
  'file:',
])
  test(`no selection: "${text}"`, t => {
    t.is(t.throws(() => parseSelected(text), {instanceOf: OperatorError}).code, 'USAGE');
  });

test('paths of files are taken as shells complete them', t => {
  t.deepEqual(parseSelected('file:./a/b/'), {kind: 'file', path: 'a/b'});
  t.deepEqual(parseSelected('file:/a'), {kind: 'file', path: 'a'});
});

const references: [name: string, text: string, includes: string[], excludes?: string[]][] = [
  ['a path', 'uploadedimages/a b.jpg', ['uploadedimages/a b.jpg']],
  ['an absolute path with a query', '/uploadedimages/a.jpg?v=2#x', ['uploadedimages/a.jpg']],
  ['an image', '<p><img src="/uploadedimages/fair/a.jpg" alt="x"></p>', ['uploadedimages/fair/a.jpg']],
  ['an image with a blank', "<img src='assets/my file.png'>", ['assets/my file.png']],
  ['an escaped blank', '<a href="/assets/my%20file.pdf">x</a>', ['assets/my file.pdf']],
  ['another server’s name in front', 'https://www.example.com/assets/x.csv', ['assets/x.csv']],
  ['a style', 'background: url(/assets/b.svg)', ['assets/b.svg']],
  ['Markdown', '![Fair](uploadedimages/fair.jpg)', ['uploadedimages/fair.jpg']],
  ['several sizes', '<img srcset="/assets/a.jpg 1x, /assets/b.jpg 2x">', ['assets/a.jpg', 'assets/b.jpg']],
  ['JSON', '{"image":"\\/assets\\/c.jpg"}', ['assets/c.jpg']],
  ['words', 'see assets/price-list.csv, please', ['assets/price-list.csv']],
  [
    'what leads elsewhere',
    '<img src="../../etc/passwd.txt">',
    [],
    ['../../etc/passwd.txt', 'etc/passwd.txt'],
  ],
];

for (const [name, text, includes, excludes = []] of references)
  test(`files that a text mentions: ${name}`, t => {
    const found = findFileReferences(text);
    for (const path of includes) t.true(found.includes(path), found.join(' '));
    for (const path of excludes) t.false(found.includes(path));
  });
