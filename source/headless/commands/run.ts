import {type Command, Option} from 'commander';
import {OperatorError} from '../../core/operator-error.js';
import type {Register} from '../command-context.js';
import {parsePercentage, parseProfileName} from '../parse-arguments.js';
import {selectOption} from '../select-option.js';
import {showPreview} from '../show-preview.js';
import {attach, type WatchMode} from '../watch-run.js';
import {findProfile} from './profile.js';

type RunOptions = WatchMode & {plan?: string; select?: string[]; maxDelete?: string; verify: boolean};

/** `lockstep run …`: carries a profile or a saved plan out, in a process that outlives this one (E14, X3). */
export function addRunCommand(program: Command, register: Register): void {
  program
    .command('run <relationship/profile>')
    .description('carry a profile out; the run outlives this command')
    .addOption(selectOption())
    .addOption(new Option('--plan <file>', 'exactly this saved plan, or nothing').conflicts('select'))
    .option('--max-delete <share>', 'share of the items that this run may delete, instead of the profile’s')
    .option('--verify', 'compare everything anew instead of only what is known to have changed', false)
    .addOption(
      new Option('--attached', 'Ctrl-C cancels the run instead of leaving it alone').conflicts('detach'),
    )
    .option('--detach', 'print the run id and leave')
    .action(
      register<[string], RunOptions>(async (context, [text], options) => {
        const {relationship, profile} = parseProfileName(text);
        const maxDelete =
          options.maxDelete === undefined ? undefined : parsePercentage(options.maxDelete, '--max-delete');
        const selected = options.select === undefined ? {} : {select: options.select};
        const engine = await context.engine();
        await findProfile(engine, relationship, profile);
        if (context.options.dryRun) {
          if (options.plan !== undefined)
            throw new OperatorError('USAGE', 'A saved plan is its own dry run.', {
              hint: 'Leave out --plan to see what a run would do now.',
            });
          const preview = await engine.preview(relationship, profile, {
            ...selected,
            ...(maxDelete === undefined ? {} : {maxDelete}),
          });
          await showPreview(context, engine, preview, {diff: false});
          return 0;
        }
        return attach(context, engine, options, () =>
          engine.runs.start({
            relationship,
            profile,
            kind: 'sync',
            ...(options.plan === undefined ? {} : {planFile: options.plan}),
            ...(maxDelete === undefined ? {} : {maxDelete}),
            ...(options.verify ? {verify: true} : {}),
            ...selected,
          }),
        );
      }),
    );
}
