import type {Engine} from '../../../source/engine/engine.js';
import {type FakeWorld, fakeEngine, fakePlan, fakeWorld} from './fake-engine.js';

/** What a row is known by; a copy of a row is another one. */
const idNames = [
  'id',
  'seq',
  'name',
  'runId',
  'title',
  'path',
  'file',
  'fingerprint',
  'to',
  'server',
  'detail',
];

/** The rows, and so many copies of them under other names that there are at least four. */
function crowd<Row>(rows: readonly Row[]): Row[] {
  return [0, 1, 2, 3].flatMap(turn => rows.map(row => (turn === 0 ? row : copy(row, turn))));
}

function copy<Row>(row: Row, turn: number): Row {
  if (typeof row === 'string') return `${row}-${turn}` as Row;
  const changed = Object.entries(row as object).flatMap(([name, value]) => {
    if (!idNames.includes(name)) return [];
    if (typeof value === 'number') return [[name, value + 1000 * turn]];
    return typeof value === 'string' ? [[name, `${value}-${turn}`]] : [];
  });
  return {...row, ...Object.fromEntries(changed)};
}

/** A world in which every list that is kept has at least four rows. */
export function crowdedWorld(): FakeWorld {
  const world = fakeWorld();
  const lists = Object.entries(world).filter(
    ([name, value]) => Array.isArray(value) && name !== 'calls' && name !== 'events',
  );
  const packages = world.packages.map(entry => ({...entry, files: crowd(entry.files)}));
  return Object.assign(
    world,
    Object.fromEntries(lists.map(([name, rows]) => [name, crowd(rows as object[])])),
    {plan: fakePlan(10), packages: crowd(packages)},
  );
}

/** An engine whose every other answer that is shown as a list has at least four rows, too. */
export function crowdedEngine(world: FakeWorld): Engine {
  const engine = fakeEngine(world);
  const {servers, browse, plans, trust, backups, history, relationships, releases, lives, rollouts} = engine;
  return {
    ...engine,
    doctor: async () => crowd(await engine.doctor()),
    servers: {
      ...servers,
      check: async (...asked) =>
        (await servers.check(...asked)).map(check =>
          check.sites === undefined ? check : {...check, sites: crowd(check.sites)},
        ),
    },
    browse: {
      ...browse,
      async content(...asked) {
        const level = await browse.content(...asked);
        return {...level, entries: crowd(level.entries)};
      },
    },
    plans: {...plans, list: async () => crowd(await plans.list())},
    trust: {...trust, peers: async (...asked) => crowd(await trust.peers(...asked))},
    backups: {
      ...backups,
      async list(...asked) {
        const known = await backups.list(...asked);
        return {...known, backups: crowd(known.backups)};
      },
    },
    history: {
      ...history,
      async *list(...asked) {
        yield* crowd(await Array.fromAsync(history.list(...asked)));
      },
    },
    relationships: {
      ...relationships,
      test: async (...asked) => crowd(await relationships.test(...asked)),
    },
    releases: {
      ...releases,
      async show(...asked) {
        const release = await releases.show(...asked);
        return {...release, files: crowd(release.files)};
      },
    },
    lives: {
      ...lives,
      async preview(...asked) {
        const taken = await lives.preview(...asked);
        return {...taken, phases: taken.phases.map(phase => ({...phase, servers: crowd(phase.servers)}))};
      },
    },
    rollouts: {
      ...rollouts,
      async journal(...asked) {
        const read = await rollouts.journal(...asked);
        return {...read, events: crowd(read.events)};
      },
    },
  };
}
