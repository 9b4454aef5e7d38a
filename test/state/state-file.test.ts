import {fork} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {emptyState, type State} from '../../source/state/state.js';
import {openStateFile} from '../../source/state/state-file.js';

function makeHome(t: ExecutionContext): string {
  const home = mkdtempSync(path.join(os.tmpdir(), 'lockstep-state-'));
  t.teardown(() => rmSync(home, {recursive: true, force: true}));
  return home;
}

const server = (name: string): State['servers'][number] => ({
  name,
  url: 'https://127.0.0.1:8732',
  fingerprint: '0'.repeat(64),
  role: 'admin',
  addedAt: '2026-01-01T00:00:00.000Z',
  sites: ['main'],
});

/** A process that adds servers to the state one after the other. */
function startWriter(home: string, name: string, count: number) {
  return fork(path.join(import.meta.dirname, 'writer-process.js'), [home, name, String(count)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

test('a state that is not there yet is empty, and reading makes no file', async t => {
  const state = await openStateFile(makeHome(t));
  t.deepEqual(await state.read(), emptyState());
  t.throws(() => readFileSync(state.path));
});

test('what was changed is there for everybody; the version before it is kept beside it', async t => {
  const home = makeHome(t);
  const state = await openStateFile(home);
  await state.change(draft => {
    draft.servers.push(server('a'));
  });
  await state.change(draft => {
    draft.servers.push(server('b'));
  });
  const names = (text: string) => (JSON.parse(text) as State).servers.map(({name}) => name);
  t.deepEqual(
    (await (await openStateFile(home)).read()).servers.map(({name}) => name),
    ['a', 'b'],
  );
  t.deepEqual(names(readFileSync(`${state.path}.previous`, 'utf8')), ['a']);
});

test('a change that throws writes nothing', async t => {
  const state = await openStateFile(makeHome(t));
  await t.throwsAsync(
    state.change(draft => {
      draft.servers.push(server('a'));
      throw new Error('changed my mind');
    }),
  );
  t.deepEqual((await state.read()).servers, []);
});

test('a state of a newer version is refused and not touched', async t => {
  const state = await openStateFile(makeHome(t));
  const text = JSON.stringify({...emptyState(), version: 2, novelty: true});
  writeFileSync(state.path, text);
  await t.throwsAsync(state.read(), {code: 'STATE_TOO_NEW'});
  await t.throwsAsync(
    state.change(() => {}),
    {code: 'STATE_TOO_NEW'},
  );
  t.is(readFileSync(state.path, 'utf8'), text);
});

for (const [what, text, place] of [
  ['half a file', '{"version": 1, "servers": [', /JSON/],
  [
    'a wrong value',
    JSON.stringify({...emptyState(), servers: [{...server('a'), url: 7}]}),
    /\/servers\/0\/url/,
  ],
  ['an unknown key', JSON.stringify({...emptyState(), surprise: 1}), /additional|surprise|unknown/i],
] as const)
  test(`${what} is refused naming file, place and remedy, and never overwritten`, async t => {
    const state = await openStateFile(makeHome(t));
    writeFileSync(state.path, text);
    const error = await t.throwsAsync<Error & {hint?: string}>(state.read(), {code: 'INVALID_STATE'});
    t.true(error.message.includes(state.path));
    t.regex(error.message, place);
    t.regex(error.hint ?? '', /\.previous/);
    await t.throwsAsync(
      state.change(draft => {
        draft.servers = [];
      }),
      {code: 'INVALID_STATE'},
    );
    t.is(readFileSync(state.path, 'utf8'), text);
  });

test('two processes that write at once lose nothing, and a reader always sees a whole file', async t => {
  const home = makeHome(t);
  const state = await openStateFile(home);
  const writers = ['x', 'y'].map(name => startWriter(home, name, 25));
  let open = writers.length;
  const ended = writers.map(writer =>
    once(writer, 'exit').then(([code]) => {
      open -= 1;
      return code as number;
    }),
  );
  while (open > 0) t.true((await state.read()).servers.length <= 50);
  t.deepEqual(await Promise.all(ended), [0, 0]);
  const names = (await state.read()).servers.map(({name}) => name);
  t.is(new Set(names).size, 50);
});

test('a process killed while it writes leaves a whole file and a lock that others get over', async t => {
  const home = makeHome(t);
  const state = await openStateFile(home);
  const writer = startWriter(home, 'x', 1000);
  await once(writer, 'message');
  const died = once(writer, 'exit');
  writer.kill('SIGKILL');
  await died;
  const before = (await state.read()).servers.length;
  await state.change(draft => {
    draft.servers.push(server('survivor'));
  });
  t.is((await state.read()).servers.length, before + 1);
});
