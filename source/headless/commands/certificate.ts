import {X509Certificate} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {type Command, Option} from 'commander';
import {OperatorError} from '../../core/operator-error.js';
import type {CertificateListing, ConsoleRole, IdentityPlace} from '../agent-verbs.js';
import type {CommandContext, Register} from '../command-context.js';
import {formatTime, printable} from '../format.js';
import {parseList} from '../parse-arguments.js';

type Data = {data?: string};

/** `lockstep cert …`: the identity of an agent (`--data`) or of the console (`--home`), and trust by hand (E4). */
export function addCertificateCommands(program: Command, register: Register): void {
  const cert = program
    .command('cert')
    .description('identities: of an agent (--data) or of the console (--home)');
  const withData = (command: Command) =>
    command.option('--data <dir>', "an agent's data folder; without it the console's own identity is meant");

  withData(cert.command('show'))
    .description('fingerprint, end of validity and file of the certificate')
    .action(
      register<[], Data>(async (context, _, {data}) => {
        const verbs = await context.agent();
        await show(context, await verbs.certificate.show(placeOf(context, data)));
      }),
    );

  withData(cert.command('regenerate'))
    .description('make new keys and discard the old ones; everyone who trusted them has to be told')
    .action(
      register<[], Data>(async (context, _, {data}) => {
        const verbs = await context.agent();
        const place = placeOf(context, data);
        if (context.options.dryRun) {
          const current = await verbs.certificate.show(place);
          context.output.tell(
            'These keys would be discarded and everyone who trusts them would refuse the new ones:',
          );
          return show(context, current);
        }
        await context.interaction.confirmOnTerminal({
          consequence:
            'The keys are discarded. Everyone who trusts them will refuse the new certificate until they trust it again.',
          name: 'regenerate',
        });
        await show(context, await verbs.certificate.regenerate(place));
      }),
    );

  withData(cert.command('export <file>'))
    .description('write the certificate, never the key')
    .action(
      register<[string], Data>(async (context, [file], {data}) => {
        const verbs = await context.agent();
        const place = placeOf(context, data);
        const listing = await (context.options.dryRun
          ? verbs.certificate.show(place)
          : verbs.certificate.export(place, file));
        await show(context, {...listing, path: file});
      }),
    );

  withData(cert.command('trust <file>'))
    .description('pin the certificate in a file; trusting again replaces the role')
    .addOption(
      new Option('--role <role>', 'what its holder may do here, with --data').choices([
        'admin',
        'operate',
        'view',
        'peer',
      ]),
    )
    .option('--sites <names>', 'the sites that a peer may reach, with --role peer')
    .option('--name <name>', 'what to call it; by default what the certificate says')
    .option('--url <url>', "with --home: the agent's address, https://host:port, for a new server")
    .action(
      register<[string], Data & TrustOptions>((context, [file], options) =>
        options.data === undefined
          ? trustAgent(context, file, options)
          : trustAtAgent(context, options.data, file, options),
      ),
    );
}

type TrustOptions = {role?: ConsoleRole | 'peer'; sites?: string; name?: string; url?: string};

async function trustAtAgent(
  context: CommandContext,
  data: string,
  file: string,
  {role = 'view', sites, name, url}: TrustOptions,
): Promise<void> {
  if (url !== undefined) throw new OperatorError('USAGE', '--url belongs to --home, not to --data.');
  if ((role === 'peer') !== (sites !== undefined))
    throw new OperatorError('USAGE', 'A peer is trusted for named sites, and only a peer is.', {
      hint: 'Write --role peer --sites NAME,NAME.',
    });
  const peer = await (await context.agent()).certificate.trust({
    data,
    file,
    role,
    ...(name === undefined ? {} : {name}),
    ...(sites === undefined ? {} : {sites: parseList(sites, '--sites')}),
    dryRun: context.options.dryRun,
  });
  if (context.options.json) context.output.document(peer);
  else
    context.output.print(
      printable(
        `${context.options.dryRun ? 'would trust' : 'trusts'} ${peer.name} as ${peer.role}\n${peer.fingerprint}`,
      ),
    );
}

async function trustAgent(
  context: CommandContext,
  file: string,
  {role, sites, name, url}: TrustOptions,
): Promise<void> {
  if (role !== undefined || sites !== undefined)
    throw new OperatorError('USAGE', 'A role is given at an agent: name its --data folder.');
  const pem = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new OperatorError('USAGE', `${file} cannot be read: ${cause.message}`, {cause});
  });
  const certificate = parseCertificate(pem, file);
  const called = name ?? /^CN=(.+)$/m.exec(certificate.subject)?.[1];
  if (called === undefined)
    throw new OperatorError('ANSWER_MISSING', 'The certificate names nobody.', {
      hint: 'Say with --name which server it belongs to.',
    });
  const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  if (context.options.dryRun) {
    context.output.would(printable(`Would trust ${fingerprint} as the server ${called}.`));
    return;
  }
  const engine = await context.engine();
  const server = await engine.servers.trust(pem, {name: called, ...(url === undefined ? {} : {url})});
  if (context.options.json) context.output.document(server);
  else context.output.print(printable(`trusts ${server.name} at ${server.url}\n${server.fingerprint}`));
}

function parseCertificate(pem: string, file: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new OperatorError('USAGE', `${file} holds no certificate.`, {
      cause,
      hint: '`lockstep cert export FILE` on the other machine writes one.',
    });
  }
}

function placeOf(context: CommandContext, data: string | undefined): IdentityPlace {
  return data === undefined ? {home: context.options.home} : {data};
}

async function show(context: CommandContext, listing: CertificateListing): Promise<void> {
  if (context.options.json) return context.output.document(listing);
  const {renderFacts} = await import('../table.js');
  context.output.print(
    renderFacts([
      ['fingerprint', listing.fingerprint],
      ['valid until', `${formatTime(listing.notAfter)} UTC`],
      ['file', listing.path],
    ]),
  );
}
