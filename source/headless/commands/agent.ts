import {type Command, Option} from 'commander';
import {countOf} from '../../core/count-of.js';
import {longestInvitationMs} from '../../core/longest-invitation.js';
import {OperatorError} from '../../core/operator-error.js';
import type {ConsoleRole} from '../agent-verbs.js';
import type {Register} from '../command-context.js';
import {formatTime, printable} from '../format.js';
import {parseDuration} from '../parse-arguments.js';

type Data = {data: string};

/** `lockstep agent …`: what is done on the server itself. */
export function addAgentCommands(program: Command, register: Register): void {
  const agent = program.command('agent').description('the agent of this server');
  const withData = (command: Command) =>
    command.requiredOption('--data <dir>', "the agent's data folder: identity, agent.json, indexes");

  withData(agent.command('init'))
    .description('make identity and agent.json')
    .requiredOption('--name <name>', 'name of this server')
    .option('--listen <host:port>', 'where to listen; port 0 takes a free one, now and for good')
    .action(
      register<[], Data & {name: string; listen?: string}>(async (context, _, options) => {
        const verbs = await context.agent();
        const made = await verbs.init({...options, dryRun: context.options.dryRun});
        if (context.options.json) context.output.document(made);
        else
          context.output.print(
            context.options.dryRun
              ? `would make agent ${made.name}, listening on ${made.listen}`
              : `made agent ${made.name}, listening on ${made.listen}\nfingerprint ${made.fingerprint}`,
          );
      }),
    );

  addSiteCommands(agent, withData, register);

  withData(agent.command('run'))
    .description('serve until SIGTERM')
    .action(
      register<[], Data>(async (context, _, {data}) => {
        const verbs = await context.agent();
        const stop = new AbortController();
        context.onSignal(['SIGTERM', 'SIGINT', 'SIGHUP'], () => stop.abort());
        await verbs.run({
          data,
          signal: stop.signal,
          onListening: ({url, fingerprint}) => {
            if (context.options.json) context.output.event({type: 'listening', url, fingerprint});
            else context.output.print(`listening on ${url}  fingerprint ${fingerprint}`);
          },
        });
      }),
    );

  withData(agent.command('invite'))
    .description('print one line with which a console is paired')
    .addOption(
      new Option('--role <role>', 'what the console may do')
        .choices(['admin', 'operate', 'view'])
        .default('admin'),
    )
    .option('--ttl <duration>', 'how long the invitation is valid', '15m')
    .action(
      register<[], Data & {role: ConsoleRole; ttl: string}>(async (context, _, {data, role, ttl}) => {
        const ttlMs = parseDuration(ttl, '--ttl', longestInvitationMs);
        const verbs = await context.agent();
        if (context.options.dryRun) {
          await verbs.status(data);
          context.output.would(`Would print an invitation with the role ${role}.`);
          return;
        }
        const made = await verbs.invite({data, role, ttlMs});
        if (context.options.json) return context.output.document(made);
        context.output.print(made.invitation);
        context.output.tell(`Valid once, until ${formatTime(made.expiresAt)} UTC.`);
      }),
    );

  withData(agent.command('status'))
    .description('who the agent is, whether it runs, which sites it hosts')
    .action(
      register<[], Data>(async (context, _, {data}) => {
        const status = await (await context.agent()).status(data);
        if (context.options.json) return context.output.document(status);
        const {renderFacts, renderTable} = await import('../table.js');
        context.output.print(
          renderFacts([
            ['name', status.name],
            ['fingerprint', status.fingerprint],
            ['address', status.url ?? '-'],
            ['state', status.running ? `running, process ${status.pid}` : 'not running'],
            ['peers', String(status.peers)],
          ]),
        );
        context.output.print(
          `\n${renderTable(
            [{title: 'SITE'}, {title: 'VERSION'}, {title: 'ROOT'}, {title: 'DATABASE'}],
            status.sites.map(site =>
              [site.name, site.version, site.root, site.database ?? '-'].map(printable),
            ),
          )}`,
        );
      }),
    );

  withData(agent.command('check'))
    .description('validate agent.json: file, place and remedy of every mistake')
    .action(
      register<[], Data>(async (context, _, {data}) => {
        const problems = await (await context.agent()).check(data);
        const mistakes = problems.filter(({warning}) => warning !== true);
        if (context.options.json) context.output.document({valid: mistakes.length === 0, problems});
        else {
          for (const {file, place, message, remedy, warning} of problems)
            context.output.print(
              printable(`${warning === true ? 'warning: ' : ''}${file} ${place}: ${message}\n  ${remedy}`),
            );
          if (mistakes.length === 0) context.output.print('agent.json is valid');
        }
        if (mistakes.length > 0)
          throw new OperatorError(
            'INVALID_CONFIGURATION',
            `agent.json has ${countOf(mistakes.length, 'mistake')}.`,
            {
              hint: 'Each is listed with its place and remedy.',
            },
          );
      }),
    );

  withData(agent.command('adopt'))
    .description('this machine is the server now, although its identity was made on another one')
    .action(
      register<[], Data>(async (context, _, {data}) => {
        const verbs = await context.agent();
        if (context.options.dryRun) {
          const {name} = await verbs.status(data);
          context.output.would(printable(`Would make this machine the server ${name}.`));
          return;
        }
        await context.interaction.confirmOnTerminal({
          consequence:
            'Two machines with one identity corrupt what they know of each other: the other one must be gone for good.',
          name: 'adopt',
        });
        const adopted = await verbs.adopt(data);
        if (context.options.json) context.output.document(adopted);
        else context.output.print(`this machine is now the server ${adopted.serverId}`);
      }),
    );

  addPeerCommands(agent, withData, register);
  addAuditCommand(agent, withData, register);
}

