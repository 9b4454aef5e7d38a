import {Command, CommanderError} from 'commander';
import {asOperatorError, OperatorError} from '../core/operator-error.js';
import type {CommandContext, GlobalOptions, Register, Services} from './command-context.js';
import {addAgentCommands} from './commands/agent.js';
import {addBackupCommands} from './commands/backup.js';
import {addCertificateCommands} from './commands/certificate.js';
import {addClusterCommands} from './commands/cluster.js';
import {addCollisionsCommands} from './commands/collisions.js';
import {addConsoleCommand} from './commands/console.js';
import {addDemoCommand} from './commands/demo.js';
import {addDoctorCommand} from './commands/doctor.js';
import {addFileCommands} from './commands/file.js';
import {addHistoryCommands} from './commands/history.js';
import {addLiveCommands} from './commands/live.js';
import {addPackageCommands} from './commands/package.js';
import {addPlanCommands} from './commands/plan.js';
import {addPreviewCommand} from './commands/preview.js';
import {addProfileCommands} from './commands/profile.js';
import {addRelationshipCommands} from './commands/relationship.js';
import {addReleaseCommands} from './commands/release.js';
import {addRolloutCommands} from './commands/rollout.js';
import {addRunCommand} from './commands/run.js';
import {addRunsCommands} from './commands/runs.js';
import {addSchedulerCommands} from './commands/scheduler.js';
import {addServerCommands} from './commands/server.js';
import {addSettingsCommands} from './commands/settings.js';
import {addSiteCommands} from './commands/site.js';
import {createInteraction} from './interaction.js';
import {createOutput, type Streams} from './output.js';
import {readLine} from './read-line.js';

export type Invocation = {
  readonly argv: readonly string[];
  readonly version: string;
  readonly services: Services;
  /** Where the console's home is when neither `--home` nor LOCKSTEP_HOME says so. */
  readonly defaultHome: () => string;
  /** Where words go; those of the process when absent. */
  readonly streams?: Streams;
};

/** Runs one command line to its end and resolves with its exit status; never throws. */
export async function runProgram(invocation: Invocation): Promise<number> {
  let exitCode = 0;
  const program = createProgram(invocation, code => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...invocation.argv], {from: 'user'});
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
    const error = thrown instanceof CommanderError ? usageError(thrown) : asOperatorError(thrown);
    outputOf(invocation).fail(error);
    if (error.code === 'INTERNAL' && process.env.LOCKSTEP_DEBUG !== undefined)
      process.stderr.write(`${(error.cause as Error | undefined)?.stack ?? error.stack}\n`);
    return error.exitCode;
  }
}

/** The output for a failure, which may have come before the options were understood. */
function outputOf({argv, streams = ownStreams()}: Invocation) {
  const end = argv.indexOf('--');
  const said = end === -1 ? argv : argv.slice(0, end);
  return createOutput({json: said.includes('--json'), color: !said.includes('--no-color')}, streams);
}

function ownStreams(): Streams {
  return {stdout: process.stdout, stderr: process.stderr, environment: process.env};
}

function usageError(error: CommanderError): OperatorError {
  if (error.code === 'commander.help')
    return new OperatorError('USAGE', 'The command is not complete.', {
      hint: 'Add --help to see what it can do.',
    });
  const [message = '', ...suggestion] = error.message.replace(/^error: /, '').split('\n');
  return new OperatorError('USAGE', message.charAt(0).toUpperCase() + message.slice(1), {
    hint: suggestion.length > 0 ? suggestion.join(' ') : 'Add --help to see what the command takes.',
  });
}

