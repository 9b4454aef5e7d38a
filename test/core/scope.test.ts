import test from 'ava';
import {defaultItemGroups} from '../../source/core/default-groups.js';
import type {ItemGroups} from '../../source/core/item-group.js';
import {OperatorError} from '../../source/core/operator-error.js';
import {parsePatterns} from '../../source/core/patterns.js';
import type {FileFilter} from '../../source/core/profile.js';
import {createScope} from '../../source/core/scope.js';

function scopeOf(
  items: string[],
  filter: FileFilter = {kind: 'none'},
  groups: ItemGroups = defaultItemGroups,
  remote: ItemGroups = groups,
) {
  return createScope({groups: {local: groups, remote}, items, filter});
}

const only = (...patterns: string[]): FileFilter => ({kind: 'only', patterns});
const exclude = (...patterns: string[]): FileFilter => ({kind: 'exclude', patterns});

/** title, items, filter, accepted paths, refused paths; a path that ends in a slash is a folder. */
const cases: [string, string[], FileFilter, string[], string[]][] = [
  [
    'database takes the resource folders',
    ['database'],
    {kind: 'none'},
    ['assets/', 'assets/a/b.png', 'privateassets/x.doc', 'uploadedimages/a.gif', 'uploadedfiles/z.pdf'],
    ['index.aspx', 'bin/a.dll', 'workarea/a.js', 'site/assets/b.png'],
  ],
  [
    'workarea leaves its own tools out',
    ['workarea'],
    {kind: 'none'},
    ['workarea/', 'workarea/a.js', 'workarea/csslib/a.css', 'workarea/x/help/a.html'],
    [
      'workarea/help/',
      'workarea/help/a.html',
      'workarea/sync/x/y.js',
      'workarea/ewebeditpro/e.js',
      'workarea/resources/r.js',
      'assets/a.png',
    ],
  ],
  [
    'templates are the rest of the site root',
    ['templates'],
    {kind: 'none'},
    ['index.aspx', 'css/site.css', '.htaccess', 'help/a.html', 'site/assets/b.png'],
    [
      'assets/a.png',
      'workarea/a.js',
      'workarea/help/a.html',
      'bin/a.dll',
      'app_webreferences/x.wsdl',
      'latestchanges/',
      'app_globalresources/a.resx',
      'web.config',
      'sub/web.config',
      'assetmanagement.config',
    ],
  ],
  ['bin is the bin folder', ['bin'], {kind: 'none'}, ['bin/', 'bin/a.dll'], ['sub/bin/a.dll', 'bins/a.dll']],
  [
    'several items add up',
    ['bin', 'database'],
    {kind: 'none'},
    ['bin/a.dll', 'assets/a.png'],
    ['index.aspx'],
  ],
  [
    'the general exceptions never travel',
    ['templates', 'bin', 'database'],
    {kind: 'none'},
    ['a.txt.gz', 'txt', 'notes.txt/'],
    ['a.txt', 'x/b.config', 'bin/a.dll.config', 'assets/readme.txt', 'c.sln'],
  ],
  [
    'only lifts the general exceptions',
    ['templates'],
    only('*.txt'),
    ['a.txt', 'sub/deep/b.txt'],
    ['a.html', 'sub/', 'c.sln'],
  ],
  [
    'only does not lift what the group leaves out',
    ['templates'],
    only('*.config'),
    ['a.config', 'sub/b.config'],
    ['web.config', 'sub/web.config', 'assetmanagement.config', 'bin/a.config'],
  ],
  [
    'only with a slash is relative to the root',
    ['templates'],
    only('docs/*.html'),
    ['docs/a.html'],
    ['docs/sub/a.html', 'x/docs/a.html', 'docs/'],
  ],
  [
    'a pattern that matches a folder covers what is below',
    ['templates'],
    only('docs'),
    ['docs/', 'docs/a.txt', 'docs/sub/b.html', 'x/docs/c.html'],
    ['doc/a.html', 'index.aspx'],
  ],
  [
    'a pattern with a leading slash is relative to the root',
    ['templates'],
    only('/docs'),
    ['docs/a.html'],
    ['x/docs/a.html'],
  ],
  [
    'exclude takes out names at any depth',
    ['templates'],
    exclude('*.doc', '*.gif'),
    ['a.html', 'a.doc.html'],
    ['a.doc', 'x/y/b.gif', 'c.txt'],
  ],
  [
    'exclude of a folder takes out what is below',
    ['templates'],
    exclude('cache', 'a/b/**'),
    ['a/c.html'],
    ['cache/', 'x/cache/y/z.html', 'a/b/', 'a/b/c.html'],
  ],
  ['case counts', ['templates'], exclude('*.GIF'), ['a.gif'], ['a.GIF']],
  [
    'braces, classes and question marks',
    ['templates'],
    exclude('*.{gif,png}', 'a[0-9]?.css'),
    ['a.jpg', 'ab.css'],
    ['x/a.png', 'a.gif', 'a1x.css'],
  ],
  [
    'a name with a line feed is matched like any other',
    ['templates'],
    exclude('tmp/**', '*.bak'),
    ['a\nb.html'],
    ['tmp/a\nb', 'a\nb.bak'],
  ],
  ['an exclamation mark is a character', ['templates'], exclude('!a'), ['a', 'b'], ['!a']],
];

for (const [title, items, filter, accepted, refused] of cases)
  test(title, t => {
    const scope = scopeOf(items, filter);
    const accepts = (path: string) => scope.accepts(path.replace(/\/$/, ''), path.endsWith('/'));
    t.deepEqual(
      accepted.filter(path => !accepts(path)),
      [],
      'accepted',
    );
    t.deepEqual(
      refused.filter(path => accepts(path)),
      [],
      'refused',
    );
  });

test('a path is in scope only where the groups of both sides have it', t => {
  const narrower = {...defaultItemGroups, bin: {include: ['bin/**'], exclude: ['*.pdb']}};
  for (const scope of [
    scopeOf(['bin'], {kind: 'none'}, defaultItemGroups, narrower),
    scopeOf(['bin'], {kind: 'none'}, narrower, defaultItemGroups),
  ]) {
    t.true(scope.accepts('bin/a.dll', false));
    t.false(scope.accepts('bin/a.pdb', false));
  }
});

test('only an item with a database includes the rows', t => {
  t.true(scopeOf(['bin', 'database']).includesDatabase);
  t.false(scopeOf(['bin', 'templates']).includesDatabase);
});

test('an unknown item is named together with those that exist', t => {
  const error = t.throws(() => scopeOf(['tempaltes']), {instanceOf: OperatorError});
  t.is(error?.code, 'USAGE');
  t.regex(error?.message ?? '', /tempaltes/);
  t.regex(error?.hint ?? '', /bin, database, templates, workarea/);
  t.throws(() => scopeOf(['constructor']), {instanceOf: OperatorError});
});

test('a pattern list is split at commas, blanks around them do not count', t => {
  t.deepEqual(parsePatterns(' *.doc ,*.gif,, a b.txt ,*.{x,y} '), ['*.doc', '*.gif', 'a b.txt', '*.{x,y}']);
  t.deepEqual(parsePatterns('  '), []);
});
