import test from 'ava';
import {exitCodeOfRollout, type RolloutServer} from '../../source/core/rollout-event.js';
import {stopSentence} from '../../source/core/rollout-reason.js';

const rollout = {name: 'spring', failuresAllowed: 1};
const servers = (...states: RolloutServer['state'][]): RolloutServer[] =>
  states.map((state, index) => ({server: `web${index + 1}`, site: 'main', wave: 1, state, to: '1.1'}));

const cases: [states: RolloutServer['state'][], sentence: string, exitCode: number][] = [
  [['done', 'done'], 'All servers run the new version.', 0],
  [['done', 'failed'], 'Done, but for web2/main, which runs the version it had.', 3],
  [
    ['rolled-back', 'failed', 'done'],
    'Done, but for web1/main, web2/main, which run the version they had.',
    3,
  ],
  [['aborted', 'done'], 'Done, but for web1/main, which runs the version it had.', 3],
];
for (const [states, sentence, exitCode] of cases)
  test(`U16: done with ${states.join(', ')}`, t => {
    t.is(stopSentence('done', servers(...states), rollout), sentence);
    t.is(exitCodeOfRollout({kind: 'update', status: 'done', servers: servers(...states)}), exitCode);
  });
