import type {Command} from 'commander';
import {formatSize} from '../../core/byte-size.js';
import {countOf} from '../../core/count-of.js';
import {OperatorError} from '../../core/operator-error.js';
import {isChoice, type SettingName, settingChoices, settingNames} from '../../core/settings.js';
import type {Register} from '../command-context.js';
import {printable} from '../format.js';

/** `lockstep settings …`: how the console shows things, and what it keeps where. */
export function addSettingsCommands(program: Command, register: Register): void {
  const settings = program.command('settings').description('how the console shows things, and what it keeps');

  settings
    .command('show')
    .description('the settings of this home, and what lies in it')
    .action(
      register(async context => {
        const verbs = (await context.engine()).settings;
        const [chosen, facts] = [await verbs.read(), await verbs.facts()];
        if (context.options.json) return context.output.document({settings: chosen, home: facts});
        const {renderFacts} = await import('../table.js');
        const kept = ({count, bytes}: {count: number; bytes: number}, noun: string) =>
          `${countOf(count, noun)}, ${formatSize(bytes)}`;
        context.output.print(
          renderFacts([
            ...settingNames.map((name): [string, string] => [
              name,
              `${chosen[name]}  (of ${settingChoices[name].join(', ')})`,
            ]),
            ['home', printable(facts.home)],
            [
              'state',
              `${printable(facts.state.path)}, version ${facts.state.version}, ${formatSize(facts.state.bytes)}`,
            ],
            ['logs', `${kept(facts.runs, 'run')}; ${kept(facts.rollouts, 'rollout')}`],
            ['plans', kept(facts.plans, 'saved plan')],
          ]),
        );
      }),
    );

  settings
    .command('set <name> <value>')
    .description(`change a setting: ${settingNames.join(', ')}`)
    .action(
      register<[string, string]>(async (context, [name, value]) => {
        const known = settingNames.find(setting => setting === name);
        if (known === undefined || !isChoice(known, value))
          throw new OperatorError(
            'USAGE',
            known === undefined ? `There is no setting ${name}.` : `${name} cannot be ${value}.`,
            {
              hint: `There are: ${settingNames
                .filter(setting => known === undefined || setting === known)
                .map(setting => `${setting} ${settingChoices[setting].join('|')}`)
                .join(', ')}.`,
            },
          );
        const verbs = (await context.engine()).settings;
        const changes = {[known]: value} as Partial<Record<SettingName, never>>;
        const chosen = context.options.dryRun ? await verbs.read() : await verbs.change(changes);
        if (context.options.json) context.output.document({settings: chosen});
        else context.output.print(`${context.options.dryRun ? 'would set' : 'set'} ${known} to ${value}`);
      }),
    );
}
