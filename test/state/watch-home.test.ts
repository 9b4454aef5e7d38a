import {mkdtempSync, rmSync, watch, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import {openStateFile} from '../../source/state/state-file.js';
import {type HomeChange, watchHome} from '../../source/state/watch-home.js';

test('a change of the state and the coming of a run are told, each as what it is', async t => {
  const home = mkdtempSync(path.join(os.tmpdir(), 'lockstep-watch-'));
  t.teardown(() => rmSync(home, {recursive: true, force: true}));
  try {
    watch(home).close();
  } catch {
    // The number of watchers is limited for all processes of a user together.
    t.log('nothing can be watched on this machine now');
    return t.pass();
  }
  const state = await openStateFile(home);
  const waiting = new Map<HomeChange, () => void>();
  const told = (what: HomeChange) => new Promise<void>(resolve => waiting.set(what, resolve));
  const stop = watchHome({home, statePath: state.path}, what => waiting.get(what)?.());
  t.teardown(stop);

  // Watching keeps no process alive by itself; the test waits for it.
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));
  const changed = told('state');
  await state.change(draft => {
    draft.collisions = [];
  });
  await changed;
  const came = told('runs');
  writeFileSync(path.join(home, 'runs', '20260101-000000-abcdef.ndjson'), '');
  await came;
  t.pass();
});

test('a home that cannot be watched is simply not watched', t => {
  const stop = watchHome({home: '/dev/null/nowhere', statePath: '/dev/null/nowhere/state.json'}, () =>
    t.fail(),
  );
  t.notThrows(stop);
});
