import {type Command, Option} from 'commander';
import {OperatorError} from '../../core/operator-error.js';
import type {Register} from '../command-context.js';
import {printable} from '../format.js';
import {parseCount} from '../parse-arguments.js';
import {definitionOf, type RolloutOptions} from '../rollout-definition.js';
import {showChecks, showRollout, showRollouts} from '../show-rollout.js';
import {attachToRollout, watchRollout} from '../watch-rollout.js';

type StartOptions = {detach?: boolean; takeOver?: string};

/** `lockstep rollout …`: updating many servers, in waves (U16). */
export function addRolloutCommands(program: Command, register: Register): void {
  const rollout = program.command('rollout').description('update many servers to a release, in waves');
  addDescribing(rollout, register);
  addCarryingOut(rollout, register);
  addDeciding(rollout, register);
}

function addDescribing(rollout: Command, register: Register): void {
  const gather = (value: string, before: string[] = []) => [...before, value];
  rollout
    .command('create <name>')
    .description('describe a rollout; launches nothing')
    .requiredOption('--release <name-version>', 'what the servers are updated to: `lockstep release list`')
    .requiredOption('--servers <server/site,…|cluster>', 'the sites that are updated, in order')
    .option(
      '--wave <size>',
      'a number (3), a share (50%), servers (web1,web2) or rest, with a name if you like (canary=web1); once for each wave',
      gather,
    )
    .option('--waves <sizes>', 'the same for several waves at once, by number and share: 1,3,rest')
    .option('--concurrency <number>', 'servers at work at the same time', '5')
    .option('--failures-allowed <number>', 'servers that may fail before nothing more is started', '0')
    .option('--bake <duration>', 'how long to wait after a wave before the next begins')
    .option('--gate <wave>', 'a wave that begins only after an approval, or every; repeatable', gather)
    .option('--approvers <names>', 'who may approve: user or user@host (default: anybody who may operate)')
    .option('--four-eyes', 'whoever created or started it does not approve', false)
    .option(
      '--window <when>',
      "when servers may be started: 'sat 22:00-23:30 Europe/Berlin', 'daily 22:00-02:00 UTC', '2026-12-05 22:00-23:30 UTC'",
    )
    .option(
      '--scheduled',
      'the scheduler starts it, and goes on with what was deferred, in its window',
      false,
    )
    .option('--patience <duration>', 'how long a server that is busy or out of reach is waited for', '1m')
    .option('--mail-to <address>', 'who is told how each update ended, besides its administrator')
    .option(
      '--item <text>',
      'an item of the checklist; with "2=text" wave 2 waits until it is ticked; repeatable',
      gather,
    )
    .action(
      register<[string], RolloutOptions>(async (context, [name], options) => {
        const engine = await context.engine();
        const definition = await definitionOf(engine, name, options);
        if (context.options.dryRun) {
          await engine.rollouts.foresee(definition);
          context.output.would(printable(`Would create ${name}.`));
          return;
        }
        await showRollout(context, await engine.rollouts.create(definition), 'created');
      }),
    );

  rollout
    .command('list')
    .description('all rollouts')
    .action(register(async context => showRollouts(context, await (await context.engine()).rollouts.list())));

  rollout
    .command('show <name>')
    .description('waves, servers and the checklist')
    .option('--markdown', 'the checklist and the servers as Markdown', false)
    .action(
      register<[string], {markdown: boolean}>(async (context, [name], {markdown}) => {
        const engine = await context.engine();
        if (markdown) context.output.print((await engine.rollouts.exportChecklist(name)).trimEnd());
        else await showRollout(context, await engine.rollouts.show(name));
      }),
    );

  rollout
    .command('delete <name>')
    .description('forget a rollout that is not at work; nothing of any server changes')
    .action(
      register<[string]>(async (context, [name]) => {
        const engine = await context.engine();
        await engine.rollouts.show(name);
        const {dryRun, json} = context.options;
        if (!dryRun) {
          await context.interaction.confirmOnTerminal({
            consequence: `The rollout ${name} is forgotten.`,
            name,
          });
          await engine.rollouts.delete(name);
        }
        if (json) context.output.document({name, deleted: !dryRun});
        else context.output.print(printable(`${dryRun ? 'would delete' : 'deleted'} ${name}`));
      }),
    );

  rollout
    .command('check <name>')
    .description('the preflight of every server: rights, space, signature, version; changes nothing')
    .action(
      register<[string]>(async (context, [name]) =>
        showChecks(context, name, await (await context.engine()).rollouts.check(name)),
      ),
    );
}

