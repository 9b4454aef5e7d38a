import test from 'ava';
import fc from 'fast-check';
import {OperatorError} from '../../source/core/operator-error.js';
import {dealWaves, formatWave, parseWave} from '../../source/core/rollout-waves.js';

const ten = Array.from({length: 10}, (_, index) => `web${index + 1}`);
const deal = (texts: readonly string[], servers = ten) =>
  dealWaves(
    texts.map((text, index) => parseWave(text, index + 1)),
    servers,
  );

test('counts take the first servers in order', t => {
  t.deepEqual(deal(['1', '3', '6']), [['web1'], ten.slice(1, 4), ten.slice(4)]);
});

test('shares are of all servers, rounded up, and the rest takes what is left', t => {
  t.deepEqual(
    deal(['5%', '50%', 'rest']).map(wave => wave.length),
    [1, 5, 4],
  );
});

test('servers that are named go where they are named, and counts pass them over', t => {
  t.deepEqual(deal(['2', 'later=web1,web2', 'rest']), [['web3', 'web4'], ['web1', 'web2'], ten.slice(4)]);
});

test('a server without its site stands for all its sites', t => {
  t.deepEqual(deal(['web1', 'rest'], ['web2/a', 'web1/a', 'web1/b']), [['web1/a', 'web1/b'], ['web2/a']]);
});

const refused: [why: string, waves: string[], pattern: RegExp][] = [
  ['a server that is in no wave', ['1', '3'], /web5.*in no wave/],
  ['a wave that is left with none', ['10', 'rest'], /No server is left for wave 2/],
  ['a server named twice', ['web1', 'web1,web2', 'rest'], /web1 is named in two waves/],
  ['a server of elsewhere', ['mail1', 'rest'], /mail1, which is not among/],
  ['none', ['0', 'rest'], /"0" is not a wave/],
  ['more than all', ['101%'], /is not a wave/],
  ['an empty name', ['=1', 'rest'], /is not a wave/],
];
for (const [why, waves, message] of refused)
  test(`refused: ${why}`, t => {
    t.throws(() => deal(waves), {instanceOf: OperatorError, code: 'USAGE', message});
  });

test('what a wave is written as reads back', t => {
  for (const text of ['canary=web1,web2', '3', 'half=50%', 'rest', '12.5%'])
    t.is(formatWave(parseWave(text, 2), 2), text);
});

test('property: every server is in exactly one wave', t => {
  const sizes = fc.oneof(
    fc.integer({min: 1, max: 30}).map(String),
    fc.integer({min: 1, max: 100}).map(percent => `${percent}%`),
  );
  fc.assert(
    fc.property(fc.array(sizes, {maxLength: 5}), fc.integer({min: 1, max: 40}), (waves, count) => {
      const servers = Array.from({length: count}, (_, index) => `s${index}`);
      try {
        t.deepEqual(deal([...waves, 'rest'], servers).flat(), servers);
      } catch (error) {
        // Only when the waves before took all of them.
        if (!(error instanceof OperatorError) || !/No server is left/.test(error.message)) throw error;
      }
    }),
    {numRuns: 200},
  );
});
