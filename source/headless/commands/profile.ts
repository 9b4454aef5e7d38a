import {type Command, Option} from 'commander';
import {OperatorError} from '../../core/operator-error.js';
import type {
  BackupRule,
  ConflictPolicy,
  Direction,
  FileFilter,
  MissedRule,
  Profile,
  ReplaceRule,
  VerifyRule,
} from '../../core/profile.js';
import {nextStart, parseSchedule} from '../../core/schedule.js';
import type {Engine, ProfileChanges} from '../../engine/engine.js';
import type {CommandContext, Register} from '../command-context.js';
import {printable} from '../format.js';
import {parseList, parsePercentage, parseProfileName} from '../parse-arguments.js';
import {findRelationship} from './relationship.js';

type ProfileOptions = {
  items?: string;
  direction?: Direction;
  policy?: ConflictPolicy;
  only?: string;
  exclude?: string;
  replace?: ReplaceRule;
  maxDelete?: string;
  schedule?: string;
  backup?: BackupRule;
  missed?: MissedRule;
  verify?: VerifyRule;
};

/** `lockstep profile …`: saved descriptions of one kind of sync under a relationship (E7). */
export function addProfileCommands(program: Command, register: Register): void {
  const profile = program.command('profile').description('saved kinds of sync under a relationship');

  addProfileOptions(profile.command('create <relationship/name>'), true)
    .description('save a profile')
    .action(
      register<[string], ProfileOptions & {items: string; direction: Direction}>(
        async (context, [text], options) => {
          const {relationship, profile: name} = parseProfileName(text);
          const engine = await context.engine();
          await findRelationship(engine, relationship);
          const made = withChanges(
            {
              relationship,
              name,
              items: parseList(options.items, '--items'),
              direction: options.direction,
              policy: 'local-wins',
              filter: {kind: 'none'},
              replace: 'newer',
              backup: 'off',
              maxDelete: 50,
            },
            changesOf(options),
          );
          if (context.options.dryRun) await mustBeFree(engine, relationship, name);
          else await engine.profiles.create(made);
          await show(context, made, context.options.dryRun ? 'would create' : 'created');
        },
      ),
    );

  profile
    .command('list')
    .description('all profiles, or those of one relationship')
    .option('--relationship <name>', 'only of this relationship')
    .action(
      register<[], {relationship?: string}>(async (context, _, {relationship}) => {
        const engine = await context.engine();
        if (relationship !== undefined) await findRelationship(engine, relationship);
        const profiles = await engine.profiles.list(relationship);
        if (context.options.json) return context.output.document({profiles});
        if (profiles.length === 0)
          return context.output.tell(
            'No profiles yet. `lockstep profile create RELATIONSHIP/NAME …` makes one.',
          );
        const {renderTable} = await import('../table.js');
        context.output.print(
          renderTable(
            [
              {title: 'PROFILE'},
              {title: 'DIRECTION'},
              {title: 'ITEMS'},
              {title: 'FILTER'},
              {title: 'CONFLICTS'},
              {title: 'SCHEDULE'},
            ],
            profiles.map(entry =>
              [
                `${entry.relationship}/${entry.name}`,
                entry.direction,
                entry.items.join(' '),
                formatFilter(entry.filter),
                entry.direction === 'bidirectional' ? entry.policy : '-',
                entry.schedule ?? '-',
              ].map(printable),
            ),
          ),
        );
      }),
    );

  profile
    .command('show <relationship/name>')
    .description('all of one profile')
    .action(
      register<[string]>(async (context, [text]) => {
        const names = parseProfileName(text);
        await show(context, await findProfile(await context.engine(), names.relationship, names.profile));
      }),
    );

  addProfileOptions(profile.command('edit <relationship/name>'), false)
    .description('change what the options name')
    .option('--no-filter', 'drop --only and --exclude')
    .action(
      register<[string], ProfileOptions & {filter: boolean}>(async (context, [text], options) => {
        const {relationship, profile: name} = parseProfileName(text);
        const engine = await context.engine();
        const current = await findProfile(engine, relationship, name);
        const changes = {...changesOf(options), ...(options.filter ? {} : {filter: {kind: 'none'} as const})};
        if (Object.keys(changes).length === 0)
          throw new OperatorError('USAGE', 'Nothing to change was named.', {
            hint: 'Add an option, for example --direction upload; --help lists them.',
          });
        const edited = context.options.dryRun
          ? withChanges(current, changes)
          : await engine.profiles.edit(relationship, name, changes);
        await show(context, edited, context.options.dryRun ? 'would save' : 'saved');
      }),
    );

  profile
    .command('copy <relationship/name> <new-name>')
    .description('a second profile that differs only in its name; it has no schedule unless one is named')
    .option('--schedule <schedule>', "its own schedule: 'daily 2026-12-01T02:00 Europe/Berlin'")
    .action(
      register<[string, string], {schedule?: string}>(async (context, [text, target], {schedule}) => {
        const {relationship, profile: name} = parseProfileName(text);
        const to = nameWithin(relationship, target);
        const engine = await context.engine();
        const origin = await findProfile(engine, relationship, name);
        if (context.options.dryRun) await mustBeFree(engine, relationship, to);
        const {schedule: _, ...unscheduled} = origin;
        const copy = context.options.dryRun
          ? {...unscheduled, name: to, ...(schedule === undefined ? {} : {schedule})}
          : await engine.profiles.copy(relationship, name, to, schedule);
        await show(context, copy, context.options.dryRun ? 'would create' : 'created');
      }),
    );

  profile
    .command('delete <relationship/name>')
    .description('forget a profile; nothing on any server changes')
    .action(
      register<[string]>(async (context, [text]) => {
        const {relationship, profile: name} = parseProfileName(text);
        const engine = await context.engine();
        await findProfile(engine, relationship, name);
        if (!context.options.dryRun) {
          await context.interaction.confirmOnTerminal({
            consequence: `The profile ${text} is forgotten.`,
            name,
          });
          await engine.profiles.delete(relationship, name);
        }
        if (context.options.json)
          context.output.document({relationship, name, deleted: !context.options.dryRun});
        else
          context.output.print(printable(`${context.options.dryRun ? 'would delete' : 'deleted'} ${text}`));
      }),
    );
}

