import test from 'ava';
import {OperatorError} from '../../source/core/operator-error.js';
import {createOutput} from '../../source/headless/output.js';

function streams(isTTY: boolean, environment: Record<string, string> = {}) {
  const written = {stdout: '', stderr: ''};
  const stream = (name: 'stdout' | 'stderr') => ({
    isTTY,
    write(text: string) {
      written[name] += text;
      return true;
    },
  });
  return {written, streams: {stdout: stream('stdout'), stderr: stream('stderr'), environment} as never};
}

for (const [name, options, isTTY, environment, colored] of [
  ['a terminal', {json: false, color: true}, true, {}, true],
  ['a pipe', {json: false, color: true}, false, {}, false],
  ['--no-color', {json: false, color: false}, true, {}, false],
  ['--json', {json: true, color: true}, true, {}, false],
  ['NO_COLOR', {json: false, color: true}, true, {NO_COLOR: '1'}, false],
  ['an empty NO_COLOR', {json: false, color: true}, true, {NO_COLOR: ''}, true],
  ['TERM=dumb', {json: false, color: true}, true, {TERM: 'dumb'}, false],
] as const)
  test(`${name}: ${colored ? 'colours and drawing' : 'plain text, nothing drawn'}`, t => {
    const {streams: to, written} = streams(isTTY, environment);
    const output = createOutput(options, to);
    t.is(output.look('good', 'ok') !== 'ok', colored);
    output.draw('50 %');
    t.is(written.stderr !== '', colored);
  });

test('a drawn line is gone before the next message', t => {
  const {streams: to, written} = streams(true);
  const output = createOutput({json: false, color: true}, to);
  output.draw('50 %');
  output.tell('done');
  t.is(written.stderr, '50 %\r\x1b[Kdone\n');
});

test('an error is a sentence with its remedy, or a document', t => {
  const error = new OperatorError('NOT_FOUND', 'There is no \x1bserver x.', {hint: 'There are: a.'});
  const plain = streams(false);
  createOutput({json: false, color: true}, plain.streams).fail(error);
  t.is(plain.written.stderr, 'lockstep: There is no \\u001bserver x.\n  There are: a.\n');
  const json = streams(false);
  createOutput({json: true, color: true}, json.streams).fail(error);
  t.deepEqual(JSON.parse(json.written.stderr), {
    error: {code: 'NOT_FOUND', message: 'There is no \x1bserver x.', hint: 'There are: a.'},
  });
  t.is(json.written.stdout, '');
});

test('a list is a document however long; one that fails before its first item writes nothing', async t => {
  const written = async (items: AsyncIterable<unknown>) => {
    const {streams: to, written} = streams(false);
    await createOutput({json: true, color: true}, to)
      .list('entries', items)
      .catch(() => {});
    return written.stdout;
  };
  const some = async function* (count: number) {
    for (let index = 0; index < count; index++) yield {index};
  };
  t.deepEqual(JSON.parse(await written(some(0))), {entries: []});
  t.deepEqual(JSON.parse(await written(some(2))), {entries: [{index: 0}, {index: 1}]});
  const failing = {
    [Symbol.asyncIterator]: () => ({next: () => Promise.reject(new Error('unknown site'))}),
  };
  t.is(await written(failing), '');
});
