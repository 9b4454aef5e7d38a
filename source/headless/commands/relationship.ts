import {type Command, Option} from 'commander';
import type {ErrorCode} from '../../core/error-codes.js';
import {OperatorError} from '../../core/operator-error.js';
import type {Engine, RelationshipEntry, SiteAddress} from '../../engine/engine.js';
import type {Register} from '../command-context.js';
import {formatTime, printable} from '../format.js';
import {parseSiteAddress} from '../parse-arguments.js';
import {errorOfCheck} from '../server-check.js';
import {showPreview} from '../show-preview.js';
import {attach, type WatchMode} from '../watch-run.js';
import {findServer} from './server.js';

/** `lockstep relationship …`: a local and a remote site that are kept in step. */
export function addRelationshipCommands(program: Command, register: Register): void {
  const relationship = program.command('relationship').description('pairs of sites that are kept in step');

  relationship
    .command('create <name>')
    .description('introduce two servers to each other for a site each; launches nothing')
    .requiredOption('--local <server/site>', 'the site on the inside, whose server opens all connections')
    .requiredOption('--remote <server/site|cluster>', 'the other site, or the cluster that stands for it')
    .addOption(
      new Option('--initial <direction>', 'which way the first sync goes')
        .choices(['upload', 'download'])
        .makeOptionMandatory(),
    )
    .action(
      register<[string], {local: string; remote: string; initial: 'upload' | 'download'}>(
        async (context, [name], options) => {
          const entry = {
            name,
            local: parseSiteAddress(options.local),
            remote: options.remote.includes('/') ? parseSiteAddress(options.remote) : options.remote,
            initial: options.initial,
          };
          if (name.includes('/'))
            throw new OperatorError('USAGE', 'The name of a relationship holds no slash.', {
              hint: 'A profile is written RELATIONSHIP/PROFILE.',
            });
          const engine = await context.engine();
          await findServer(engine, entry.local.server);
          const members = await membersOf(engine, entry.remote);
          for (const {server} of members) await findServer(engine, server);
          if (context.options.dryRun) {
            await checkSites(engine, [entry.local, ...members]);
            const remote = typeof entry.remote === 'string' ? {cluster: entry.remote} : {};
            context.output.would(
              printable(`Would create ${name}: ${formatPair({...entry, remote: members[0]!, ...remote})}`),
            );
            return;
          }
          const created = await engine.relationships.create(entry);
          if (context.options.json) return context.output.document(created);
          context.output.print(printable(`created ${name}: ${formatPair(created)}`));
          context.output.tell(
            printable(`Nothing was started. The first sync: lockstep relationship initial-sync ${name}`),
          );
        },
      ),
    );

  relationship
    .command('list')
    .description('all relationships')
    .action(
      register(async context => {
        const relationships = await (await context.engine()).relationships.list();
        if (context.options.json) return context.output.document({relationships});
        if (relationships.length === 0)
          return context.output.tell(
            'No relationships yet. `lockstep relationship create NAME --local SERVER/SITE --remote SERVER/SITE --initial upload` makes one.',
          );
        const {renderTable} = await import('../table.js');
        context.output.print(
          renderTable(
            [{title: 'NAME'}, {title: 'LOCAL'}, {title: 'REMOTE'}, {title: 'INITIAL SYNC (UTC)'}],
            relationships.map(entry =>
              [entry.name, formatAddress(entry.local), formatRemote(entry), formatInitialSync(entry)].map(
                printable,
              ),
            ),
          ),
        );
      }),
    );

  relationship
    .command('show <name>')
    .description('both ends, the first sync and the profiles')
    .action(
      register<[string]>(async (context, [name]) => {
        const engine = await context.engine();
        const entry = await findRelationship(engine, name);
        const profiles = await engine.profiles.list(name);
        if (context.options.json) return context.output.document({...entry, profiles});
        const {renderFacts} = await import('../table.js');
        context.output.print(
          renderFacts([
            ['name', entry.name],
            ['local', formatAddress(entry.local)],
            ['remote', formatRemote(entry)],
            ...(entry.members ?? []).map(member => ['', formatAddress(member)] as const),
            ['initial sync', formatInitialSync(entry)],
            ['created', `${formatTime(entry.createdAt)} UTC`],
            ['profiles', profiles.map(profile => profile.name).join(', ') || 'none'],
          ]),
        );
      }),
    );

  relationship
    .command('test <name>')
    .description('try every connection that it lives by, and say what is wrong and what to do about it')
    .action(
      register<[string]>(async (context, [name]) => {
        const engine = await context.engine();
        await findRelationship(engine, name);
        const tests = await engine.relationships.test(name);
        if (context.options.json) context.output.document({tests});
        else {
          const {renderTable} = await import('../table.js');
          context.output.print(
            renderTable(
              [{title: ''}, {title: 'FROM'}, {title: 'TO'}, {title: 'FOUND'}],
              tests.map(({from, to, detail, error}) => [
                context.output.look(
                  error === undefined ? 'good' : 'bad',
                  error === undefined ? 'ok' : 'fail',
                ),
                ...[from, to, detail].map(printable),
              ]),
            ),
          );
        }
        const failed = tests.find(({error}) => error !== undefined)?.error;
        if (failed !== undefined)
          throw new OperatorError(
            failed.code as ErrorCode,
            failed.message,
            failed.hint === undefined ? {} : {hint: failed.hint},
          );
      }),
    );

  relationship
    .command('delete <name>')
    .description('forget a relationship and its profiles; no content changes anywhere')
    .action(
      register<[string]>(async (context, [name]) => {
        const engine = await context.engine();
        await findRelationship(engine, name);
        if (!context.options.dryRun) {
          await context.interaction.confirmOnTerminal({
            consequence: `The relationship ${name} and its profiles are forgotten.`,
            name,
          });
          const {untold} = await engine.relationships.delete(name);
          for (const {server, reason} of untold)
            context.output.tell(
              printable(
                `${server} could not be told (${reason}); it still trusts the other server. \`lockstep agent peers\` and \`revoke\` there end that.`,
              ),
            );
        }
        if (context.options.json) context.output.document({name, deleted: !context.options.dryRun});
        else
          context.output.print(printable(`${context.options.dryRun ? 'would delete' : 'deleted'} ${name}`));
      }),
    );

  relationship
    .command('initial-sync <name>')
    .description('make the destination a mirror of the source (E6)')
    .option('--force', 're-initialise a destination that was in use, where its site allows it', false)
    .option('--backup', "back the destination's database up before, also if no profile asks for it", false)
    .addOption(
      new Option('--attached', 'Ctrl-C cancels the run instead of leaving it alone').conflicts('detach'),
    )
    .option('--detach', 'print the run id and leave')
    .action(
      register<[string], WatchMode & {force: boolean; backup: boolean}>(async (context, [name], options) => {
        const engine = await context.engine();
        const entry = await findRelationship(engine, name);
        if (context.options.dryRun) {
          const preview = await engine.previewInitialSync(name, {force: options.force});
          await showPreview(context, engine, preview, {diff: false});
          return 0;
        }
        const ends = [formatAddress(entry.local), formatRemote(entry)];
        const [source, destination] = entry.initial === 'upload' ? ends : ends.reverse();
        await context.interaction.confirm({
          consequence: `The initial sync overwrites ${destination} with ${source}: what only exists there is lost.`,
          name,
          severe: options.force,
        });
        return attach(context, engine, options, () =>
          engine.runs.start({
            relationship: name,
            profile: '',
            kind: 'initial-sync',
            ...(options.force ? {force: true} : {}),
            ...(options.backup ? {backup: true} : {}),
          }),
        );
      }),
    );
}

