import {existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type {RolloutEvent} from '../../source/core/rollout-event.js';
import type {ScheduledStart} from '../../source/engine/engine.js';
import type {RolloutEntry} from '../../source/engine/rollouts/rollout-verbs.js';
import {createWorld, eventually, type Outcome, type TestServer} from '../helpers/lockstep.js';
import {startMailServer} from '../helpers/mail-server.js';
import {updatableServer} from '../helpers/updatable-server.js';

const minuteMs = 60_000;
const finished = (outcome: Outcome) => {
  const last = outcome.events<RolloutEvent>().at(-1);
  if (last?.type !== 'rollout.finished') throw new Error(`no rollout.finished at the end: ${outcome}`);
  return last;
};
const clock = (ms: number) => new Date(ms).toISOString().slice(11, 16);

test('U1, U12, U16: a window that closes in the middle of a rollout defers what does not fit; every server is told of by mail', async t => {
  const world = createWorld(t);
  const mailPort = await world.reservePort();
  const names = ['web1', 'web2', 'web3'];
  const web: Awaited<ReturnType<typeof updatableServer>>[] = [];
  for (const name of names)
    web.push(
      await updatableServer(world, name, '1.0', {
        site: {mail: {smtp: `smtp://127.0.0.1:${mailPort}`, from: `${name}@example.com`}},
        update: {mail: {administrator: [`admin@${name}.example.com`]}},
      }),
    );
  const [one, two, three] = web as [(typeof web)[0], (typeof web)[0], (typeof web)[0]];
  const versions = () => web.map(({service}) => service.version).join(' ');
  const isHeld = ({data}: TestServer) => existsSync(path.join(data, 'sites/main/rollout-lock.json'));
  const show = async (name: string) =>
    (await world.must('rollout', 'show', name, '--json')).json<RolloutEntry>();
  const folder = path.join(world.folder, 'release');
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'version.txt'), '1.1');
  await world.must('release', 'add', folder, '--name', 'shop', '--version', '1.1', '--push');

  const closesMs = (Math.floor(Date.now() / minuteMs) + 60) * minuteMs;
  const opensMs = closesMs - 120 * minuteMs;
  await world.must(
    ...['rollout', 'create', 'nightly', '--release', 'shop-1.1', '--servers', names.join(','), '--scheduled'],
    ...['--waves', '3', '--concurrency', '1', '--failures-allowed', '1', '--mail-to', 'ops@example.com'],
    ...['--window', `daily ${clock(opensMs)}-${clock(closesMs)} UTC`],
  );
  const worstCaseMs = async () => {
    const {servers} = (await world.must('rollout', 'check', 'nightly', '--json')).json<{
      servers: {server: string; worstCaseMs: number}[];
    }>();
    return servers.find(({server}) => server === 'web2')!.worstCaseMs;
  };
  const setGrace = async (grace: string) => {
    const file = path.join(two.server.data, 'agent.json');
    const json = JSON.parse(readFileSync(file, 'utf8'));
    two.server.editAgentJson({update: {...json.sites.main.update, grace}});
    await eventually('the agent follows agent.json', async () => {
      const now = await worstCaseMs();
      const followed = now !== before;
      before = now;
      return followed;
    });
  };
  // As long as just fits now, and not any more when the first server is done.
  let before = await worstCaseMs();
  const spareMs = closesMs - Date.now() - before - 10_000;
  await setGrace(`${Math.floor((5 * minuteMs + spareMs) / 1000)}s`);
  one.service.sessions = 1;
  three.service.sick = ['1.1'];
  // Nobody starts it but the schedule (U1), and that once.
  const tick = async () => {
    const {rollouts} = (await world.must('scheduler', 'tick', '--json')).json<{
      rollouts: {rollout: string}[];
    }>();
    return rollouts.map(({rollout}) => rollout);
  };
  t.deepEqual(await tick(), ['nightly']);
  t.deepEqual(await tick(), []);
  const starting = world.lockstep('rollout', 'watch', 'nightly', '--json');
  await eventually('web1 waits for its users', async () =>
    (await show('nightly')).servers.some(({state, step}) => state === 'running' && step === 'drain'),
  );
  t.true(isHeld(two.server), 'all servers are held while the rollout is at work');
  await eventually('the window is too short for web2', () => Date.now() + before > closesMs);
  one.service.sessions = 0;
  const deferred = await starting;
  t.is(deferred.exitCode, 5, String(deferred));
  const {status, why, reason, servers} = finished(deferred);
  t.is(status, 'paused');
  t.deepEqual(why, {kind: 'window', wave: 1, deferred: ['web2/main'], opensMs: opensMs + 1440 * minuteMs});
  t.regex(reason, /Deferred: web2\/main does not fit into the window, which opens next at /);
  t.deepEqual(
    servers.map(({state}) => state),
    ['done', 'waiting', 'rolled-back'],
    'what fits is started, whatever stands before it in the list',
  );
  t.is(versions(), '1.1 1.0 1.0');
  t.deepEqual(
    web.map(({server}) => isHeld(server)),
    [false, false, false],
    'nobody is kept away until the window opens again',
  );

  // The scheduler goes on with it: the list of what comes says so.
  const {next} = (await world.must('scheduler', 'next', '--json')).json<{next: ScheduledStart[]}>();
  t.is(next.length, 1);
  t.like(next[0], {rollout: 'nightly', at: new Date(opensMs + 1440 * minuteMs).toISOString(), zone: 'UTC'});
  t.regex((await world.must('scheduler', 'next')).stdout, /rollout nightly +daily/);

  // Only now is there a mail server: what waited on the agents is sent.
  const journal = async (server: string) =>
    (await world.must('rollout', 'journal', 'nightly', server, '--json')).json<{status: {mail: string}}>();
  t.is((await journal('web1')).status.mail, 'waiting');
  const {mails} = await startMailServer(t, mailPort);
  const told = () => mails.flatMap(({to, text}) => `${to}: ${/^Subject: (.*)\r$/m.exec(text)?.[1]}`).sort();
  // An agent that has tried for half a minute tries again in a minute.
  await eventually('four mails are sent', () => mails.length >= 4, 120_000);
  t.deepEqual(
    told().map(line => line.split(':')[0]),
    ['admin@web1.example.com', 'admin@web3.example.com', 'ops@example.com', 'ops@example.com'],
  );
  const success = mails.find(
    ({to, text}) => to[0]!.startsWith('ops') && text.includes('web1/main was updated'),
  );
  t.regex(success!.text, /web1\/main was updated from 1\.0 to 1\.1[\s\S]*done\s+Stop the service/);
  const failure = mails.find(({to, text}) => to[0]!.startsWith('ops') && text.includes('web3/main was not'));
  t.regex(failure!.text, /1\.0 runs again with its old data[\s\S]*What to do next:/);
  await eventually('nothing waits', async () => (await journal('web1')).status.mail === 'sent');

  // Going on takes the locks anew: meanwhile nobody else begins there.
  await setGrace('5m');
  two.service.sessions = 1;
  t.deepEqual(await tick(), [], 'not before it opens again');
  // As if that time had come.
  const state = path.join(world.home, 'state.json');
  const json = JSON.parse(readFileSync(state, 'utf8')) as {rollouts: {dueAt?: string}[]};
  t.is(json.rollouts[0]!.dueAt, next[0]!.at);
  json.rollouts[0]!.dueAt = new Date().toISOString();
  writeFileSync(state, JSON.stringify(json));
  t.deepEqual(await tick(), ['nightly']);
  const resuming = world.lockstep('rollout', 'watch', 'nightly', '--json');
  await eventually('web2 waits for its users', async () =>
    (await show('nightly')).servers.some(({state, step}) => state === 'running' && step === 'drain'),
  );
  await world.must(
    'rollout',
    'create',
    'other',
    '--release',
    'shop-1.1',
    '--servers',
    'web2,web1',
    '--waves',
    '2',
  );
  const locked = await world.lockstep('rollout', 'start', 'other', '--json');
  t.is(locked.exitCode, 6, String(locked));
  two.service.sessions = 0;
  const resumed = await resuming;
  t.is(resumed.exitCode, 3, String(resumed));
  t.is(finished(resumed).status, 'done');
  t.regex(finished(resumed).reason, /^Done, but for web3\/main/);
  t.is(versions(), '1.1 1.1 1.0');
  await eventually('web2 is told of', () => mails.length >= 6, 120_000);
  t.true(told().some(line => /^ops@example\.com: .*web2\/main was updated/.test(line)));

  // What somebody else kept away holds nothing itself, and can be given up.
  t.deepEqual(
    web.map(({server}) => isHeld(server)),
    [false, false, false],
  );
  await world.must('rollout', 'abort', 'other');
  await eventually('it has ended', async () => (await show('other')).status === 'aborted');
  await world.must('rollout', 'delete', 'other', '--yes', '--confirm', 'other');
});
