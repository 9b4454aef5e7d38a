import {rmSync} from 'node:fs';
import path from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import type {ExecutionContext} from 'ava';
import type {FaultName} from '../../source/core/fault-point.js';
import {openEngineContext} from '../../source/engine/engine-context.js';
import {releaseLease} from '../../source/protocol/run-endpoints.js';
import {createWorld, type Outcome, type TestServer, type World} from './lockstep.js';

/*
 * Walks through fault points in one world: at each a process dies as by a power cut, is started again, and whatever it
 * was at is whole (X3): every file old or new, both rows of a change or none, and a rerun makes both sides equal.
 */

const schema = 'CREATE TABLE pages (id INTEGER PRIMARY KEY, v TEXT);';
const profile = 'pair/all';

export type Walk = {
  readonly world: World;
  readonly local: TestServer;
  readonly remote: TestServer;
  /** Changes a file and two rows at each side, adds a file and deletes the one of the last round. */
  edit(): void;
};

export async function createWalk(t: ExecutionContext): Promise<Walk> {
  const world = createWorld(t);
  const rows = Array.from({length: 40}, (_, id) => `(${id}, 'base')`).join(', ');
  const {local, remote} = await world.pairOfServers(
    {
      schema: `${schema} INSERT INTO pages VALUES ${rows};`,
      files: {'assets/local.html': '0', 'assets/remote.html': '0'},
    },
    {schema},
  );
  await world.profile(profile, '--items', 'database', '--backup', 'every-run', '--max-delete', '100%');
  await world.run(profile);
  let round = 0;
  return {
    world,
    local,
    remote,
    edit() {
      round += 1;
      for (const [server, name, id] of [
        [local, 'local', 1],
        [remote, 'remote', 3],
      ] as const) {
        server.site.write(`assets/${name}.html`, `${round}`, round);
        server.site.write(`assets/${name}-${round}.html`, `new ${round}`);
        if (round > 1) server.site.remove(`assets/${name}-${round - 1}.html`);
        server.site.sql(`UPDATE pages SET v = '${round}' WHERE id IN (${id}, ${id + 1})`);
      }
    },
  };
}

/** One side as it is: the file and the rows that the other side changes. */
function stateOf(server: TestServer, from: 'local' | 'remote'): {file: string; rows: unknown[]} {
  const id = from === 'local' ? 1 : 3;
  return {
    file: server.site.read(`assets/${from}.html`),
    rows: server.site.rows(`SELECT v FROM pages WHERE id IN (${id}, ${id + 1})`).flat(),
  };
}

/** @throws Error when a file is neither old nor new, or one row of a change is there without the other */
function mustBeWhole({local, remote}: Walk, point: string): void {
  for (const [server, from, source] of [
    [remote, 'local', local],
    [local, 'remote', remote],
  ] as const) {
    const now = stateOf(source, from);
    const there = stateOf(server, from);
    const old = String(Number(now.file) - 1);
    if (![old, now.file].includes(there.file))
      throw new Error(`${point}: ${server.name} holds "${there.file}", neither old nor new`);
    if (new Set(there.rows).size !== 1)
      throw new Error(`${point}: ${server.name} holds half a transaction: ${there.rows.join(', ')}`);
  }
}

/** Runs again, unless the run itself went through in the end; both sides must be alike then. */
async function mustConverge(walk: Walk, point: string, run: Outcome): Promise<void> {
  if (run.exitCode !== 0) await rerun(walk, point);
  const [here, there] = [walk.local, walk.remote].map(({site}) =>
    JSON.stringify([site.files(), site.tables()]),
  );
  if (here !== there) throw new Error(`${point}: the sides differ in the end\n${here}\n${there}`);
  if (here?.includes('.lockstep')) throw new Error(`${point}: something was left in a root: ${here}`);
}

async function rerun({world}: Walk, point: string): Promise<void> {
  let again = await world.tryRun(profile);
  // A run that lost an agent for good may leave its lease there, which runs out by itself within 20 s.
  for (let tries = 0; again.exitCode === 6 && tries < 10; tries++) {
    await delay(2000);
    again = await world.tryRun(profile);
  }
  if (again.exitCode !== 0) throw new Error(`${point}: the rerun did not go through: ${again}`);
}

/**
 * Kills the agent of one side at a fault point of a run.
 * @returns whether the run came by that point there
 */
export async function crashAgent(
  walk: Walk,
  side: 'local' | 'remote',
  point: FaultName,
  atStart: readonly FaultName[] = [],
): Promise<boolean> {
  const server = walk[side];
  walk.edit();
  await server.stop();
  forgetLease(server);
  await server.start({LOCKSTEP_FAULT: point});
  const run = walk.world.tryRun(profile);
  let hit = await Promise.race([server.ended().then(() => true), run.then(() => false)]);
  // A point at the very end of the run is come by a moment after it, at the latest while the agent stops.
  if (!hit) await Promise.race([server.ended(), delay(500)]);
  await server.stop();
  hit ||= server.wasKilled;
  // What recovers may die as well.
  if (hit) for (const name of atStart) await server.start({LOCKSTEP_FAULT: name}).catch(() => {});
  await server.start();
  mustBeWhole(walk, `${point} at ${side}`);
  const outcome = await run;
  mustBeWhole(walk, `${point} at ${side}, after the run`);
  await mustConverge(walk, `${point} at ${side}`, outcome);
  return hit;
}

/** What was held when a process died is free after 15 s; to wait for that at every point would be long. */
function forgetLease(server: TestServer): void {
  rmSync(path.join(server.data, 'sites/main/lease.json'), {force: true});
}

/** The same of a run whose agents live on. */
async function releaseLeases({world, local, remote}: Walk, runId: string): Promise<void> {
  const context = await openEngineContext(world.home);
  for (const {address} of [local, remote]) {
    const client = await context.connect(address);
    await client.call(releaseLease, {params: {site: 'main', runId}});
    client.close();
  }
}

/** Kills the runner at a fault point. @returns whether it came by */
export async function crashRunner(walk: Walk, point: FaultName): Promise<boolean> {
  walk.edit();
  const outcome = await walk.world.lockstepWith({LOCKSTEP_FAULT: point}, 'run', profile, '--json');
  mustBeWhole(walk, point);
  await releaseLeases(walk, outcome.summary().runId);
  await mustConverge(walk, point, outcome);
  return outcome.exitCode !== 0;
}
