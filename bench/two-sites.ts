import type {ChildProcess} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync} from 'node:fs';
import path from 'node:path';
import {type CommandLine, createCommandLine} from '../source/headless/demo/command-line.js';

export type RunSummary = {
  status: string;
  applied: number;
  skipped: number;
  bytes: number;
  durationMs: number;
};

/** Two agents over TLS on loopback with an empty site each, in memory where the system has a tmpfs. */
export type TwoSites = {
  readonly folder: string;
  readonly localRoot: string;
  readonly remoteRoot: string;
  readonly agents: readonly ChildProcess[];
  readonly commandLine: CommandLine;
  /** Pairs and relates the sites; with databases when their URLs are given. */
  connect(databases?: {local: string; remote: string}): Promise<void>;
  /** A profile `bench/all` that uploads the site's files. */
  createProfile(): Promise<void>;
  /** A whole `lockstep` command: seconds as a person would measure them, and the run's own summary. */
  time(...argv: string[]): Promise<{seconds: number; summary: RunSummary}>;
  close(): Promise<void>;
};

const program = path.join(import.meta.dirname, '../../source/bin/lockstep.cjs');

export function createTwoSites(): TwoSites {
  const folder = mkdtempSync('/dev/shm/lockstep-bench-');
  const commandLine = createCommandLine(program, path.join(folder, 'console'));
  const agents: ChildProcess[] = [];
  const must = async (...argv: string[]) => {
    const result = await commandLine.run(...argv);
    if (result.exitCode !== 0)
      throw new Error(
        `lockstep ${argv.join(' ')} ended with ${result.exitCode}: ${result.stderr}${result.stdout.slice(-500)}`,
      );
    return result.stdout;
  };
  const rootOf = (side: string) => path.join(folder, side, 'site');
  for (const side of ['local', 'remote']) mkdirSync(rootOf(side), {recursive: true});
  return {
    folder,
    localRoot: rootOf('local'),
    remoteRoot: rootOf('remote'),
    agents,
    commandLine,
    async connect(databases) {
      for (const side of ['local', 'remote'] as const) {
        const data = path.join(folder, side, 'agent');
        await must('agent', 'init', '--data', data, '--name', side, '--listen', '127.0.0.1:0');
        const database = databases === undefined ? [] : ['--database', databases[side]];
        await must(
          'agent',
          'site',
          'add',
          'main',
          '--data',
          data,
          '--root',
          rootOf(side),
          '--site-version',
          '1',
          ...database,
        );
        agents.push(await commandLine.startAgent(data));
        const {invitation} = JSON.parse(
          await must('agent', 'invite', '--data', data, '--role', 'admin', '--json'),
        ) as {invitation: string};
        await must('server', 'add', invitation);
      }
      await must(
        'relationship',
        'create',
        'bench',
        '--local',
        'local/main',
        '--remote',
        'remote/main',
        '--initial',
        'upload',
      );
    },
    async createProfile() {
      await must('profile', 'create', 'bench/all', '--items', 'templates', '--direction', 'upload');
    },
    async time(...argv) {
      const begin = performance.now();
      const output = await must(...argv, '--json');
      const seconds = (performance.now() - begin) / 1000;
      return {seconds, summary: JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as RunSummary};
    },
    async close() {
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
