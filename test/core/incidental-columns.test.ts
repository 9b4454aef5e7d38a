import test from 'ava';
import {incidentalColumns} from '../../source/core/incidental-columns.js';

const columns = [
  'id',
  'last_login',
  'lastSeenAt',
  'login_count',
  'hits',
  'login',
  'name',
  'visitor',
  'views',
];

test('E20: the usual columns that count visits are incidental, names and keys are not', t => {
  t.deepEqual(incidentalColumns({columns, primaryKey: ['id']}, undefined), [
    'last_login',
    'login_count',
    'hits',
    'views',
  ]);
  t.deepEqual(incidentalColumns({columns: ['hits', 'n'], primaryKey: ['hits']}, undefined), []);
});

test('E20: what agent.json names takes their place', t => {
  t.deepEqual(incidentalColumns({columns, primaryKey: ['id']}, ['visitor', 'id', 'gone']), ['visitor']);
  t.deepEqual(incidentalColumns({columns, primaryKey: ['id']}, []), []);
});
