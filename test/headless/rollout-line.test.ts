import test from 'ava';
import type {RolloutServer} from '../../source/core/rollout-event.js';
import {createOutput} from '../../source/headless/output.js';
import {lineOfRolloutEvent} from '../../source/headless/rollout-line.js';

const output = createOutput(
  {json: false, color: false},
  {stdout: process.stdout, stderr: process.stderr, environment: {}},
);
const server: RolloutServer = {server: 'web1', site: 'main', wave: 1, state: 'failed', to: '1.1'};
const error = {code: 'SITE_REFUSED', message: 'web1 may not download it.', hint: 'Let it.'};

const cases: [name: string, more: Partial<RolloutServer>, line: string][] = [
  [
    'a failure, with what to do about it',
    {error},
    'fail  web1/main  failed  SITE_REFUSED: web1 may not download it.\n      Let it.',
  ],
  [
    'what is still being taken back, without',
    {error, state: 'running', step: 'rollback-stop'},
    'run   web1/main  rollback-stop  SITE_REFUSED: web1 may not download it.',
  ],
  ['a success', {state: 'done', from: '1.0'}, 'ok    web1/main  done  1.0 → 1.1'],
];
for (const [name, more, line] of cases)
  test(`U16: ${name}`, t => {
    const event = {type: 'rollout.server', at: '2026-12-01T00:00:00.000Z', ...server, ...more} as const;
    t.is(lineOfRolloutEvent(event, output), line);
  });
