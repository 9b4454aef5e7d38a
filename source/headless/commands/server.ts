import type {Command} from 'commander';
import {firstBlock} from '../../core/id-blocks.js';
import {OperatorError} from '../../core/operator-error.js';
import {skewSeconds} from '../../core/skew-seconds.js';
import type {Engine, ServerEntry} from '../../engine/engine.js';
import type {CommandContext, Register} from '../command-context.js';
import {formatTime, printable} from '../format.js';
import {errorOfCheck, wordOfCheck} from '../server-check.js';
import {addServerTrustCommands} from './server-trust.js';
import {addServerUpdateCommand} from './server-update.js';

/** `lockstep server …`: the agents this console knows. */
export function addServerCommands(program: Command, register: Register): void {
  const server = program.command('server').description('the agents this console knows');

  server
    .command('add <invitation>')
    .description('pair with an agent, with the line that `lockstep agent invite` printed there')
    .option('--name <name>', 'what to call it; by default what it calls itself')
    .action(
      register<[string], {name?: string}>(async (context, [invitation], {name}) => {
        const engine = await context.engine();
        if (context.options.dryRun) {
          if (name !== undefined) await mustBeFree(engine, name);
          context.output.would(
            'Would pair with the agent of this invitation. An invitation is valid once, so it is not tried.',
          );
          return;
        }
        const added = await engine.servers.add(invitation, name);
        if (context.options.json)
          return context.output.document({
            name: added.name,
            url: added.url,
            fingerprint: added.fingerprint,
            role: added.role,
            sites: added.sites,
          });
        context.output.print(
          printable(
            `added ${added.name} at ${added.url} as ${added.role}; sites: ${added.sites.join(', ') || 'none yet'}`,
          ),
        );
      }),
    );

  server
    .command('list')
    .description('all servers')
    .action(
      register(async context => {
        const servers = await (await context.engine()).servers.list();
        if (context.options.json) return context.output.document({servers});
        if (servers.length === 0)
          return context.output.tell('No servers yet. `lockstep server add INVITATION` pairs with one.');
        const {renderTable} = await import('../table.js');
        context.output.print(
          renderTable(
            [{title: 'NAME'}, {title: 'ADDRESS'}, {title: 'ROLE'}, {title: 'SITES'}, {title: 'FINGERPRINT'}],
            servers.map(entry =>
              [
                entry.name,
                entry.url,
                entry.role,
                entry.sites.join(' ') || '-',
                entry.fingerprint.slice(0, 16),
              ].map(printable),
            ),
          ),
        );
      }),
    );

  server
    .command('show <name>')
    .description('what is known of one server')
    .action(
      register<[string]>(async (context, [name]) => {
        const entry = await findServer(await context.engine(), name);
        const ids = idsOf(entry);
        if (context.options.json) return context.output.document({...entry, ...(ids && {ids})});
        const {renderFacts} = await import('../table.js');
        context.output.print(
          renderFacts([
            ['name', entry.name],
            ['address', entry.url],
            ['fingerprint', entry.fingerprint],
            ['role', entry.role],
            ['added', `${formatTime(entry.addedAt)} UTC`],
            ['sites', entry.sites.join(', ') || 'none'],
            [
              'number',
              entry.number === undefined ? 'none until it is part of a relationship' : String(entry.number),
            ],
            ...(ids === undefined ? [] : [['ids', `${ids.from} to ${ids.to}`] as [string, string]]),
            ...Object.entries(entry.siteNumbers ?? {}).map(([site, number]): [string, string] => [
              `number of ${site}`,
              String(number),
            ]),
          ]),
        );
      }),
    );

  server
    .command('check [name]')
    .description('connect, and say what is wrong and what to do about it')
    .action(register<[string | undefined]>((context, [name]) => checkServers(context, name)));

  addServerUpdateCommand(server, register);
  addServerTrustCommands(server, register);

  server
    .command('rename <name> <new-name>')
    .description('call a server something else')
    .action(
      register<[string, string]>(async (context, [name, to]) => {
        const engine = await context.engine();
        await findServer(engine, name);
        if (context.options.dryRun) await mustBeFree(engine, to);
        else await engine.servers.rename(name, to);
        const done = context.options.dryRun ? 'would rename' : 'renamed';
        if (context.options.json) context.output.document({name: to, renamed: !context.options.dryRun});
        else context.output.print(printable(`${done} ${name} to ${to}`));
      }),
    );

  server
    .command('remove <name>')
    .description('forget a server; the agent is told nothing')
    .action(
      register<[string]>(async (context, [name]) => {
        const engine = await context.engine();
        await findServer(engine, name);
        if (!context.options.dryRun) {
          await context.interaction.confirmOnTerminal({
            consequence: `This console forgets ${name}; a new invitation is needed to get it back.`,
            name,
          });
          await engine.servers.remove(name);
        }
        if (context.options.json) context.output.document({name, removed: !context.options.dryRun});
        else
          context.output.print(printable(`${context.options.dryRun ? 'would remove' : 'removed'} ${name}`));
      }),
    );
}