/** Both servers must answer and host the sites, as `create` would find out (E5). */
export async function checkSites(engine: Engine, addresses: readonly SiteAddress[]): Promise<void> {
  for (const address of addresses) {
    const [check] = await engine.servers.check(address.server);
    const failed = check === undefined ? undefined : errorOfCheck(check);
    if (failed !== undefined) throw failed;
    if (check?.sites?.some(site => site.name === address.site) === false)
      throw new OperatorError('UNKNOWN_SITE', `${address.server} hosts no site ${address.site}.`, {
        hint: `It hosts: ${check.sites.map(site => site.name).join(', ') || 'none'}.`,
      });
  }
}

export function formatAddress({server, site}: SiteAddress): string {
  return `${server}/${site}`;
}

/** A site, or a cluster by its name. */
function formatRemote({remote, cluster}: Pick<RelationshipEntry, 'remote' | 'cluster'>): string {
  return cluster ?? formatAddress(remote);
}

/** The sites that a remote side stands for. @throws NOT_FOUND */
async function membersOf(engine: Engine, remote: SiteAddress | string): Promise<readonly SiteAddress[]> {
  if (typeof remote !== 'string') return [remote];
  const {findCluster} = await import('./cluster.js');
  return (await findCluster(engine, remote)).members;
}

function formatPair(entry: Pick<RelationshipEntry, 'local' | 'remote' | 'cluster' | 'initial'>): string {
  const arrow = entry.initial === 'upload' ? '->' : '<-';
  return `${formatAddress(entry.local)} ${arrow} ${formatRemote(entry)}`;
}

function formatInitialSync(entry: RelationshipEntry): string {
  return entry.initialSync === undefined
    ? `none yet (${entry.initial})`
    : `${formatTime(entry.initialSync.at)} (${entry.initial})`;
}

/** @throws NOT_FOUND naming what there is. */
export async function findRelationship(engine: Engine, name: string): Promise<RelationshipEntry> {
  const relationships = await engine.relationships.list();
  const entry = relationships.find(candidate => candidate.name === name);
  if (entry !== undefined) return entry;
  throw new OperatorError('NOT_FOUND', `There is no relationship ${name}.`, {
    hint:
      relationships.length === 0
        ? '`lockstep relationship create` makes one.'
        : `There are: ${relationships.map(candidate => candidate.name).join(', ')}.`,
  });
}
