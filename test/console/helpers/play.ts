/**
 * Opens the console on a fake engine, to walk through by hand: `node dist/test/console/helpers/play.js [SCENE]`.
 * Scenes: `empty` (nothing set up), `many` (a plan of 10,000 actions), `running` (a run that does not end).
 */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {openConsole} from '../../../source/console/open-console.js';
import {fakeEngine, fakePlan, fakeWorld} from './fake-engine.js';

const scene = process.argv[2] ?? '';
const world = fakeWorld();
if (scene === 'empty') Object.assign(world, {servers: [], relationships: [], profiles: [], runs: []});
if (scene === 'many') world.plan = fakePlan(10_000);
world.paceMs = scene === 'fast' ? 0 : 150;
if (scene === 'running') {
  world.endless = true;
  world.events = world.events.slice(0, 22);
  const {endedAt: _still, ...running} = world.runs[0]!;
  world.runs.push({
    ...running,
    runId: '20261121-140000-abcdef',
    startedAt: new Date().toISOString(),
    status: 'running' as never,
  });
}
// Whoever ends this by force gives it a home, and takes that away himself.
const home = process.env.LOCKSTEP_HOME ?? mkdtempSync(join(tmpdir(), 'lockstep-play-'));
process.on('exit', () => rmSync(home, {recursive: true, force: true}));
process.exitCode = await openConsole({home, loadEngine: async () => fakeEngine(world)});
// The fake engine may still sit in an endless run.
process.exit();
