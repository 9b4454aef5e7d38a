import test from 'ava';
import {checklistMarkdown, checklistOf} from '../../source/core/rollout-checklist.js';
import type {RolloutServer} from '../../source/core/rollout-event.js';

const server = (name: string, wave: number, state: RolloutServer['state'], step?: string): RolloutServer => ({
  server: name,
  site: 'main',
  wave,
  state,
  to: '7.6.7',
  ...(step === undefined ? {} : {step}),
});
const source = {
  waves: [{name: 'canary'}, {name: 'rest'}],
  servers: [
    server('web1', 1, 'done', 'notify'),
    server('web2', 2, 'running', 'stop'),
    {...server('web3', 2, 'rolled-back', 'health'), error: {code: 'UNHEALTHY', message: 'a | b'}},
  ],
  gates: [2],
  approvals: [{wave: 2, by: 'anna@ops', at: '2026-12-05T21:00:00.000Z'}],
  items: [
    {text: 'announced to editors', tickedBy: 'anna@ops', tickedAt: '2026-12-05T20:40:00.000Z'},
    {text: 'smoke test', before: 2},
  ],
};

test('wave by wave: own items that it waits for, its gate, its steps; then what nothing waits for', t => {
  const items = checklistOf(source);
  t.deepEqual(
    items.map(({text, state, detail = ''}) => `${state} ${text} ${detail}`.trim()),
    [
      'done canary: Check everything that can be checked before 1 of 1 server',
      'done canary: Verify signature and checksum 1 of 1 server',
      'done canary: Back up the data 1 of 1 server',
      'done canary: Check the health of the new version 1 of 1 server',
      'done canary: Decide for the new version 1 of 1 server',
      'done canary: Remove temporary and old folder 1 of 1 server',
      'open smoke test',
      'done Approval of rest',
      'done rest: Check everything that can be checked before 2 of 2 servers',
      'done rest: Verify signature and checksum 2 of 2 servers',
      'done rest: Back up the data 2 of 2 servers',
      'open rest: Check the health of the new version 0 of 2 servers',
      'open rest: Decide for the new version 0 of 2 servers',
      'open rest: Remove temporary and old folder 0 of 2 servers',
      'done announced to editors',
    ],
  );
  t.deepEqual(
    items.filter(({number}) => number !== undefined).map(({number}) => number),
    [2, 1],
  );
});

test('a backup that a server leaves out is not ticked off', t => {
  const [web1] = source.servers;
  const items = checklistOf({...source, servers: [{...web1!, skipped: ['backup']}]});
  const backup = items.find(({text}) => text === 'canary: Back up the data');
  t.like(backup, {state: 'open', detail: '0 of 1 server, left out on 1'});
});

test('as Markdown, with nothing in it that is taken for markup', t => {
  const text = checklistMarkdown(
    {name: 'shop <1>', release: 'shop-7.6.7', status: 'running', createdBy: 'anna@ops'},
    checklistOf(source),
    source.servers,
  );
  t.regex(text, /^# Rollout shop \\<1\\>$/m);
  t.regex(text, /^- \[x\] announced to editors \(anna@ops, 2026-12-05 20:40 UTC\)$/m);
  t.regex(text, /^- \[ \] smoke test$/m);
  t.regex(text, /^\| 2 \| web3\/main \| rolled-back \| {2}\| 7\.6\.7 \| {2}\| {2}\| a \\\| b \|$/m);
});
