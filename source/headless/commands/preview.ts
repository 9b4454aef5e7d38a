import type {Command} from 'commander';
import {OperatorError} from '../../core/operator-error.js';
import type {Register} from '../command-context.js';
import {printable} from '../format.js';
import {parseProfileName} from '../parse-arguments.js';
import {selectOption} from '../select-option.js';
import {showPreview} from '../show-preview.js';
import {findProfile} from './profile.js';

type PreviewOptions = {select?: string[]; diff: boolean; out?: string; detailedExitcode: boolean};

/** `lockstep preview …`: what the next run would change; read-only (E13). */
export function addPreviewCommand(program: Command, register: Register): void {
  program
    .command('preview <relationship/profile>')
    .description('what the next run would change on each side; read-only')
    .addOption(selectOption())
    .option('--diff', 'with the text of changed files and the columns of changed rows', false)
    .option('--out <file>', 'save the plan, to be run exactly so with `run --plan`')
    .option('--detailed-exitcode', 'exit with 2 when there are changes', false)
    .action(
      register<[string], PreviewOptions>(async (context, [text], options) => {
        const {relationship, profile} = parseProfileName(text);
        const engine = await context.engine();
        await findProfile(engine, relationship, profile);
        const stop = new AbortController();
        let exitCode = 0;
        const release = context.onSignal(['SIGINT', 'SIGTERM', 'SIGHUP'], signal => {
          exitCode = {SIGINT: 130, SIGTERM: 143, SIGHUP: 129}[signal as 'SIGINT'];
          stop.abort(new OperatorError('RUN_CANCELLED', 'The preview was interrupted; nothing was changed.'));
        });
        try {
          const preview = await engine.preview(relationship, profile, {
            signal: stop.signal,
            ...(options.select === undefined ? {} : {select: options.select}),
            onProgress: progress => context.output.draw(printable(progress)),
          });
          context.output.draw('');
          if (options.out !== undefined) await engine.savePlan(preview, options.out);
          await showPreview(context, engine, preview, {diff: options.diff});
          if (options.out !== undefined)
            context.output.tell(
              printable(
                `The plan is saved: lockstep run ${text} --plan ${options.out} runs exactly this, once.`,
              ),
            );
          const changes = preview.plan.actions.some(action => action.kind !== 'skip');
          return options.detailedExitcode && changes ? 2 : 0;
        } catch (error) {
          if (!stop.signal.aborted) throw error;
          context.output.tell('The preview was interrupted; nothing was changed.');
          return exitCode;
        } finally {
          release();
        }
      }),
    );
}
