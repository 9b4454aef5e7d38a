import {type ChildProcess, spawn} from 'node:child_process';
import {createInterface} from 'node:readline';

/** What a finished command printed and how it ended. */
export type CommandResult = {readonly exitCode: number; readonly stdout: string; readonly stderr: string};

/**
 * Lockstep's own command line, called the way a script calls it. The demo goes through it and not through the
 * engine, because what it shows is what a person or a script can do.
 */
export type CommandLine = {
  /** Runs a command to its end. Never throws for an exit status. */
  run(...argv: string[]): Promise<CommandResult>;
  /** Starts `agent run` and resolves once it listens. */
  startAgent(dataFolder: string): Promise<ChildProcess>;
};

/** @param program the launcher to call, normally the one that started this process. */
export function createCommandLine(program: string, home: string): CommandLine {
  const environment = {...process.env, LOCKSTEP_HOME: home};
  return {
    run(...argv) {
      return new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [program, ...argv], {
          env: environment,
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        let stdout = '';
        let stderr = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
        child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
        child.once('error', reject);
        child.once('close', exitCode => resolve({exitCode: exitCode ?? 1, stdout, stderr}));
      });
    },
    startAgent(dataFolder) {
      return new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [program, 'agent', 'run', '--data', dataFolder, '--json'], {
          env: environment,
          stdio: ['ignore', 'pipe', 'pipe'],
          // A Ctrl-C in the demo's terminal belongs to the console; the demo stops its agents itself.
          detached: true,
        });
        let stderr = '';
        child.stderr
          .setEncoding('utf8')
          .on('data', (text: string) => (stderr = (stderr + text).slice(-4000)));
        createInterface({input: child.stdout}).once('line', () => resolve(child));
        child.once('error', reject);
        child.once('exit', code =>
          reject(new Error(`agent ended with ${code} before it listened: ${stderr}`)),
        );
      });
    },
  };
}
