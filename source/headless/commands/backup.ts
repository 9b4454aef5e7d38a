import type {Command} from 'commander';
import {formatSize} from '../../core/byte-size.js';
import {OperatorError} from '../../core/operator-error.js';
import type {BackupDescription, Engine, SiteAddress} from '../../engine/engine.js';
import type {CommandContext, Register} from '../command-context.js';
import {formatTime, printable} from '../format.js';
import {parseSiteAddress} from '../parse-arguments.js';
import {findServer} from './server.js';

/** `lockstep backup …`: backups of a site's database (E16). */
export function addBackupCommands(program: Command, register: Register): void {
  const backup = program.command('backup').description("backups of a site's database");

  backup
    .command('list <server/site>')
    .description('newest first')
    .action(
      register<[string]>(async (context, [site]) => {
        const {engine, address} = await find(context, site);
        const {folder, backups} = await engine.backups.list(address);
        if (context.options.json) return context.output.document({folder, backups});
        if (backups.length === 0)
          return context.output.tell(`No backups yet. \`lockstep backup create ${site}\` makes one.`);
        const {renderTable} = await import('../table.js');
        context.output.print(
          renderTable(
            [
              {title: 'MADE (UTC)'},
              {title: 'SIZE', align: 'right'},
              {title: 'STATE'},
              {title: 'BY'},
              {title: 'BEFORE RUN'},
              {title: 'NAME'},
            ],
            backups.map(entry =>
              [
                formatTime(entry.at),
                formatSize(entry.bytes),
                entry.state,
                entry.by || '-',
                entry.runId ?? '-',
                entry.name,
              ].map(printable),
            ),
          ),
        );
        context.output.tell(printable(`They lie in ${folder} on ${address.server}.`));
      }),
    );

  backup
    .command('create <server/site>')
    .description('make one now; it is verified, and old ones go as agent.json says')
    .action(
      register<[string]>(async (context, [site]) => {
        const {engine, address} = await find(context, site);
        if (context.options.dryRun) {
          const {folder} = await engine.backups.list(address);
          context.output.would(printable(`Would make a backup of ${site} in ${folder}.`));
          return;
        }
        const made = await engine.backups.create(address, {onProgress: progressOf(context, 'backup')});
        context.output.draw('');
        if (context.options.json) context.output.document(made);
        else context.output.print(printable(`made ${made.name}  ${formatSize(made.bytes)}`));
      }),
    );

  backup
    .command('restore <server/site> <name>')
    .description('make the database what the backup is; what is there now is backed up before')
    .action(
      register<[string, string]>(async (context, [site, name]) => {
        const {engine, address} = await find(context, site);
        const entry = await findBackup(engine, address, name);
        if (context.options.dryRun) {
          context.output.would(
            printable(`Would put ${name} of ${formatTime(entry.at)} UTC in the place of ${site}'s database.`),
          );
          return;
        }
        await context.interaction.confirm({
          consequence: `The database of ${site} becomes what it was at ${formatTime(entry.at)} UTC; what was changed there since is lost.`,
          name: address.site,
          severe: true,
        });
        const {before, warning} = await engine.backups.restore(address, name, {
          onProgress: progressOf(context, 'restore'),
        });
        context.output.draw('');
        if (warning !== undefined) context.output.tell(printable(warning));
        if (context.options.json)
          context.output.document({restored: name, ...(before === undefined ? {} : {before: before.name})});
        else
          context.output.print(
            printable(
              `restored ${name}${before === undefined ? '' : `\nwhat was there before is ${before.name}`}`,
            ),
          );
      }),
    );
}

async function find(context: CommandContext, site: string): Promise<{engine: Engine; address: SiteAddress}> {
  const address = parseSiteAddress(site);
  const engine = await context.engine();
  await findServer(engine, address.server);
  return {engine, address};
}

/** @throws NOT_FOUND naming what there is */
async function findBackup(engine: Engine, address: SiteAddress, name: string): Promise<BackupDescription> {
  const {backups} = await engine.backups.list(address);
  const there = backups.filter(({state}) => state !== 'gone');
  const entry = there.find(candidate => candidate.name === name);
  if (entry !== undefined) return entry;
  throw new OperatorError('NOT_FOUND', `There is no backup ${name} of ${address.server}/${address.site}.`, {
    hint: `There are: ${
      there
        .slice(0, 10)
        .map(candidate => candidate.name)
        .join(', ') || 'none'
    }.`,
  });
}

function progressOf({output}: CommandContext, what: string) {
  return (done: number, total: number | undefined) =>
    output.draw(total === undefined ? what : `${what}  ${Math.floor((100 * done) / total)} %`);
}