function addSiteCommands(agent: Command, withData: (command: Command) => Command, register: Register): void {
  const site = agent.command('site').description('the sites of this agent');
  withData(site.command('add <site>'))
    .description('host a site: a root folder and, optionally, a database')
    .requiredOption('--root <dir>', "the site's root folder")
    .option('--database <url>', 'sqlite:/path/file.db')
    .option('--site-version <version>', 'version of the site, the same on both ends of a sync')
    .option('--staging', 'the site is a staging site', false)
    .option('--allow-force-initial', 'a forced initial sync may overwrite this site', false)
    .action(
      register<
        [string],
        Data & {
          root: string;
          database?: string;
          siteVersion?: string;
          staging: boolean;
          allowForceInitial: boolean;
        }
      >(async (context, [name], options) => {
        const {dryRun} = context.options;
        const verbs = await context.agent();
        const {served} = await verbs.addSite({...options, site: name, dryRun});
        if (context.options.json) return context.output.document({site: name, added: !dryRun, served});
        context.output.print(`${dryRun ? 'would add' : 'added'} site ${name}`);
        if (!served && !dryRun && (await verbs.status(options.data)).running)
          context.output.tell('The running agent does not serve it; its agent.log says why.');
      }),
    );
}

function addPeerCommands(agent: Command, withData: (command: Command) => Command, register: Register): void {
  withData(agent.command('peers'))
    .description('whose certificates are pinned here, and as what')
    .action(
      register<[], Data>(async (context, _, {data}) => {
        const peers = await (await context.agent()).peers(data);
        if (context.options.json) return context.output.document({peers});
        if (peers.length === 0)
          return context.output.tell(
            'Nobody yet. `lockstep agent invite` prints a line that pairs a console.',
          );
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
                peer.name,
                peer.role,
                peer.sites.join(' ') || '-',
                formatTime(peer.addedAt),
                peer.fingerprint,
              ].map(printable),
            ),
          ),
        );
      }),
    );

  withData(agent.command('revoke <fingerprint>'))
    .description('forget a pinned certificate; its holder is refused from the next request on')
    .action(
      register<[string], Data>(async (context, [fingerprint], {data}) => {
        if (!context.options.dryRun)
          await context.interaction.confirmOnTerminal({
            consequence: `The holder of ${fingerprint} will be refused from now on.`,
            name: fingerprint,
          });
        const peer = await (await context.agent()).revoke({
          data,
          fingerprint,
          dryRun: context.options.dryRun,
        });
        if (context.options.json) context.output.document({revoked: !context.options.dryRun, peer});
        else
          context.output.print(
            printable(`${context.options.dryRun ? 'would revoke' : 'revoked'} ${peer.name} (${peer.role})`),
          );
      }),
    );
}

function addAuditCommand(agent: Command, withData: (command: Command) => Command, register: Register): void {
  withData(agent.command('audit [action]'))
    .description('`audit verify`: is the audit log whole?')
    .option('--verify', 'the same as `audit verify`', false)
    .action(
      register<[string | undefined], Data & {verify: boolean}>(async (context, [action], {data, verify}) => {
        if (action === undefined ? !verify : action !== 'verify')
          throw new OperatorError('USAGE', 'The audit log can be verified.', {
            hint: 'Write `lockstep agent audit verify --data DIR`.',
          });
        const verdict = await (await context.agent()).verifyAudit(data);
        if (context.options.json) context.output.document(verdict);
        if (verdict.kind === 'tampered')
          throw new OperatorError(
            'AUDIT_TAMPERED',
            `The audit log was tampered with at line ${verdict.line}: ${verdict.detail}`,
            {hint: 'Keep a copy of audit.ndjson and find out who could write to the data folder.'},
          );
        if (!context.options.json) context.output.print(`the audit log is whole, ${verdict.entries} entries`);
      }),
    );
}
