import type {ItemGroups} from './item-group.js';

/** The item groups of a site whose configuration defines none of its own (E8). */
export const defaultItemGroups: ItemGroups = {
  database: {
    include: ['assets/**', 'privateassets/**', 'uploadedimages/**', 'uploadedfiles/**'],
    exclude: [],
    database: true,
  },
  workarea: {
    include: ['workarea/**'],
    exclude: [
      'workarea/ewebeditpro/**',
      'workarea/help/**',
      'workarea/explorer/**',
      'workarea/ewebdiff/**',
      'workarea/documents/**',
      'workarea/foundation/**',
      'workarea/resources/**',
      'workarea/sync/**',
    ],
  },
  templates: {
    include: [],
    // The two files hold what is true of one server only, wherever in the site they stand.
    exclude: [
      'app_webreferences/**',
      'latestchanges/**',
      'app_globalresources/**',
      'assetmanagement.config',
      'web.config',
    ],
    rest: true,
  },
  bin: {include: ['bin/**'], exclude: []},
};