function addProfileOptions(command: Command, required: boolean): Command {
  const items = new Option(
    '--items <groups>',
    'item groups, comma-separated: database,workarea,templates,bin,…',
  );
  const direction = new Option('--direction <direction>', 'which way items go').choices([
    'upload',
    'download',
    'bidirectional',
  ]);
  return command
    .addOption(items.makeOptionMandatory(required))
    .addOption(direction.makeOptionMandatory(required))
    .addOption(
      new Option('--policy <policy>', 'who wins a conflict; local-wins unless said').choices([
        'local-wins',
        'remote-wins',
      ]),
    )
    .addOption(new Option('--only <patterns>', 'only these files: *.doc, docs/**').conflicts('exclude'))
    .option('--exclude <patterns>', 'not these files')
    .addOption(
      new Option('--replace <rule>', 'one way: a file is replaced by a newer one, or always').choices([
        'newer',
        'always',
      ]),
    )
    .option('--max-delete <share>', 'share of the items that a run may delete, 50% unless said')
    .option(
      '--schedule <schedule>',
      "when it starts by itself: 'daily 2026-12-01T02:00 Europe/Berlin', or none",
    )
    .addOption(
      new Option('--missed <rule>', 'a scheduled start that nobody was there for; skip unless said').choices([
        'run',
        'skip',
      ]),
    )
    .addOption(
      new Option(
        '--verify <rule>',
        'how often scheduled runs compare everything anew; off unless said',
      ).choices(['off', 'daily', 'weekly', 'monthly', 'every-run']),
    )
    .addOption(
      new Option('--backup <rule>', 'of the destination database, before a run').choices([
        'off',
        'initial',
        'every-run',
      ]),
    );
}

