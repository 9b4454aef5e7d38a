import type {Command} from 'commander';
import {asOperatorError} from '../../core/operator-error.js';
import type {DoctorCheck} from '../../engine/engine.js';
import type {CommandContext, Register} from '../command-context.js';
import {printable} from '../format.js';

/** Exit status when something fails: a person must look (CLI.md, "Exit status"). */
const needsAttention = 4;

/** `lockstep doctor`: checks everything that can be checked from here and says what to do. */
export function addDoctorCommand(program: Command, register: Register): void {
  program
    .command('doctor')
    .description('check console, state, servers, clocks, versions, certificates; say what to do')
    .action(
      register(async context => {
        const checks = await examine(context);
        const healthy = checks.every(check => check.result !== 'fail');
        if (context.options.json) context.output.document({healthy, checks});
        else {
          const {renderTable} = await import('../table.js');
          const look = {ok: 'good', warn: 'careful', fail: 'bad'} as const;
          context.output.print(
            renderTable(
              [{title: ''}, {title: 'WHAT'}, {title: 'FOUND'}],
              checks.flatMap(check => [
                [
                  context.output.look(look[check.result], check.result),
                  printable(check.name),
                  printable(check.detail),
                ],
                ...(check.result !== 'ok' && check.hint !== undefined
                  ? [['', '', printable(`-> ${check.hint}`)]]
                  : []),
              ]),
            ),
          );
        }
        return healthy ? 0 : needsAttention;
      }),
    );
}

/** A console whose state cannot even be opened is a finding as well, the very kind the doctor is called for. */
async function examine(context: CommandContext): Promise<readonly DoctorCheck[]> {
  try {
    return await (await context.engine()).doctor();
  } catch (thrown) {
    const error = asOperatorError(thrown);
    return [
      {
        name: 'console',
        result: 'fail',
        detail: error.message,
        ...(error.hint === undefined ? {} : {hint: error.hint}),
      },
    ];
  }
}