/** The whole grammar of CLI.md. Commands are registered at once; what they need is loaded when they run. */
function createProgram(invocation: Invocation, setExitCode: (code: number) => void): Command {
  const program = new Command('lockstep');
  program
    .description('Keeps web sites on several servers in step, files and databases.')
    .helpOption('-h, --help', 'print this help')
    .option('--home <dir>', "the console's folder: state, identity, runs (or LOCKSTEP_HOME)")
    .option('--json', 'data as JSON on stdout; streams as NDJSON')
    .option('--non-interactive', 'never ask; implied when stdin is not a terminal')
    .option('--yes', 'confirm what would be asked')
    .option('--confirm <name>', 'confirm a severe action by naming what it is about')
    .option('--dry-run', 'check and print, change nothing')
    .option('--plain', 'the console as lines of text and numbered choices (also TERM=dumb)')
    .option('--no-color', 'no colour, no drawing over lines (also NO_COLOR, TERM=dumb)')
    .exitOverride()
    .configureHelp({showGlobalOptions: true})
    .configureOutput({
      writeOut: text => (invocation.streams ?? process).stdout.write(text),
      // The help of an incomplete command is for people; errors are written once, by runProgram.
      writeErr: text => {
        if (!invocation.argv.includes('--json')) (invocation.streams ?? process).stderr.write(text);
      },
      outputError: () => {},
    });

  const register: Register = handler => {
    return async (...parsed) => {
      // Commander passes the arguments, then the options, then the command.
      const command = parsed.at(-1) as Command;
      const context = createContext(program, invocation);
      const code = await handler(context, parsed.slice(0, -2) as never, command.opts() as never);
      setExitCode(code ?? 0);
    };
  };
  addPreviewCommand(program, register);
  addRunCommand(program, register);
  addDoctorCommand(program, register);
  addDemoCommand(program, register);
  addServerCommands(program, register);
  addSiteCommands(program, register);
  addPlanCommands(program, register);
  addSettingsCommands(program, register);
  addClusterCommands(program, register);
  addLiveCommands(program, register);
  addRelationshipCommands(program, register);
  addProfileCommands(program, register);
  addRunsCommands(program, register);
  addHistoryCommands(program, register);
  addPackageCommands(program, register);
  addFileCommands(program, register);
  addReleaseCommands(program, register);
  addRolloutCommands(program, register);
  addCollisionsCommands(program, register);
  addBackupCommands(program, register);
  addSchedulerCommands(program, register);
  addAgentCommands(program, register);
  addCertificateCommands(program, register);
  addConsoleCommand(program, register);
  program.helpCommand('help [command]', 'print this help, or that of a command');
  // Releases have versions of their own: beside a command, --version is an option of that command.
  const names = new Set(program.commands.map(command => command.name()));
  if (!invocation.argv.some(argument => names.has(argument)))
    program.version(invocation.version, '--version', 'print the version');
  return program;
}

function createContext(
  program: Command,
  {services, defaultHome, streams = ownStreams()}: Invocation,
): CommandContext {
  const said = program.opts<{
    home?: string;
    json?: boolean;
    nonInteractive?: boolean;
    yes?: boolean;
    confirm?: string;
    dryRun?: boolean;
    plain?: boolean;
    color: boolean;
  }>();
  const fromEnvironment = process.env.LOCKSTEP_HOME;
  const options: GlobalOptions = {
    home: said.home ?? (fromEnvironment ? fromEnvironment : defaultHome()),
    json: said.json === true,
    nonInteractive: said.nonInteractive === true || process.stdin.isTTY !== true,
    yes: said.yes === true,
    confirm: said.confirm,
    dryRun: said.dryRun === true,
    plain: said.plain === true || process.env.TERM === 'dumb',
    color: said.color,
  };
  let engine: ReturnType<Services['openEngine']> | undefined;
  return {
    options,
    services,
    output: createOutput(options, streams),
    interaction: createInteraction(
      {yes: options.yes, confirm: options.confirm, interactive: !options.nonInteractive},
      readLine,
    ),
    engine() {
      engine ??= services.openEngine(options.home);
      return engine;
    },
    agent: () => services.agentVerbs(),
    onSignal(signals, handler) {
      for (const signal of signals) process.on(signal, handler);
      return () => {
        for (const signal of signals) process.off(signal, handler);
      };
    },
  };
}