function changesOf(options: ProfileOptions): ProfileChanges {
  const filter: FileFilter | undefined =
    options.only !== undefined
      ? {kind: 'only', patterns: parseList(options.only, '--only')}
      : options.exclude !== undefined
        ? {kind: 'exclude', patterns: parseList(options.exclude, '--exclude')}
        : undefined;
  return {
    ...(options.items === undefined ? {} : {items: parseList(options.items, '--items')}),
    ...(options.direction === undefined ? {} : {direction: options.direction}),
    ...(options.policy === undefined ? {} : {policy: options.policy}),
    ...(options.replace === undefined ? {} : {replace: options.replace}),
    ...(options.maxDelete === undefined
      ? {}
      : {maxDelete: parsePercentage(options.maxDelete, '--max-delete')}),
    ...(filter === undefined ? {} : {filter}),
    ...(options.backup === undefined ? {} : {backup: options.backup}),
    ...(options.missed === undefined ? {} : {missed: options.missed}),
    ...(options.verify === undefined ? {} : {verify: options.verify}),
    ...(options.schedule === undefined
      ? {}
      : {schedule: options.schedule === 'none' ? undefined : options.schedule}),
  };
}

/** The profile as it would be; a schedule that is undefined is taken away. */
function withChanges({schedule: previous, ...profile}: Profile, changes: ProfileChanges): Profile {
  const {schedule = 'schedule' in changes ? undefined : previous, ...others} = changes;
  return {...profile, ...others, ...(schedule === undefined ? {} : {schedule})};
}

function formatFilter(filter: FileFilter): string {
  return filter.kind === 'none' ? '-' : `${filter.kind} ${filter.patterns.join(', ')}`;
}

async function show(context: CommandContext, profile: Profile, done?: string): Promise<void> {
  if (context.options.json) return context.output.document(profile);
  const {renderFacts} = await import('../table.js');
  if (done !== undefined) context.output.print(printable(`${done} ${profile.relationship}/${profile.name}`));
  context.output.print(
    renderFacts([
      ['profile', `${profile.relationship}/${profile.name}`],
      ['items', profile.items.join(', ')],
      ['direction', profile.direction],
      ['conflicts', profile.direction === 'bidirectional' ? profile.policy : 'none: one way'],
      ['replace', profile.direction === 'bidirectional' ? '-' : profile.replace],
      ['filter', formatFilter(profile.filter)],
      ['may delete', `${profile.maxDelete} %`],
      ['backup', profile.backup],
      ['schedule', scheduleText(profile.schedule)],
      ...(profile.schedule === undefined
        ? []
        : [
            ['missed starts', profile.missed ?? 'skip'] as const,
            ['verify', profile.verify ?? 'off'] as const,
          ]),
    ]),
  );
}

function scheduleText(schedule: string | undefined): string {
  if (schedule === undefined) return 'none';
  const isOver = nextStart(parseSchedule(schedule), Date.now()) === undefined;
  return isOver ? `${schedule} (over: it starts nothing any more)` : schedule;
}

/** The name of a profile beside another one, with or without their relationship. @throws OperatorError USAGE */
function nameWithin(relationship: string, text: string): string {
  const prefix = `${relationship}/`;
  if (text.startsWith(prefix)) return text.slice(prefix.length);
  if (!text.includes('/')) return text;
  throw new OperatorError('USAGE', `A profile is copied within its relationship, ${relationship}.`, {
    hint: 'For another one, make it there: lockstep profile create RELATIONSHIP/NAME …',
  });
}

/** @throws NOT_FOUND naming what there is. */
export async function findProfile(engine: Engine, relationship: string, name: string): Promise<Profile> {
  await findRelationship(engine, relationship);
  const profiles = await engine.profiles.list(relationship);
  const found = profiles.find(candidate => candidate.name === name);
  if (found !== undefined) return found;
  throw new OperatorError('NOT_FOUND', `There is no profile ${relationship}/${name}.`, {
    hint:
      profiles.length === 0
        ? `\`lockstep profile create ${relationship}/NAME …\` makes one.`
        : `There are: ${profiles.map(candidate => candidate.name).join(', ')}.`,
  });
}

async function mustBeFree(engine: Engine, relationship: string, name: string): Promise<void> {
  const profiles = await engine.profiles.list(relationship);
  if (profiles.some(candidate => candidate.name === name))
    throw new OperatorError('ALREADY_EXISTS', `There is already a profile ${relationship}/${name}.`, {
      hint: 'Choose another name, or `lockstep profile edit` it.',
    });
}
