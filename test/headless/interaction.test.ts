import test from 'ava';
import {OperatorError} from '../../source/core/operator-error.js';
import {createInteraction} from '../../source/headless/interaction.js';

const question = {consequence: 'It is overwritten.', name: 'pair'};
const script = {yes: false, confirm: undefined, interactive: false};
const never = () => Promise.reject(new Error('must not ask'));

async function codeOf(promise: Promise<void>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error instanceof OperatorError ? error.code : String(error);
  }
}

test('a script without an answer is told the option that gives it', async t => {
  const interaction = createInteraction(script, never);
  const error = await t.throwsAsync(interaction.confirm(question), {instanceOf: OperatorError});
  t.is(error.code, 'ANSWER_MISSING');
  t.regex(error.hint ?? '', /--yes/);
});

test('--yes confirms, but not what is severe', async t => {
  const interaction = createInteraction({...script, yes: true}, never);
  t.is(await codeOf(interaction.confirm(question)), undefined);
  const error = await t.throwsAsync(interaction.confirm({...question, severe: true}), {
    instanceOf: OperatorError,
  });
  t.is(error.code, 'ANSWER_MISSING');
  t.regex(error.hint ?? '', /--confirm pair/);
});

test('a severe action needs its own name', async t => {
  const severe = {...question, severe: true};
  t.is(
    await codeOf(createInteraction({...script, yes: true, confirm: 'pair'}, never).confirm(severe)),
    undefined,
  );
  t.is(
    await codeOf(createInteraction({...script, yes: true, confirm: 'other'}, never).confirm(severe)),
    'USAGE',
  );
});

test('on a terminal the name has to be typed', async t => {
  const asked: string[] = [];
  const interaction = (typed: string | undefined) =>
    createInteraction({...script, interactive: true}, async text => {
      asked.push(text);
      return typed;
    });
  t.is(await codeOf(interaction('pair').confirm(question)), undefined);
  t.is(await codeOf(interaction('yes').confirm(question)), 'USAGE');
  t.is(await codeOf(interaction(undefined).confirmOnTerminal(question)), 'USAGE');
  t.regex(asked[0] ?? '', /overwritten[\s\S]*Type pair/);
});

test('what only forgets asks nobody but a terminal', async t => {
  t.is(await codeOf(createInteraction(script, never).confirmOnTerminal(question)), undefined);
});
