import test from 'ava';
import {withNaturalKeys} from '../../../source/agent/site/natural-keys.js';
import type {SiteDatabase} from '../../../source/agent/site/ports.js';
import type {DatabaseScan} from '../../../source/core/site-description.js';

const scan = {
  tables: [{table: 'pages', columns: ['id', 'name', 'owner'], primaryKey: ['id']}],
  warnings: [],
} as unknown as DatabaseScan;
const database = {textLimit: async () => undefined} as unknown as SiteDatabase;

for (const [what, settings, unknown] of [
  ['a title', {title: 'nme'}, 'nme'],
  ['a reference', {references: {ownr: 'users.id', owner: 'users.id'}}, 'ownr'],
  ['a natural key', {naturalKey: ['parent', 'name']}, 'parent'],
  ['nothing', {title: 'name', references: {owner: 'users.id'}, naturalKey: ['name']}, undefined],
] as const)
  test(`a scan warns of columns that agent.json names and a table does not have: ${what}`, async t => {
    const {warnings} = await withNaturalKeys(scan, database, {pages: settings});
    t.deepEqual(
      warnings,
      unknown === undefined ? [] : [`agent.json names columns that table pages does not have: ${unknown}.`],
    );
  });
