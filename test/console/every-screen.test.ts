import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {isDeepStrictEqual} from 'node:util';
import test, {type ExecutionContext} from 'ava';
import {createKeySplitter} from '../../source/console/key-splitter.js';
import {definitionOf} from '../../source/console/key-tables.js';
import {emptyList} from '../../source/console/list.js';
import type {Model} from '../../source/console/model.js';
import {currentScreen, replaceScreen} from '../../source/console/navigate.js';
import {screens} from '../../source/console/screens/index.js';
import {notLoaded} from '../../source/console/shared-data.js';
import {update} from '../../source/console/update.js';
import {crowdedEngine, crowdedWorld} from './helpers/crowd.js';
import {emptyWorld, type FakeWorld, fakePlan, fakeWorld} from './helpers/fake-engine.js';
import {misfits} from './helpers/misfits.js';
import {describeVisit, type Visit, walkScreens} from './helpers/walk-screens.js';

const sizes = [
  {columns: 120, rows: 40},
  {columns: 80, rows: 24},
  {columns: 300, rows: 100},
  {columns: 60, rows: 15},
] as const;

/** Presses every key everywhere, looks at what is drawn at two sizes, and says what was wrong on the way. */
async function walk(t: ExecutionContext, world: () => FakeWorld): Promise<Visit[]> {
  const home = mkdtempSync(join(tmpdir(), 'lockstep-walk-'));
  t.teardown(() => rmSync(home, {recursive: true, force: true}));
  const visits: Visit[] = [];
  const faults: string[] = [];
  for await (const visit of walkScreens({world, home, columns: 80, rows: 24})) {
    visits.push(visit);
    const found = [
      ...misfits(visit.model),
      ...misfits(resized(visit.model, sizes[0])),
      ...defects(visit),
      ...silence(visit),
    ];
    faults.push(...found.map(fault => `${describeVisit(visit)}: ${fault}`));
  }
  t.deepEqual(faults, []);
  return visits;
}

/** Keys that do nothing because there is nothing further: at the end of a list or a text, or of a question's answers. */
const atAnEnd = /^(up|down|left|right|k|j|g|G|home|end|page-.*|ctrl-[bf]|tab| )$/;

/** A key that does nothing says why. */
function silence({keys, before, model, commands}: Visit): string[] {
  if (keys.length === 0 || atAnEnd.test(keys.at(-1)!)) return [];
  return commands.length === 0 && isDeepStrictEqual(before, model)
    ? ['the key did nothing and said nothing']
    : [];
}

/** A fault of an agent is an answer like any other; one of the console's own code is a defect. */
function defects({events}: Visit): string[] {
  return events.flatMap(event => {
    const fault =
      'fault' in event
        ? event.fault
        : event.type === 'answer' && 'fault' in event.answer
          ? event.answer.fault
          : undefined;
    return fault?.code === 'INTERNAL' ? [fault.message] : [];
  });
}

test('every key of every screen breaks nothing, and every screen fits every terminal, with data and without', async t => {
  const visits = await walk(t, () => Object.assign(fakeWorld(), {plan: fakePlan(100)}));
  const visited = new Set<string>(visits.map(({model}) => currentScreen(model).kind));
  t.deepEqual(
    Object.keys(screens).filter(kind => !visited.has(kind)),
    [],
    'screens that no key leads to',
  );
  const seen = new Set<string>();
  for (const visit of visits) {
    const shown = `${currentScreen(visit.model).kind} ${visit.model.overlay?.kind}`;
    if (seen.has(shown)) continue;
    seen.add(shown);
    const pasted = update(visit.model, {type: 'paste', text: 'q\x1b[A\r\u202e rest'}).model;
    t.false(pasted.leaving, describeVisit(visit));
    for (const size of sizes) {
      t.deepEqual(misfits(resized(pasted, size)), [], `${describeVisit(visit)}, then a paste`);
      const model = resized(visit.model, size);
      for (const drawn of [model, withoutData(model)])
        t.deepEqual(misfits(drawn), [], `${describeVisit(visit)} at ${size.columns}x${size.rows}`);
    }
  }
});

test('every key of an empty console breaks nothing', async t => {
  t.true((await walk(t, emptyWorld)).length > 100);
});

test('three times down and Enter in one chunk open the fourth row of every list', async t => {
  const home = mkdtempSync(join(tmpdir(), 'lockstep-walk-'));
  t.teardown(() => rmSync(home, {recursive: true, force: true}));
  const seen = new Set<string>();
  const at = {home, columns: 80, rows: 24};
  const fourNotices = [1, 2, 3, 4].map(at => ({level: 'info', text: 'said', at}) as const);
  for await (const visit of walkScreens({world: crowdedWorld, engine: crowdedEngine, ...at})) {
    const model = {...visit.model, notices: fourNotices};
    const screen = currentScreen(model);
    const definition = definitionOf(screen);
    const list = model.overlay === undefined ? definition.list?.(screen, model) : undefined;
    if (list === undefined || list.state.filtering) continue;
    const titles = list.spec.columns.map(({title}) => title).join(' ');
    if (seen.has(`${screen.kind} ${titles}`) || list.spec.rows.length < 4) continue;
    seen.add(`${screen.kind} ${titles}`);

    const atTop = replaceScreen(model, list.put(screen, emptyList));
    let typed = atTop;
    const splitter = createKeySplitter({
      onKey: key => {
        typed = update(typed, {type: 'key', key}).model;
      },
      onPaste: () => t.fail(),
    });
    splitter.write('\x1b[B\x1b[B\x1b[B\r');
    const row = list.spec.rows[3];
    const fourth = {...emptyList, position: 3, selected: list.spec.id(row)};
    const there = update(replaceScreen(model, list.put(screen, fourth)), {type: 'key', key: 'enter'}).model;
    t.deepEqual(typed, there, describeVisit(visit));
  }
  const lists = Object.entries(screens).flatMap(([kind, {list}]) => (list === undefined ? [] : [kind]));
  t.deepEqual(
    lists.filter(kind => ![...seen].some(list => list.startsWith(`${kind} `))),
    [],
    'lists that never had four rows',
  );
  for (const kind of ['overview', 'relationship', 'rollout', 'picker', 'preview'])
    t.is([...seen].filter(list => list.startsWith(`${kind} `)).length, 2, `${kind} has two lists`);
});

function resized(model: Model, size: {columns: number; rows: number}): Model {
  return update(model, {type: 'resize', ...size}).model;
}

function withoutData(model: Model): Model {
  const data = Object.fromEntries(Object.keys(model.data).map(what => [what, notLoaded]));
  return {...model, data: data as unknown as Model['data'], checks: {}, packages: {}};
}
