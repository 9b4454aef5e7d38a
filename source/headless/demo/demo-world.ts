import type {ChildProcess} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {type CommandLine, createCommandLine} from './command-line.js';
import {createContentSite} from './content-site.js';

export const demoServers = ['development', 'staging', 'production'] as const;
export type DemoServer = (typeof demoServers)[number];

/** Three agents on this machine with a content site each, paired and related (E1, E3). */
export type DemoWorld = {
  readonly folder: string;
  readonly home: string;
  readonly commandLine: CommandLine;
  rootOf(server: DemoServer): string;
  databaseOf(server: DemoServer): string;
  /** Stops the agents and removes everything, or leaves the folder when asked to. */
  close(keep: boolean): Promise<void>;
};

/**
 * Makes the world step by step, telling each step. On a failure everything made so far is removed again.
 * @throws Error with the failed command and what it said.
 */
export async function createDemoWorld(program: string, tell: (step: string) => void): Promise<DemoWorld> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'lockstep-demo-'));
  const home = path.join(folder, 'console');
  const commandLine = createCommandLine(program, home);
  const agents: ChildProcess[] = [];
  const world: DemoWorld = {
    folder,
    home,
    commandLine,
    rootOf: server => path.join(folder, server, 'site'),
    databaseOf: server => path.join(folder, server, 'content.db'),
    async close(keep) {
      await Promise.all(agents.map(stop));
      if (!keep) rmSync(folder, {recursive: true, force: true, maxRetries: 5});
    },
  };
  try {
    await furnish(world, agents, tell);
    return world;
  } catch (error) {
    await world.close(false);
    throw error;
  }
}

async function furnish(
  world: DemoWorld,
  agents: ChildProcess[],
  tell: (step: string) => void,
): Promise<void> {
  const must = async (...argv: string[]) => {
    const result = await world.commandLine.run(...argv);
    if (result.exitCode !== 0)
      throw new Error(`lockstep ${argv.join(' ')} ended with ${result.exitCode}: ${result.stderr}`);
    return result.stdout;
  };
  for (const server of demoServers) {
    tell(`${server}: a site, an agent, an invitation`);
    const data = path.join(world.folder, server, 'agent');
    createContentSite(
      world.rootOf(server),
      world.databaseOf(server),
      server === 'production' ? {pages: 600, images: 40} : undefined,
    );
    await must('agent', 'init', '--data', data, '--name', server, '--listen', '127.0.0.1:0');
    const database = `sqlite:${world.databaseOf(server)}`;
    await must(
      'agent',
      'site',
      'add',
      'main',
      '--data',
      data,
      '--root',
      world.rootOf(server),
      '--database',
      database,
      '--site-version',
      '7.6.6',
    );
    agents.push(await world.commandLine.startAgent(data));
    const {invitation} = JSON.parse(
      await must('agent', 'invite', '--data', data, '--role', 'admin', '--json'),
    ) as {invitation: string};
    await must('server', 'add', invitation);
  }
  // The existing site is production; the others start empty and are filled downwards, later changes travel up (E3).
  for (const [local, remote] of [
    ['staging', 'production'],
    ['development', 'staging'],
  ] as const) {
    const name = `${local}-${remote}`;
    tell(`${name}: relationship, first sync, profiles`);
    await must(
      'relationship',
      'create',
      name,
      '--local',
      `${local}/main`,
      '--remote',
      `${remote}/main`,
      '--initial',
      'download',
    );
    await must('relationship', 'initial-sync', name, '--yes');
    await must(
      'profile',
      'create',
      `${name}/everything`,
      '--items',
      'database,workarea,templates,bin',
      '--direction',
      'bidirectional',
    );
    await must('profile', 'create', `${name}/templates`, '--items', 'templates,bin', '--direction', 'upload');
    await must('run', `${name}/everything`);
  }
}

function stop(agent: ChildProcess): Promise<void> {
  return new Promise(resolve => {
    if (agent.exitCode !== null || agent.signalCode !== null) return resolve();
    const lastResort = setTimeout(() => agent.kill('SIGKILL'), 10_000);
    agent.once('exit', () => {
      clearTimeout(lastResort);
      resolve();
    });
    agent.kill('SIGTERM');
  });
}
