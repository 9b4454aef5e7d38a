import type {ChildProcess} from 'node:child_process';
import {createInterface} from 'node:readline';
import type {ExecutionContext} from 'ava';
import {holdRows} from './hold-rows.js';
import {type Outcome, type TestServer, World} from './lockstep.js';

/*
 * A run that is under way for as long as a test wants, however fast the machine is: the site at one end holds its database,
 * for which every run waits.
 */

const table = 'CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT);';

/** Two sites with a profile `pair/all` that has work to do, and waits in its scan until the rows are let go. */
export async function createHeldPair(
  t: ExecutionContext,
  world: World,
): Promise<{local: TestServer; remote: TestServer; letGo(): Promise<void>}> {
  const {local, remote} = await world.pairOfServers({schema: table, files: {'a.html': 'a'}}, {schema: table});
  await world.profile('pair/all', '--items', 'database,templates');
  local.site.write('b.html', 'b');
  local.site.sql("INSERT INTO pages VALUES (1, 'one')");
  remote.site.sql("INSERT INTO pages VALUES (2, 'two')");
  const rows = await holdRows(remote.site.databaseUrl!, 'pages', 'title');
  t.teardown(() => rows.release());
  return {local, remote, letGo: () => rows.release()};
}

/** Starts a run as a process; resolves when it has the leases and has begun to scan. */
export async function startedRun(
  world: World,
  argv: readonly string[],
  options: {detached?: boolean} = {},
): Promise<{child: ChildProcess; outcome: Promise<Outcome>; runId: string}> {
  const child = world.spawn(argv, options);
  const outcome = World.outcome(argv, child);
  const runId = await new Promise<string>((resolve, reject) => {
    let started = '';
    createInterface({input: child.stdout!}).on('line', line => {
      const event = JSON.parse(line) as {type: string; runId?: string; phase?: string};
      if (event.type === 'run.started') started = event.runId!;
      if (event.type === 'run.phase' && event.phase === 'scan') resolve(started);
    });
    outcome.then(ended => reject(new Error(`ended before it scanned: ${ended}`)), reject);
  });
  return {child, outcome, runId};
}
