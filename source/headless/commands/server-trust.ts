import {type Command, Option} from 'commander';
import {longestInvitationMs} from '../../core/longest-invitation.js';
import {OperatorError} from '../../core/operator-error.js';
import type {AuditEntry, ConsoleRole} from '../../engine/trust.js';
import type {CommandContext, Register} from '../command-context.js';
import {formatTime, printable} from '../format.js';
import {parseCount, parseDuration} from '../parse-arguments.js';
import {findServer} from './server.js';

const maxEntries = 500;

/** `lockstep server peers|trust|revoke|invite|export|audit`: an agent's trust from the console (E4, X1, X7). */
export function addServerTrustCommands(server: Command, register: Register): void {
  const withRole = (command: Command, fallback: ConsoleRole) =>
    command.addOption(
      new Option('--role <role>', 'what the console may do')
        .choices(['admin', 'operate', 'view'])
        .default(fallback),
    );

  server
    .command('peers <name>')
    .description('whose certificates a server has pinned, and as what')
    .action(
      register<[string]>(async (context, [name]) => {
        const {trust} = await known(context, name);
        const peers = await trust.peers(name);
        if (context.options.json) return context.output.document({peers});
        const {renderTable} = await import('../table.js');
        context.output.print(
          renderTable(
            [
              {title: 'NAME'},
              {title: 'ROLE'},
              {title: 'SITES'},
              {title: 'SINCE (UTC)'},
              {title: 'FINGERPRINT'},
            ],
            peers.map(peer =>
              [
                peer.own ? `${peer.name} (this console)` : peer.name,
                peer.role,
                [...peer.sites, ...(peer.outbound ?? []).map(site => `${site} (outgoing)`)].join(' ') || '-',
                formatTime(peer.addedAt),
                peer.fingerprint,
              ].map(printable),
            ),
          ),
        );
      }),
    );

  withRole(server.command('trust <name> <file>'), 'view')
    .description("pin another console's certificate on a server; pinning again replaces the role")
    .option('--as <name>', 'what the server calls it; by default what the certificate says')
    .action(
      register<[string, string], {role: ConsoleRole; as?: string}>(
        async (context, [name, file], {role, as}) => {
          const {trust} = await known(context, name);
          if (context.options.dryRun)
            return context.output.would(printable(`Would pin the certificate in ${file} as ${role}.`));
          const peer = await trust.pin(name, file, {role, ...(as === undefined ? {} : {name: as})});
          if (context.options.json) context.output.document(peer);
          else
            context.output.print(
              printable(`${name} trusts ${peer.name} as ${peer.role}\n${peer.fingerprint}`),
            );
        },
      ),
    );

  server
    .command('revoke <name> <fingerprint>')
    .description('let a server forget a pinned certificate; its holder is refused from the next request on')
    .action(
      register<[string, string]>(async (context, [name, prefix]) => {
        const {trust} = await known(context, name);
        const wanted = prefix.replaceAll(':', '').toLowerCase();
        const found =
          wanted.length < 8
            ? []
            : (await trust.peers(name)).filter(peer => peer.fingerprint.startsWith(wanted));
        const [peer] = found;
        if (peer === undefined || found.length > 1)
          throw new OperatorError(
            'NOT_FOUND',
            found.length > 1
              ? `More than one certificate pinned there begins with ${prefix}.`
              : `No certificate ${prefix} is pinned there.`,
            {hint: `\`lockstep server peers ${name}\` lists them with their whole fingerprints.`},
          );
        if (!context.options.dryRun) {
          await context.interaction.confirmOnTerminal({
            consequence: printable(
              `${peer.own ? 'This console' : peer.name} will be refused by ${name} from now on.`,
            ),
            name: prefix,
          });
          await trust.revoke(name, peer.fingerprint);
        }
        if (context.options.json) context.output.document({revoked: !context.options.dryRun, peer});
        else
          context.output.print(
            printable(`${context.options.dryRun ? 'would revoke' : 'revoked'} ${peer.name} (${peer.role})`),
          );
      }),
    );

  withRole(server.command('invite <name>'), 'view')
    .description('make an invitation to a server, for another console')
    .option('--ttl <duration>', 'how long the invitation is valid', '15m')
    .action(
      register<[string], {role: ConsoleRole; ttl: string}>(async (context, [name], {role, ttl}) => {
        const ttlMs = parseDuration(ttl, '--ttl', longestInvitationMs);
        const {trust} = await known(context, name);
        if (context.options.dryRun)
          return context.output.would(`Would make an invitation with the role ${role}.`);
        const made = await trust.invite(name, {role, ttlMs});
        if (context.options.json) return context.output.document(made);
        context.output.print(made.invitation);
        context.output.tell(`Valid once, until ${formatTime(made.expiresAt)} UTC.`);
      }),
    );

  server
    .command('export <name> <file>')
    .description("write a server's certificate to a file, to be trusted by hand elsewhere")
    .action(
      register<[string, string]>(async (context, [name, file]) => {
        const {trust} = await known(context, name);
        if (context.options.dryRun)
          return context.output.would(printable(`Would write the certificate of ${name} to ${file}.`));
        const written = await trust.export(file, name);
        if (context.options.json) context.output.document(written);
        else context.output.print(printable(`${written.path}\n${written.fingerprint}`));
      }),
    );

  server
    .command('audit <name>')
    .description("the newest entries of a server's audit log: what was called, refused and done there")
    .option('--limit <count>', 'how many entries', '50')
    .option('--before <number>', 'only entries older than the one with this number')
    .option('--verify', 'check the whole chain too', false)
    .action(
      register<[string], {limit: string; before?: string; verify: boolean}>(
        async (context, [name], {limit, before, verify}) => {
          const {trust} = await known(context, name);
          const page = await trust.audit(name, {
            limit: parseCount(limit, '--limit', maxEntries),
            ...(before === undefined ? {} : {before: parseCount(before, '--before', 999_999_999)}),
            verify,
          });
          if (context.options.json) context.output.document(page);
          else await printAudit(context, page.entries);
          const {verdict} = page;
          if (verdict?.kind === 'tampered')
            throw new OperatorError(
              'AUDIT_TAMPERED',
              `The audit log of ${name} was tampered with at line ${verdict.line}: ${verdict.detail}`,
              {hint: 'Keep a copy of its audit.ndjson and find out who could write to its data folder.'},
            );
          if (!context.options.json && verdict !== undefined)
            context.output.tell(`The audit log is whole, ${verdict.entries} entries.`);
        },
      ),
    );
}

/** @throws NOT_FOUND naming the servers there are. */
async function known(context: CommandContext, name: string) {
  const engine = await context.engine();
  await findServer(engine, name);
  return engine;
}

async function printAudit(context: CommandContext, entries: readonly AuditEntry[]): Promise<void> {
  const {renderTable} = await import('../table.js');
  context.output.print(
    renderTable(
      [
        {title: 'NO', align: 'right'},
        {title: 'WHEN (UTC)'},
        {title: 'KIND'},
        {title: 'WHO'},
        {title: 'WHAT'},
        {title: 'RESULT'},
      ],
      entries.map(entry =>
        [
          String(entry.seq),
          formatTime(entry.at),
          entry.kind,
          entry.caller === undefined
            ? (entry.address ?? '-')
            : `${entry.caller.name || entry.caller.fingerprint.slice(0, 16)} (${entry.caller.role})`,
          entry.what,
          [entry.code, entry.detail].filter(part => part !== undefined).join(': ') || '-',
        ].map(printable),
      ),
    ),
  );
}
