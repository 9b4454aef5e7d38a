import {type Command, Option} from 'commander';
import {OperatorError} from '../../core/operator-error.js';
import type {ConflictPolicy} from '../../core/profile.js';
import type {Engine, LiveDefinition, LiveEntry, LivePreview} from '../../engine/engine.js';
import type {CommandContext, Register} from '../command-context.js';
import {formatTime, printable} from '../format.js';
import {parseList, parsePercentage, parseSiteAddress} from '../parse-arguments.js';
import {attach, type WatchMode} from '../watch-run.js';
import {findCluster, parseMembers} from './cluster.js';
import {checkSites, formatAddress} from './relationship.js';
import {findServer} from './server.js';

type LiveOptions = {
  servers?: string;
  tenants?: string;
  extra?: string;
  policy?: ConflictPolicy;
  maxDelete?: string;
  schedule?: string;
  missed?: 'run' | 'skip';
};

/** `lockstep live …`: an editorial site and the live servers it is published to, in phases (G). */
export function addLiveCommands(program: Command, register: Register): void {
  const live = program
    .command('live')
    .description('the phased sync of an editorial site with its live servers');

  addLiveOptions(live.command('create <name>'))
    .description('describe a live sync and introduce its servers; launches nothing')
    .requiredOption('--local <server/site>', 'the editorial site')
    .action(
      register<[string], LiveOptions & {local: string}>(async (context, [name], options) => {
        if (options.servers === undefined)
          throw new OperatorError('ANSWER_MISSING', 'Which live servers?', {
            hint: '--servers CLUSTER, or --servers SERVER/SITE,SERVER/SITE',
          });
        const engine = await context.engine();
        const local = parseSiteAddress(options.local);
        await findServer(engine, local.server);
        const changes = await changesOf(engine, options);
        const definition: LiveDefinition = {
          name,
          local,
          servers: [],
          tenants: [],
          policy: 'local-wins',
          maxDelete: 50,
          ...changes,
        };
        if (context.options.dryRun) {
          const servers =
            typeof definition.servers === 'string'
              ? (await findCluster(engine, definition.servers)).members
              : definition.servers;
          await checkSites(engine, [local, ...servers]);
          context.output.would(printable(`Would create ${name}.`));
          return;
        }
        await show(context, await engine.lives.create(definition), 'created');
      }),
    );

  live
    .command('list')
    .description('all live syncs')
    .action(
      register(async context => {
        const lives = await (await context.engine()).lives.list();
        if (context.options.json) return context.output.document({lives});
        if (lives.length === 0)
          return context.output.tell(
            'No live syncs yet. `lockstep live create NAME --local SERVER/SITE --servers CLUSTER --tenants …` makes one.',
          );
        const {renderTable} = await import('../table.js');
        context.output.print(
          renderTable(
            [{title: 'NAME'}, {title: 'EDITORIAL'}, {title: 'LIVE SERVERS'}, {title: 'TENANTS'}],
            lives.map(entry =>
              [
                entry.name,
                formatAddress(entry.local),
                entry.cluster ?? entry.servers.map(formatAddress).join(', '),
                entry.tenants.join(', ') || '-',
              ].map(printable),
            ),
          ),
        );
      }),
    );

  live
    .command('show <name>')
    .description('servers with their last sync, tenants, merged logs')
    .action(
      register<[string]>(async (context, [name]) => {
        await show(context, await findLive(await context.engine(), name));
      }),
    );

  addLiveOptions(live.command('edit <name>'))
    .description('change what the options name')
    .action(
      register<[string], LiveOptions>(async (context, [name], options) => {
        const engine = await context.engine();
        const current = await findLive(engine, name);
        const changes = await changesOf(engine, options);
        if (Object.keys(changes).length === 0)
          throw new OperatorError('USAGE', 'Nothing to change was named.', {
            hint: 'Name --servers, --tenants, --extra, --policy, --max-delete, --schedule or --missed.',
          });
        if (context.options.dryRun) return show(context, current, 'would change');
        await show(context, await engine.lives.edit(name, changes), 'changed');
      }),
    );

  live
    .command('delete <name>')
    .description('forget a live sync; nothing of any site changes')
    .action(
      register<[string]>(async (context, [name]) => {
        const engine = await context.engine();
        await findLive(engine, name);
        if (!context.options.dryRun) {
          await context.interaction.confirmOnTerminal({
            consequence: `The live sync ${name} is forgotten.`,
            name,
          });
          const {untold} = await engine.lives.delete(name);
          for (const {server, reason} of untold)
            context.output.tell(printable(`${server} could not be told: ${reason}`));
        }
        if (context.options.json) context.output.document({name, deleted: !context.options.dryRun});
        else
          context.output.print(printable(`${context.options.dryRun ? 'would delete' : 'deleted'} ${name}`));
      }),
    );

  live
    .command('run <name>')
    .description('checks, rights, tenants, logs: one run with one log; it outlives this command')
    .option('--max-delete <share>', 'share of the items that this run may delete, instead of its own')
    .addOption(
      new Option('--attached', 'Ctrl-C cancels the run instead of leaving it alone').conflicts('detach'),
    )
    .option('--detach', 'print the run id and leave')
    .action(
      register<[string], WatchMode & {maxDelete?: string}>(async (context, [name], options) => {
        const engine = await context.engine();
        await findLive(engine, name);
        if (context.options.dryRun) {
          await showPreview(context, await engine.lives.preview(name));
          return 0;
        }
        const maxDelete =
          options.maxDelete === undefined ? undefined : parsePercentage(options.maxDelete, '--max-delete');
        return attach(context, engine, options, () =>
          engine.lives.run(name, maxDelete === undefined ? {} : {maxDelete}),
        );
      }),
    );
}

