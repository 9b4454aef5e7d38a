import type {Command} from 'commander';
import {OperatorError} from '../../core/operator-error.js';
import type {Register} from '../command-context.js';

/** `lockstep` alone opens the console, on a terminal; `lockstep --plain` anywhere. To be added last: what it sets is not for the other commands. */
export function addConsoleCommand(program: Command, register: Register): void {
  program.allowExcessArguments(true).action(
    register(({options, services}) => {
      const [unknown] = program.args;
      if (unknown !== undefined)
        throw new OperatorError('USAGE', `There is no command "${unknown}".`, {
          hint: '`lockstep --help` lists what there is.',
        });
      const terminal =
        process.stdin.isTTY === true && process.stdout.isTTY === true && !options.nonInteractive;
      // Lines of text can come from a script and go to a file; it is asked for by name then.
      if (options.json || (!terminal && !program.opts<{plain?: boolean}>().plain))
        throw new OperatorError('USAGE', 'The console needs a terminal to draw on.', {
          hint: 'Name a command instead (`lockstep --help` lists them), or use `lockstep --plain`.',
        });
      return services.openConsole(options.home, {plain: options.plain});
    }),
  );
  program
    .command('__runner <runId>', {hidden: true})
    .action(register<[string]>(({options, services}, [runId]) => services.executeRun(options.home, runId)));
  program
    .command('__rollout <rolloutId>', {hidden: true})
    .action(
      register<[string]>(({options, services}, [rolloutId]) =>
        services.executeRollout(options.home, rolloutId),
      ),
    );
}