/** The range of ids that the server issues first (E25). */
function idsOf({number}: ServerEntry): {from: number; to: number} | undefined {
  const block = number === undefined ? undefined : firstBlock(number, 2n ** 63n - 1n);
  return block && {from: Number(block.from), to: Number(block.to)};
}

async function checkServers(context: CommandContext, name: string | undefined): Promise<void> {
  const engine = await context.engine();
  if (name !== undefined) await findServer(engine, name);
  const checks = await engine.servers.check(name);
  if (context.options.json) context.output.document({checks});
  else {
    const {renderTable} = await import('../table.js');
    context.output.print(
      renderTable(
        [
          {title: 'SERVER'},
          {title: ''},
          {title: 'WHAT'},
          {title: 'CLOCK', align: 'right'},
          {title: 'VERSION'},
        ],
        checks.map(check => [
          printable(check.server),
          wordOfCheck(check, context.output),
          printable(check.detail),
          check.clockSkewMs === undefined ? '-' : `${skewSeconds(check.clockSkewMs)} s`,
          printable(`${check.version ?? '-'}${check.olderThan === undefined ? '' : ' (older)'}`),
        ]),
      ),
    );
  }
  if (!context.options.json)
    for (const {server, olderThan} of checks)
      if (olderThan !== undefined)
        context.output.tell(
          printable(
            `${server}: its agent is older than this console (${olderThan}); lockstep server update ${server}`,
          ),
        );
  if (!context.options.json)
    for (const {server, warnings = [], databaseFailures = []} of checks)
      for (const finding of [...databaseFailures.map(({site, detail}) => `${site}: ${detail}`), ...warnings])
        context.output.tell(printable(`${server}: ${finding}`));
  const failed = checks.map(errorOfCheck).find(error => error !== undefined);
  if (failed !== undefined) throw failed;
}

/** @throws NOT_FOUND naming what there is. */
export async function findServer(engine: Engine, name: string): Promise<ServerEntry> {
  const servers = await engine.servers.list();
  const entry = servers.find(candidate => candidate.name === name);
  if (entry !== undefined) return entry;
  throw new OperatorError('NOT_FOUND', `There is no server ${name}.`, {
    hint:
      servers.length === 0
        ? '`lockstep server add INVITATION` pairs with one.'
        : `There are: ${servers.map(candidate => candidate.name).join(', ')}.`,
  });
}

async function mustBeFree(engine: Engine, name: string): Promise<void> {
  const servers = await engine.servers.list();
  if (servers.some(candidate => candidate.name === name))
    throw new OperatorError('ALREADY_EXISTS', `There is already a server ${name}.`, {
      hint: 'Choose another name.',
    });
}