function addCarryingOut(rollout: Command, register: Register): void {
  const startOptions = (command: Command) =>
    command
      .option('--detach', 'print the id and leave')
      .option('--take-over <lock>', 'take servers from the rollout that holds them under this lock id');

  startOptions(rollout.command('start <name>'))
    .description('freeze the waves and begin; it outlives this command')
    .action(
      register<[string], StartOptions>(async (context, [name], options) => {
        const engine = await context.engine();
        if (context.options.dryRun) return await showChecks(context, name, await engine.rollouts.check(name));
        return attachToRollout(context, engine, name, options.detach === true, () =>
          engine.rollouts.start(name, takeOver(options)),
        );
      }),
    );

  startOptions(rollout.command('resume <name>'))
    .description('go on with a rollout that is paused, was interrupted or has stopped')
    .option('--retry', 'try servers again that failed or were rolled back', false)
    .action(
      register<[string], StartOptions & {retry: boolean}>(async (context, [name], options) => {
        const engine = await context.engine();
        if (context.options.dryRun) return await showChecks(context, name, await engine.rollouts.check(name));
        return attachToRollout(context, engine, name, options.detach === true, () =>
          engine.rollouts.resume(name, {...takeOver(options), retry: options.retry}),
        );
      }),
    );

  rollout
    .command('watch <name>')
    .description('follow a rollout until it ends or is paused; the exit status is the rollout’s')
    .action(
      register<[string]>(async (context, [name]) => watchRollout(context, await context.engine(), name)),
    );

  rollout
    .command('rollback <name> [servers...]')
    .description('bring servers that are done back to the version they had: those named, or all')
    .option('--detach', 'print the id and leave')
    .action(
      register<[string, string[]], {detach?: boolean}>(async (context, [name, servers], {detach}) => {
        const engine = await context.engine();
        const chosen = await engine.rollouts.reversible(name, servers);
        const consequence = `${chosen.join(', ')}: the version before comes back, with the data as it was then where the update migrated it. What users entered since is lost there.`;
        if (context.options.dryRun) {
          context.output.would(printable(consequence));
          return 0;
        }
        await context.interaction.confirm({consequence, name, severe: true});
        return attachToRollout(context, engine, name, detach === true, () =>
          engine.rollouts.rollBack(name, servers),
        );
      }),
    );

  rollout
    .command('journal <name> <server>')
    .description('how the update of one server went, step by step')
    .action(
      register<[string, string]>(async (context, [name, server]) => {
        const journal = await (await context.engine()).rollouts.journal(name, server);
        if (context.options.json) return context.output.document(journal);
        const {showUpdateJournal} = await import('../show-rollout.js');
        await showUpdateJournal(context, journal);
      }),
    );
}

function addDeciding(rollout: Command, register: Register): void {
  rollout
    .command('approve <name>')
    .description('approve the wave whose gate waits, and let the rollout go on')
    .addOption(new Option('--wave <number>', 'the wave that is meant, to be sure'))
    .action(
      register<[string], {wave?: string}>(async (context, [name], options) => {
        const engine = await context.engine();
        const wave = options.wave === undefined ? undefined : parseCount(options.wave, '--wave', 1000);
        if (context.options.dryRun) {
          const {pausedFor} = await engine.rollouts.show(name);
          context.output.would(
            pausedFor?.kind === 'gate'
              ? `Would approve wave ${pausedFor.wave} of ${printable(name)}.`
              : `No gate of ${printable(name)} waits for an approval.`,
          );
          return;
        }
        const approved = await engine.rollouts.approve(name, wave === undefined ? {} : {wave});
        if (context.options.json) return context.output.document({name, ...approved});
        context.output.print(
          printable(
            `approved wave ${approved.wave} of ${name}; it goes on: \`lockstep rollout watch ${name}\``,
          ),
        );
      }),
    );

  for (const verb of ['pause', 'abort'] as const)
    rollout
      .command(`${verb} <name>`)
      .description(
        verb === 'pause'
          ? 'start nothing more; servers at work finish'
          : 'start nothing more, and take back what is at work and not yet decided for',
      )
      .action(
        register<[string]>(async (context, [name]) => {
          const engine = await context.engine();
          const {status} = await engine.rollouts.show(name);
          if (context.options.dryRun) {
            context.output.would(printable(`Would ${verb} ${name}, which is ${status}.`));
            return;
          }
          await engine.rollouts[verb](name);
          if (context.options.json) return context.output.document({name, wanted: verb});
          context.output.tell(
            printable(`${name} is asked to ${verb}. Watch it with \`lockstep rollout watch ${name}\`.`),
          );
        }),
      );

  rollout
    .command('tick <name> <item>')
    .description('tick one of the operator’s items of the checklist, by its number')
    .option('--undo', 'take the tick back', false)
    .action(
      register<[string, string], {undo: boolean}>(async (context, [name, item], {undo}) => {
        const number = parseCount(item, 'The item', 1000);
        const engine = await context.engine();
        if (context.options.dryRun) {
          const {checklist} = await engine.rollouts.show(name);
          const found = checklist.find(candidate => candidate.number === number);
          if (found === undefined)
            throw new OperatorError(
              'NOT_FOUND',
              `The checklist of ${name} has no item ${number} of its own.`,
            );
          context.output.would(printable(`Would ${undo ? 'untick' : 'tick'}: ${found.text}`));
          return;
        }
        const entry = await engine.rollouts.tick(name, number, !undo);
        if (context.options.json) return context.output.document({name, checklist: entry.checklist});
        const ticked = entry.checklist.find(candidate => candidate.number === number);
        context.output.print(printable(`${undo ? '[ ]' : '[x]'} ${ticked?.text}`));
      }),
    );
}

function takeOver({takeOver: lock}: StartOptions): {takeOver?: string} {
  return lock === undefined ? {} : {takeOver: lock};
}