function addLiveOptions(command: Command): Command {
  return command
    .option('--servers <cluster|server/site,…>', 'the live servers')
    .option(
      '--tenants <names>',
      'in this order; each is an item group, a table group or a folder of the editorial site',
    )
    .option(
      '--extra <tables>',
      'tables and table groups that go along with every tenant (default: those that no table group names)',
    )
    .addOption(
      new Option(
        '--policy <policy>',
        'who wins where both sides have changed (the editorial site is local)',
      ).choices(['local-wins', 'remote-wins']),
    )
    .option('--max-delete <share>', 'share of the items that a run may delete')
    .option(
      '--schedule <schedule>',
      "when it starts by itself: 'daily 2026-12-01T02:00 Europe/Berlin', or none",
    )
    .addOption(
      new Option('--missed <rule>', 'a scheduled start that nobody was there for; skip unless said').choices([
        'run',
        'skip',
      ]),
    );
}

async function changesOf(
  engine: Engine,
  {servers, tenants, extra, policy, maxDelete, schedule, missed}: LiveOptions,
): Promise<Partial<Omit<LiveDefinition, 'name' | 'local'>>> {
  return {
    ...(servers === undefined ? {} : {servers: await parseServers(engine, servers)}),
    ...(tenants === undefined ? {} : {tenants: parseList(tenants, '--tenants')}),
    ...(extra === undefined ? {} : {extra: parseList(extra, '--extra')}),
    ...(policy === undefined ? {} : {policy}),
    ...(maxDelete === undefined ? {} : {maxDelete: parsePercentage(maxDelete, '--max-delete')}),
    ...(schedule === undefined ? {} : {schedule: schedule === 'none' ? undefined : schedule}),
    ...(missed === undefined ? {} : {missed}),
  };
}

async function parseServers(engine: Engine, text: string): Promise<LiveDefinition['servers']> {
  if (text.includes('/')) return await parseMembers(engine, text);
  return (await findCluster(engine, text)).name;
}

async function show(context: CommandContext, entry: LiveEntry, what?: string): Promise<void> {
  if (context.options.json) return context.output.document(entry);
  if (what !== undefined) context.output.print(printable(`${what} ${entry.name}`));
  const {renderFacts} = await import('../table.js');
  context.output.print(
    renderFacts([
      ['name', entry.name],
      ['editorial', formatAddress(entry.local)],
      ...entry.servers.map(
        (server, index) =>
          [
            index === 0 ? 'live servers' : '',
            `${formatAddress(server)}  ${
              server.lastSync === undefined
                ? 'never synced'
                : `last sync ${formatTime(server.lastSync.at)} UTC`
            }${server.error === undefined ? '' : `  left behind ${formatTime(server.error.at)}: ${server.error.message}`}`,
          ] as const,
      ),
      ['tenants', entry.tenants.join(', ') || 'none'],
      ['extra tables', entry.extra?.join(', ') ?? 'those that no table group names'],
      ['conflicts', entry.policy],
      ['max delete', `${entry.maxDelete}%`],
      ['schedule', entry.schedule ?? 'none'],
      ...(entry.schedule === undefined ? [] : [['missed starts', entry.missed ?? 'skip'] as const]),
      ...(entry.logs ?? []).map(({name, file, server}) => ['log', `${name}: ${file} on ${server}`] as const),
    ]),
  );
}

async function showPreview(context: CommandContext, preview: LivePreview): Promise<void> {
  if (context.options.json) return context.output.document(preview);
  for (const {member, error} of preview.missing)
    context.output.tell(printable(`${member} would be left behind: ${error.message}`));
  const {renderTable} = await import('../table.js');
  context.output.print(
    renderTable(
      [
        {title: 'PHASE'},
        {title: 'SERVER'},
        {title: 'HERE', align: 'right'},
        {title: 'THERE', align: 'right'},
      ],
      preview.phases.flatMap(({phase, tenant, servers}) =>
        servers.map(({server, counts: {local, remote, conflicts}}) => [
          printable(tenant === undefined ? phase : `${phase} ${tenant}`),
          printable(server),
          String(local.create + local.update + local.delete),
          String(remote.create + remote.update + remote.delete + conflicts),
        ]),
      ),
    ),
  );
}

/** @throws NOT_FOUND naming what there is. */
async function findLive(engine: Engine, name: string): Promise<LiveEntry> {
  const lives = await engine.lives.list();
  const entry = lives.find(candidate => candidate.name === name);
  if (entry !== undefined) return entry;
  throw new OperatorError('NOT_FOUND', `There is no live sync ${name}.`, {
    hint:
      lives.length === 0
        ? '`lockstep live create` makes one.'
        : `There are: ${lives.map(candidate => candidate.name).join(', ')}.`,
  });
}
