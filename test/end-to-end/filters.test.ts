import test from 'ava';
import {createWorld} from '../helpers/lockstep.js';

const files = {
  'a.html': 'a',
  'readme.txt': 't',
  'web.config': 'never',
  'docs/letter.doc': 'd',
  'docs/deep/letter.doc': 'd',
  'docs/picture.gif': 'g',
  'workarea/menu.json': '{}',
  'workarea/help/index.html': 'never',
  'bin/site.js': 'x',
  'assets/logo.svg': '<svg/>',
};

const cases = [
  [
    'E8: templates are the rest of the root',
    ['--items', 'templates'],
    ['a.html', 'docs/deep/letter.doc', 'docs/letter.doc', 'docs/picture.gif'],
  ],
  ['E8: workarea without help', ['--items', 'workarea'], ['workarea/menu.json']],
  ['E8: bin', ['--items', 'bin'], ['bin/site.js']],
  ['E8: database has the resource folders', ['--items', 'database'], ['assets/logo.svg']],
  [
    'E9: only a pattern without a slash, at any depth',
    ['--items', 'templates', '--only', '*.doc, *.none'],
    ['docs/deep/letter.doc', 'docs/letter.doc'],
  ],
  [
    'E9: exclude a pattern with a slash, from the root',
    ['--items', 'templates', '--exclude', 'docs/*.doc,*.gif'],
    ['a.html', 'docs/deep/letter.doc'],
  ],
  [
    'E9: only lifts the general exceptions, not the item’s own',
    ['--items', 'templates', '--only', '*.txt,*.config'],
    ['readme.txt'],
  ],
] as const;

test.serial(
  'E8, E9: an item group and a filter say what goes, the same in a preview and in a run',
  async t => {
    const world = createWorld(t);
    const {remote} = await world.pairOfServers({files});
    for (const [index, [name, options, expected]] of cases.entries()) {
      await world.profile(`pair/p${index}`, '--direction', 'upload', ...options);
      const {actions} = await world.preview(`pair/p${index}`);
      const going = actions.flatMap(({item}) =>
        item.path !== undefined && item.path in files ? [item.path] : [],
      );
      t.deepEqual(going.sort(), [...expected].sort(), name);
    }
    // What was previewed of the first arrives, and what the others add comes on top.
    for (const index of cases.keys()) await world.run(`pair/p${index}`);
    const arrived = Object.entries(remote.site.files())
      .filter(([, what]) => !what.startsWith('folder'))
      .map(([path]) => path);
    t.deepEqual(arrived.sort(), [...new Set(cases.flatMap(([, , expected]) => expected))].sort());
  },
);

test.serial('E9: a filter that newly excludes something never deletes it', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers({files});
  await world.profile('pair/p', '--items', 'templates');
  await world.run('pair/p');
  await world.must('profile', 'edit', 'pair/p', '--exclude', '*.doc');
  local.site.remove('docs/letter.doc');
  t.like(await world.run('pair/p'), {applied: 0, deleted: 0});
  t.true(remote.site.has('docs/letter.doc'));
  await world.must('profile', 'edit', 'pair/p', '--no-filter');
  t.like(await world.run('pair/p'), {applied: 1, deleted: 1});
  t.false(remote.site.has('docs/letter.doc'));
});

test.serial('a folder that goes keeps what a filter excludes', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers({files});
  await world.profile('pair/p', '--items', 'templates', '--max-delete', '100%');
  await world.run('pair/p');
  remote.site.write('docs/server-only.config', 'keep me');
  local.site.remove('docs');
  await world.run('pair/p');
  t.deepEqual(
    Object.keys(remote.site.files()).filter(path => path.startsWith('docs')),
    ['docs', 'docs/server-only.config'],
  );
});

test.serial('E8: an unknown item group is a usage error that lists what there is', async t => {
  const world = createWorld(t);
  await world.pairOfServers();
  const made = await world.lockstep(
    'profile',
    'create',
    'pair/p',
    '--items',
    'nonsense',
    '--direction',
    'upload',
    '--json',
  );
  const outcome = made.exitCode === 0 ? await world.lockstep('preview', 'pair/p', '--json') : made;
  t.is(outcome.exitCode, 64);
  t.regex(`${outcome.error().message} ${outcome.error().hint}`, /templates/);
});
