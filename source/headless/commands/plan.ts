import path from 'node:path';
import type {Command} from 'commander';
import {formatSize} from '../../core/byte-size.js';
import {countOf} from '../../core/count-of.js';
import {OperatorError} from '../../core/operator-error.js';
import type {Register} from '../command-context.js';
import {formatTime, printable} from '../format.js';
import {showPreview} from '../show-preview.js';

/** `lockstep plan …`: plans that were saved, to be run exactly so or deleted (X2). */
export function addPlanCommands(program: Command, register: Register): void {
  const plan = program.command('plan').description('plans that the console saved');

  plan
    .command('list')
    .description("the plans in the console's folder, newest first")
    .action(
      register(async context => {
        const plans = await (await context.engine()).plans.list();
        if (context.options.json) return context.output.document({plans});
        if (plans.length === 0)
          return context.output.tell('No plan is saved here. `s` in a preview of the console saves one.');
        const {renderTable} = await import('../table.js');
        context.output.print(
          renderTable(
            [
              {title: 'PROFILE'},
              {title: 'TAKEN (UTC)'},
              {title: 'STATE'},
              {title: 'SIZE', align: 'right'},
              {title: 'FILE'},
            ],
            plans.map(entry =>
              (entry.problem === undefined
                ? [
                    `${entry.relationship}/${entry.profile}`,
                    formatTime(entry.takenAt),
                    entry.usedBy === undefined ? 'not run' : `run by ${entry.usedBy}`,
                    formatSize(entry.sizeBytes),
                    entry.file,
                  ]
                : ['-', '-', entry.problem, formatSize(entry.sizeBytes), entry.file]
              ).map(printable),
            ),
          ),
        );
      }),
    );

  plan
    .command('show <file>')
    .description('what a saved plan would do')
    .action(
      register<[string]>(async (context, [file]) => {
        const engine = await context.engine();
        await showPreview(context, engine, await engine.plans.open(path.resolve(file)), {diff: false});
      }),
    );

  plan
    .command('delete <files...>')
    .description("delete plans of the console's folder")
    .action(
      register<[string[]]>(async (context, [files]) => {
        const engine = await context.engine();
        const wanted = files.map(file => path.resolve(file));
        const known = new Set((await engine.plans.list()).map(({file}) => file));
        const unknown = wanted.find(file => !known.has(file));
        if (unknown !== undefined)
          throw new OperatorError('NOT_FOUND', `${unknown} is no plan of this console.`, {
            hint: '`lockstep plan list` shows them.',
          });
        if (!context.options.dryRun) {
          await context.interaction.confirmOnTerminal({
            consequence: `${countOf(wanted.length, 'plan')} will be deleted.`,
            name: 'delete',
          });
          await engine.plans.delete(wanted);
        }
        if (context.options.json) context.output.document({deleted: context.options.dryRun ? [] : wanted});
        else
          context.output.print(
            `${context.options.dryRun ? 'would delete' : 'deleted'} ${countOf(wanted.length, 'plan')}`,
          );
      }),
    );
}
