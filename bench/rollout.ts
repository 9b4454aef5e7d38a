import type {ChildProcess} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {type CommandLine, createCommandLine} from '../source/headless/demo/command-line.js';

/** What a service needs to come up, seconds: that is what the time of a real update is made of. */
const startSeconds = 3;
/** Servers at work at the same time. */
const concurrency = 10;

const program = path.join(import.meta.dirname, '../../source/bin/lockstep.cjs');

/**
 * `npm run bench -- rollout [--sites N] [--agents M]`: one rollout over many sites in a few agents, in waves of one, nine
 * and the rest. Its time is compared with the sum that the waves allow: the time of one update alone, times the turns
 * that each wave needs with so many at a time.
 */
export async function benchRollout(
  options: {sites: number; agents: number},
  print: (line: string) => void,
): Promise<void> {
  const fleet = createFleet();
  try {
    const addresses = await fleet.open(options.sites, options.agents);
    for (const version of ['2.0', '3.0']) await fleet.release(version);
    const alone = await fleet.roll('alone', '2.0', addresses.slice(0, 1), ['rest']);
    const waves = [1, 9, options.sites - 10].filter(size => size > 0);
    const turns = waves.reduce((sum, size) => sum + Math.ceil(size / concurrency), 0);
    const all = await fleet.roll('all', '3.0', addresses, waves.map(String));
    const allowed = turns * alone.seconds;
    print(
      'sites | agents | at a time | one alone | allowed by the waves | took | ratio | most at once | slowest rollout show',
    );
    print(
      [
        String(options.sites),
        String(options.agents),
        String(concurrency),
        `${alone.seconds.toFixed(1)} s`,
        `${allowed.toFixed(1)} s`,
        `${all.seconds.toFixed(1)} s`,
        (all.seconds / allowed).toFixed(2),
        String(all.mostAtOnce),
        `${all.slowestShow.toFixed(2)} s`,
      ].join(' | '),
    );
  } finally {
    await fleet.close();
  }
}

type Outcome = {seconds: number; mostAtOnce: number; slowestShow: number};

function createFleet() {
  const folder = mkdtempSync('/dev/shm/lockstep-bench-');
  const commandLine: CommandLine = createCommandLine(program, path.join(folder, 'console'));
  const agents: ChildProcess[] = [];
  const must = async (...argv: string[]) => {
    const result = await commandLine.run(...argv);
    if (result.exitCode !== 0)
      throw new Error(`lockstep ${argv.join(' ')} ended with ${result.exitCode}: ${result.stderr}`);
    return result.stdout;
  };
  return {
    /** @returns `SERVER/SITE` of every site */
    async open(sites: number, count: number): Promise<string[]> {
      const addresses: string[] = [];
      for (let number = 1; number <= count; number++) {
        const name = `server${number}`;
        const data = path.join(folder, name);
        await must('agent', 'init', '--data', data, '--name', name, '--listen', '127.0.0.1:0');
        const own = Array.from(
          {length: Math.ceil((sites - number + 1) / count)},
          (_, index) => `site${index + 1}`,
        );
        const file = path.join(data, 'agent.json');
        const json = JSON.parse(readFileSync(file, 'utf8')) as {sites: Record<string, unknown>};
        for (const site of own) json.sites[site] = makeSite(path.join(data, 'services', site));
        writeFileSync(file, JSON.stringify(json));
        agents.push(await commandLine.startAgent(data));
        const {invitation} = JSON.parse(
          await must('agent', 'invite', '--data', data, '--role', 'admin', '--json'),
        ) as {invitation: string};
        await must('server', 'add', invitation);
        addresses.push(...own.map(site => `${name}/${site}`));
      }
      return addresses;
    },

    async release(version: string): Promise<void> {
      const from = path.join(folder, `release-${version}`);
      mkdirSync(from);
      writeFileSync(path.join(from, 'version.txt'), version);
      await must('release', 'add', from, '--name', 'bench', '--version', version, '--push');
    },

    async roll(
      name: string,
      version: string,
      addresses: readonly string[],
      waves: readonly string[],
    ): Promise<Outcome> {
      await must(
        ...['rollout', 'create', name, '--release', `bench-${version}`, '--servers', addresses.join(',')],
        ...['--waves', waves.join(','), '--concurrency', String(concurrency)],
      );
      const begin = performance.now();
      const rolling = commandLine.run('rollout', 'start', name, '--json');
      let ended = false;
      void rolling.then(() => {
        ended = true;
      });
      let mostAtOnce = 0;
      let slowestShow = 0;
      while (!ended) {
        const asked = performance.now();
        const shown = await commandLine.run('rollout', 'show', name, '--json');
        slowestShow = Math.max(slowestShow, (performance.now() - asked) / 1000);
        if (shown.exitCode !== 0) throw new Error(`rollout show: ${shown.stderr}`);
        const {servers} = JSON.parse(shown.stdout) as {servers: {state: string}[]};
        mostAtOnce = Math.max(mostAtOnce, servers.filter(({state}) => state === 'running').length);
        await Promise.race([rolling, new Promise(resolve => setTimeout(resolve, 2_000))]);
      }
      const seconds = (performance.now() - begin) / 1000;
      const {exitCode, stderr, stdout} = await rolling;
      if (exitCode !== 0)
        throw new Error(`rollout start ${name} ended with ${exitCode}: ${stderr}${stdout.slice(-2000)}`);
      return {seconds, mostAtOnce, slowestShow};
    },

    async close(): Promise<void> {
      await Promise.all(
        agents.map(
          agent =>
            new Promise<void>(resolve => {
              if (agent.exitCode !== null) return resolve();
              agent.once('exit', () => resolve());
              agent.kill('SIGTERM');
            }),
        ),
      );
      rmSync(folder, {recursive: true, force: true});
    },
  };
}

/** A site whose service is a file that is there while it runs. @returns its part of agent.json */
function makeSite(folder: string): Record<string, unknown> {
  const app = path.join(folder, 'app');
  const root = path.join(folder, 'root');
  for (const each of [app, root]) mkdirSync(each, {recursive: true});
  const running = path.join(folder, 'running');
  for (const file of [running, path.join(app, 'version.txt')]) writeFileSync(file, '1.0');
  const shell = (script: string) => ({run: ['/bin/sh', '-c', script]});
  return {
    root,
    version: '1.0',
    update: {
      folder: app,
      allowUnsigned: true,
      grace: '1ms',
      backup: false,
      service: {
        start: shell(`sleep ${startSeconds}; touch ${running}`),
        stop: shell(`rm -f ${running}`),
        status: shell(`test -f ${running} || exit 3`),
        health: shell(`test -f ${running}`),
      },
    },
  };
}
