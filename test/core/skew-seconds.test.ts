import test from 'ava';
import {skewSeconds} from '../../source/core/skew-seconds.js';

for (const [skewMs, text] of [
  [-3, '0.0'],
  [0, '0.0'],
  [49, '0.0'],
  [-51, '-0.1'],
  [360_040, '360.0'],
] as const)
  test(`a clock that is ${skewMs} ms ahead is ${text} s off`, t => {
    t.is(skewSeconds(skewMs), text);
  });
