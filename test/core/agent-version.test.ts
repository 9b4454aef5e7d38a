import test from 'ava';
import {isOlderAgent} from '../../source/core/agent-version.js';

for (const [agent, console, older] of [
  ['0.1.0', '0.2.0', true],
  ['0.9.0', '0.10.0', true],
  ['1.0.0-rc.1', '1.0.0', true],
  ['0.2.0', '0.2.0', false],
  ['0.3.0', '0.2.0', false],
  ['unknown', '0.2.0', false],
] as const)
  test(`an agent ${agent} of a console ${console} is ${older ? '' : 'not '}older`, t => {
    t.is(isOlderAgent(agent, console), older);
  });
