import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import type {Model} from '../../source/console/model.js';
import {currentScreen} from '../../source/console/navigate.js';
import {update} from '../../source/console/update.js';
import {openDrawnScreen} from './helpers/drawn-screen.js';
import {emptyWorld, fakePlan, fakeWorld} from './helpers/fake-engine.js';
import {describeVisit, walkScreens} from './helpers/walk-screens.js';

const wide = {columns: 120, rows: 40} as const;
const narrow = {columns: 80, rows: 24} as const;

for (const [name, world] of [
  ['a home with everything', () => Object.assign(fakeWorld(), {plan: fakePlan(100)})],
  ['an empty home', emptyWorld],
] as const)
  test(`no screen of ${name} leaves dirt when the terminal is resized and comes back`, async t => {
    const home = mkdtempSync(join(tmpdir(), 'lockstep-resize-'));
    t.teardown(() => rmSync(home, {recursive: true, force: true}));
    // One terminal for all, so that a screen also has to draw over whatever the one before left.
    let kept: ReturnType<typeof openDrawnScreen> | undefined;
    const seen = new Set<string>();
    for await (const visit of walkScreens({world, home, ...narrow})) {
      const shown = visit.model.overlay?.kind ?? currentScreen(visit.model).kind;
      if (seen.has(shown)) continue;
      seen.add(shown);
      const model = resized(visit.model, wide);
      kept ??= openDrawnScreen(model);
      const anew = await freshly(model);
      t.deepEqual(await kept.draw(model), anew, describeVisit(visit));
      t.deepEqual(
        await kept.resize(narrow.columns, narrow.rows),
        await freshly(visit.model),
        `${describeVisit(visit)}, made smaller`,
      );
      t.deepEqual(await kept.resize(wide.columns, wide.rows), anew, `${describeVisit(visit)}, made larger`);
    }
    kept?.close();
    t.true(seen.size > 25);
  });

/** What a terminal shows that never had another size or another screen. */
async function freshly(model: Model): Promise<string[]> {
  const screen = openDrawnScreen(model);
  const lines = await screen.draw(model);
  screen.close();
  return lines;
}

function resized(model: Model, size: {columns: number; rows: number}): Model {
  return update(model, {type: 'resize', ...size}).model;
}
