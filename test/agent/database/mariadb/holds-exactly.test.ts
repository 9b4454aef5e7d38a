import test from 'ava';
import {holdsExactly} from '../../../../source/agent/database/mariadb/holds-exactly.js';

for (const [type, value, expected] of [
  ['int(11) unsigned zerofill', 'i42', true],
  ['bigint(20) unsigned', 't18446744073709551615', true],
  ['int(11)', 't4x', false],
  ['int(11)', null, true],
  ['decimal(10,2)', 't1.50', true],
  ['decimal(10,2)', 't1.5', false],
  ['decimal(10,2)', 't1.505', false],
  ['decimal(10,0)', 't15', true],
  ['decimal(10,2) unsigned zerofill', 't1.50', undefined],
  ['float', 'r0.10000000149011612', true],
  ['float', 'r0.1', false],
  ['float(7,4)', 'r0.5', undefined],
  ['double', 'r0.1', true],
  ['double(20,3)', 'r0.1', undefined],
  ['char(10)', 'tpad', true],
  ['char(10)', 'tpad ', false],
  ['varchar(10)', 'tpad ', true],
  ['longtext', 'bAA==', false],
  ['binary(4)', 'bYWI=', false],
  ['binary(2)', 'bYWI=', true],
  ['longblob', 'bYWI=', true],
  ['datetime(6)', 't2026-11-21 01:02:03.000004', true],
  ['datetime', 't2026-11-21 01:02:03.000004', false],
  ['time(3)', 't-838:59:59.000', true],
  ['timestamp', 't0000-00-00 00:00:00', true],
  ['timestamp', null, false],
  ['date', 't2026-02-31', true],
  ['date', 't2026-02-31 00:00:00', false],
  ["enum('a','B')", 'ta', undefined],
  ['json', 't{}', undefined],
  ['uuid', 't123e4567-e89b-12d3-a456-426655440000', undefined],
] as const)
  test(`${type} ${expected === undefined ? 'has to be read back' : expected ? 'keeps' : 'may change'} ${value}`, t => {
    t.is(holdsExactly(type, 'utf8mb4')?.(value), expected);
  });

test('only character sets that give back what they take are certain', t => {
  t.is(holdsExactly('varchar(10)', 'latin1')?.('tü'), true);
  t.is(holdsExactly('varchar(10)', 'ucs2'), undefined);
});
