import type {Command} from 'commander';
import {OperatorError} from '../../core/operator-error.js';
import type {ClusterEntry, Engine, SiteAddress} from '../../engine/engine.js';
import type {Register} from '../command-context.js';
import {formatTime, printable} from '../format.js';
import {parseList, parseSiteAddress} from '../parse-arguments.js';
import {checkSites, formatAddress} from './relationship.js';
import {findServer} from './server.js';

type ClusterOptions = {members?: string; sharedDatabase?: boolean};

/** `lockstep cluster …`: several sites that stand for one remote side (E23). */
export function addClusterCommands(program: Command, register: Register): void {
  const cluster = program
    .command('cluster')
    .description('sites that are one remote side: a load-balanced group');

  cluster
    .command('create <name>')
    .description('name the members; the first is the one that is served first')
    .requiredOption('--members <server/site,…>', 'the member sites')
    .option(
      '--shared-database',
      'all members work on one database, even if their agents cannot see that',
      false,
    )
    .action(
      register<[string], ClusterOptions & {members: string}>(async (context, [name], options) => {
        const engine = await context.engine();
        const entry = {
          name: clusterName(name),
          members: await parseMembers(engine, options.members),
          sharedDatabase: options.sharedDatabase === true,
        };
        if (context.options.dryRun) {
          await checkSites(engine, entry.members);
          context.output.would(printable(`Would create ${name}: ${formatMembers(entry.members)}`));
          return;
        }
        const created = await engine.clusters.create(entry);
        if (context.options.json) return context.output.document(created);
        context.output.print(printable(`created ${name}: ${formatMembers(created.members)}`));
      }),
    );

  cluster
    .command('list')
    .description('all clusters')
    .action(
      register(async context => {
        const clusters = await (await context.engine()).clusters.list();
        if (context.options.json) return context.output.document({clusters});
        if (clusters.length === 0)
          return context.output.tell(
            'No clusters yet. `lockstep cluster create NAME --members SERVER/SITE,SERVER/SITE` makes one.',
          );
        const {renderTable} = await import('../table.js');
        context.output.print(
          renderTable(
            [{title: 'NAME'}, {title: 'MEMBERS'}, {title: 'USED BY'}],
            clusters.map(entry =>
              [entry.name, formatMembers(entry.members), entry.usedBy.join(', ') || '-'].map(printable),
            ),
          ),
        );
      }),
    );

  cluster
    .command('show <name>')
    .description('members and the relationships that use them')
    .action(
      register<[string]>(async (context, [name]) => {
        const entry = await findCluster(await context.engine(), name);
        if (context.options.json) return context.output.document(entry);
        const {renderFacts} = await import('../table.js');
        context.output.print(
          renderFacts([
            ['name', entry.name],
            ...entry.members.map(
              (member, index) => [index === 0 ? 'members' : '', formatAddress(member)] as const,
            ),
            ['database', entry.sharedDatabase ? 'shared by all' : 'shared where the agents say so'],
            ['used by', entry.usedBy.join(', ') || 'nothing'],
            ['created', `${formatTime(entry.createdAt)} UTC`],
          ]),
        );
      }),
    );

  cluster
    .command('edit <name>')
    .description('change what the options name')
    .option('--members <server/site,…>', 'the member sites, instead of those it has')
    .option('--shared-database', 'all members work on one database')
    .option('--no-shared-database', 'take what the agents say')
    .action(
      register<[string], ClusterOptions>(async (context, [name], options) => {
        const engine = await context.engine();
        await findCluster(engine, name);
        const changes = {
          ...(options.members === undefined ? {} : {members: await parseMembers(engine, options.members)}),
          ...(options.sharedDatabase === undefined ? {} : {sharedDatabase: options.sharedDatabase}),
        };
        if (Object.keys(changes).length === 0)
          throw new OperatorError('USAGE', 'Nothing to change was named.', {
            hint: 'Name --members, --shared-database or --no-shared-database.',
          });
        if (context.options.dryRun) {
          await checkSites(engine, changes.members ?? []);
          context.output.would(printable(`Would change ${name}.`));
          return;
        }
        const changed = await engine.clusters.edit(name, changes);
        if (context.options.json) return context.output.document(changed);
        context.output.print(printable(`changed ${name}: ${formatMembers(changed.members)}`));
      }),
    );

  cluster
    .command('delete <name>')
    .description('forget a cluster that nothing uses; nothing on any server changes')
    .action(
      register<[string]>(async (context, [name]) => {
        const engine = await context.engine();
        const {usedBy} = await findCluster(engine, name);
        if (context.options.dryRun) {
          context.output.would(
            printable(
              usedBy.length === 0 ? `Would delete ${name}.` : `${name} is used by ${usedBy.join(', ')}.`,
            ),
          );
          return;
        }
        await engine.clusters.delete(name);
        if (context.options.json) context.output.document({name, deleted: true});
        else context.output.print(printable(`deleted ${name}`));
      }),
    );
}

function clusterName(name: string): string {
  if (name.includes('/'))
    throw new OperatorError('USAGE', 'The name of a cluster holds no slash.', {
      hint: 'With a slash it would be read as SERVER/SITE.',
    });
  return name;
}

/** @throws OperatorError USAGE, NOT_FOUND */
export async function parseMembers(engine: Engine, text: string): Promise<SiteAddress[]> {
  const members = parseList(text, '--members').map(parseSiteAddress);
  for (const {server} of members) await findServer(engine, server);
  return members;
}

export function formatMembers(members: readonly SiteAddress[]): string {
  return members.map(formatAddress).join(', ');
}

/** @throws NOT_FOUND naming what there is. */
export async function findCluster(engine: Engine, name: string): Promise<ClusterEntry> {
  const clusters = await engine.clusters.list();
  const entry = clusters.find(candidate => candidate.name === name);
  if (entry !== undefined) return entry;
  throw new OperatorError('NOT_FOUND', `There is no cluster ${name}.`, {
    hint:
      clusters.length === 0
        ? '`lockstep cluster create` makes one.'
        : `There are: ${clusters.map(candidate => candidate.name).join(', ')}.`,
  });
}
