import {existsSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type {UpdateFault} from '../../source/core/fault-point.js';
import {stepsOf} from '../../source/core/update-steps.js';
import type {ServerCheck} from '../../source/engine/engine.js';
import {version} from '../../source/system/version.js';
import {installProgram} from '../helpers/installed-program.js';
import {createWorld, eventually, type TestServer, type World} from '../helpers/lockstep.js';

const oldVersion = '0.0.9';
/** `begun` is left to the walk of servers: of that step nothing has happened then, as at `done` of the one before. */
const places = ['effect', 'done'] as const;

function placesOf(track: 'forward' | 'rollback'): UpdateFault[] {
  return stepsOf(track).flatMap(({name}) => places.map(place => `update.${name}.${place}` as const));
}

const forward = placesOf('forward');
/** Between them the new version is on trial, in a process of its own: killed, it counts as one that crashes. */
const trial = forward.slice(
  forward.indexOf('update.start.effect'),
  forward.indexOf('update.commit.done') + 1,
);
const firm = forward.filter(place => !trial.includes(place));

type LastUpdate = {state: string; from: string; to: string};

class WalkedAgent {
  constructor(
    readonly world: World,
    readonly server: TestServer,
  ) {}

  /**
   * Updates the agent, and kills it on the way.
   * @param faults LOCKSTEP_FAULT of each of its starts
   */
  async update(
    faults: readonly string[],
  ): Promise<{state: string; version: string | undefined; kills: number}> {
    const {world, server} = this;
    await server.stop();
    rmSync(path.join(server.data, 'program'), {recursive: true, force: true});
    await this.#start(faults[0]);
    const update = world.spawn(['server', 'update', 'old', '--yes', '--json']);
    const over = new Promise<void>(resolve => update.once('close', () => resolve()));
    let isOver = false;
    void over.then(() => {
      isOver = true;
    });
    let kills = 0;
    for (const fault of [...faults.slice(1), undefined]) {
      await Promise.race([server.ended(), over]);
      if (isOver) break;
      kills += 1;
      await this.#start(fault);
    }
    await over;
    if (!server.isRunning) await server.start();
    const {state} = await this.last();
    const {checks} = (await world.lockstep('server', 'check', 'old', '--json')).json<{
      checks: ServerCheck[];
    }>();
    return {state, version: checks[0]!.version, kills};
  }

  /** Killed while it takes up its update it has not listened yet. */
  async #start(fault: string | undefined): Promise<void> {
    try {
      await this.server.start(fault === undefined ? {} : {LOCKSTEP_FAULT: fault});
    } catch (error) {
      if (!/ended with SIGKILL before it listened/.test((error as Error).message)) throw error;
    }
  }

  async last(): Promise<LastUpdate> {
    let last: LastUpdate | undefined;
    await eventually('the update ends', async () => {
      const outcome = await this.world.lockstep('server', 'update', 'old', '--dry-run', '--json');
      last = outcome.exitCode === 0 ? outcome.json<{update?: LastUpdate}>().update : undefined;
      return last !== undefined && last.state !== 'running';
    });
    return last!;
  }
}

test('U13, X6: kill -9 of an agent in and after every step of its own update: the old version runs or the new one, never neither', async t => {
  const world = createWorld(t);
  t.timeout(600_000);
  const server = await world.server('old');
  await server.stop();
  server.program = await installProgram(path.join(world.folder, 'installed'), oldVersion);
  const file = path.join(server.data, 'agent.json');
  const json = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, JSON.stringify({...json, selfUpdate: {allowUnsigned: true}}));
  const agent = new WalkedAgent(world, server);
  const isWhole = () => {
    const names = readdirSync(path.join(server.data, 'program')).filter(
      name => !name.startsWith('current_failed'),
    );
    t.deepEqual(names.sort(), ['current', 'releases', 'updates']);
    t.false(existsSync(path.join(server.data, 'program/current/.lockstep-update.json')));
  };

  /** A place that is only passed where nobody was killed before it is come by in another update. */
  const walk = async (
    places: readonly UpdateFault[],
    faultsOf: (left: readonly UpdateFault[]) => string[],
  ) => {
    const ends: object[] = [];
    for (let left = places; left.length > 0; ) {
      const {kills, ...end} = await agent.update(faultsOf(left));
      t.log(`${left[0]}: ${kills} places, ${JSON.stringify(end)}`);
      t.true(kills > 0, `${left[0]} is not come by`);
      ends.push(end);
      isWhole();
      left = left.slice(kills);
    }
    return ends;
  };

  // Before the new version is tried, and after it was decided for.
  for (const end of await walk(firm, left => [...left])) t.deepEqual(end, {state: 'done', version});
  // The way back, after the first place of the trial.
  const back = placesOf('rollback');
  const [first, ...others] = trial;
  for (const end of await walk(back, ([next, ...left]) => [`${first},${next}`, ...left]))
    t.deepEqual(end, {state: 'rolled-back', version: oldVersion});
  const states: string[] = [];
  for (const place of others) {
    const {state, version: found} = await agent.update([place]);
    states.push(state);
    t.is(found, state === 'done' ? version : oldVersion, place);
    t.true(['done', 'rolled-back'].includes(state), `${place}: ${state}`);
    isWhole();
  }
  // What was reached and well may be decided for by whoever goes on.
  t.is(states.at(0), 'rolled-back');
  t.is(states.at(-1), 'done');
  t.log(`${firm.length + trial.length + back.length} places`);
});
