import test from 'ava';
import {
  parseDuration,
  parseItem,
  parseList,
  parsePercentage,
  parseProfileName,
  parseSiteAddress,
} from '../../source/headless/parse-arguments.js';

test('a profile is named with its relationship; the rest is its name, blanks and slashes included', t => {
  t.deepEqual(parseProfileName('pair/Default DB profile1'), {
    relationship: 'pair',
    profile: 'Default DB profile1',
  });
  t.deepEqual(parseProfileName('pair/a/b'), {relationship: 'pair', profile: 'a/b'});
});

for (const text of ['pair', '/x', 'x/', ''])
  test(`"${text}" names neither a profile nor a site`, t => {
    t.is(t.throws(() => parseProfileName(text))?.name, 'OperatorError');
    t.is(t.throws(() => parseSiteAddress(text))?.name, 'OperatorError');
  });

test('blanks around commas do not count', t => {
  t.deepEqual(parseList(' *.doc ,, *.gif', '--only'), ['*.doc', '*.gif']);
  t.throws(() => parseList(' , ', '--only'), {message: /--only/});
});

test('a share is a percentage with or without its sign', t => {
  t.is(parsePercentage('20%', '--max-delete'), 20);
  t.is(parsePercentage('100', '--max-delete'), 100);
  t.is(parsePercentage('0%', '--max-delete'), 0);
  for (const text of ['101%', '-1', 'x', '', '1e2']) t.throws(() => parsePercentage(text, '--max-delete'));
});

test('a duration has a unit', t => {
  t.is(parseDuration('15m', '--ttl'), 900_000);
  t.is(parseDuration('7d', '--ttl'), 604_800_000);
  for (const text of ['15', '0m', 'm', '-1s', '1w']) t.throws(() => parseDuration(text, '--ttl'));
});

test('an item is a path, a row by its key, or a path that looks like a row', t => {
  t.deepEqual(parseItem('a/b:c.txt'), {type: 'file', path: 'a/b:c.txt'});
  t.deepEqual(parseItem('content:1042'), {type: 'row', table: 'content', key: ['1042']});
  t.deepEqual(parseItem('members:["1","x"]'), {type: 'row', table: 'members', key: ['1', 'x']});
  t.deepEqual(parseItem('file:notes:old.txt'), {type: 'file', path: 'notes:old.txt'});
  t.throws(() => parseItem('members:[1'));
  t.throws(() => parseItem('members:[1]'));
});
