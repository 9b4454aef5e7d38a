import test from 'ava';
import {defaultItemGroups} from '../../source/core/default-groups.js';
import {type LiveSite, liveStages} from '../../source/core/live-stages.js';

const tables = ['users', 'roles', 'user_roles', 'pages', 'clips', 'keywords', 'newsletter'];
const groups = defaultItemGroups;

/** `phase tenant: tables` of every phase. */
function stagesOf(site: LiveSite, tenants: string[], extra?: string[]): string[] {
  return liveStages(site, tenants, extra).map(
    ({phase, tenant = '-', acceptsTable}) => `${phase} ${tenant}: ${tables.filter(acceptsTable).join(' ')}`,
  );
}

const tableGroups = {rights: ['users', 'roles', 'user_roles'], desktop: ['pages'], multimedia: ['clips']};

test('users are pulled, all rights pushed, then tenant by tenant; what no group claims goes along (G4, G5)', t => {
  t.deepEqual(stagesOf({groups, tableGroups}, ['desktop', 'multimedia']), [
    'rights-pull -: users',
    'rights-push -: users roles user_roles',
    'tenant-pull desktop: pages keywords newsletter',
    'tenant-push desktop: pages keywords newsletter',
    'tenant-pull multimedia: clips keywords newsletter',
    'tenant-push multimedia: clips keywords newsletter',
  ]);
});

test('extra tables that are named, by group or by table, are the only ones that go along', t => {
  t.deepEqual(
    stagesOf(
      {groups, tableGroups: {...tableGroups, mail: ['news*']}},
      ['desktop'],
      ['mail', 'keywords'],
    ).slice(2),
    ['tenant-pull desktop: pages keywords newsletter', 'tenant-push desktop: pages keywords newsletter'],
  );
  t.deepEqual(stagesOf({groups, tableGroups}, ['desktop'], ['keywords']).slice(2), [
    'tenant-pull desktop: pages keywords',
    'tenant-push desktop: pages keywords',
  ]);
});

test('tables that the configuration calls users are pulled; without any all rights are', t => {
  t.is(stagesOf({groups, tableGroups, userTables: ['roles']}, [])[0], 'rights-pull -: roles');
  t.is(stagesOf({groups, tableGroups: {rights: ['roles', 'pages']}}, [])[0], 'rights-pull -: roles pages');
});

test('without a group of rights there is no rights phase; a group with the database takes what others leave', t => {
  const site = {
    groups: {...groups, desktop: {include: ['www/**'], exclude: [], database: true}},
    tableGroups: {multimedia: ['clips']},
  };
  t.deepEqual(stagesOf(site, ['desktop', 'multimedia'], []), [
    'tenant-pull desktop: users roles user_roles pages keywords newsletter',
    'tenant-push desktop: users roles user_roles pages keywords newsletter',
    'tenant-pull multimedia: clips',
    'tenant-push multimedia: clips',
  ]);
});

test('the files of a tenant are its item group, else the folder of its name', t => {
  const site = {groups: {multimedia: {include: ['media/**'], exclude: ['media/raw/**']}}, tableGroups};
  const stages = liveStages(site, ['desktop', 'multimedia'], undefined);
  t.deepEqual(stages.find(({tenant}) => tenant === 'desktop')?.group.include, ['desktop/**']);
  t.deepEqual(stages.find(({tenant}) => tenant === 'multimedia')?.group.exclude, ['media/raw/**']);
});
