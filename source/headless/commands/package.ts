import {type Command, Option} from 'commander';
import {formatSize} from '../../core/byte-size.js';
import {countOf} from '../../core/count-of.js';
import {OperatorError} from '../../core/operator-error.js';
import {longestLifetimeMs, longestLinkMs} from '../../core/package.js';
import {foreseePackage} from '../../engine/foresee-package.js';
import type {PackageChanges, PackageEntry} from '../../engine/packages.js';
import type {Register} from '../command-context.js';
import {formatTime, printable, quoted} from '../format.js';
import {parseDuration, parseList, parseMoment, parseSiteAddress} from '../parse-arguments.js';

type Attributes = {
  title?: string;
  expires?: string;
  lifetime?: string;
  managers?: string;
  downloaders?: string;
  links?: 'yes' | 'no';
};

/** `lockstep package …`: download packages of a site (P1–P8). */
export function addPackageCommands(program: Command, register: Register): void {
  const packages = program.command('package').description('download packages of a site');

  withAttributes(packages.command('create <server/site> <name>'))
    .description('define a package; its archive is made when the first file is added')
    .action(
      register<[string, string], Attributes>(async (context, [site, name], options) => {
        const address = parseSiteAddress(site);
        const engine = await context.engine();
        const changes = attributesOf(options);
        if (context.options.dryRun) {
          await foreseePackage(engine.packages, address, {kind: 'create', name});
          return context.output.would(printable(`Would create package ${name}.`));
        }
        const {expiresAt, lifetimeMs, ...rest} = changes;
        const made = await engine.packages.create(address, name, {
          title: '',
          managers: [],
          downloaders: [],
          links: false,
          ...rest,
          ...(expiresAt == null ? {} : {expiresAt}),
          ...(lifetimeMs == null ? {} : {lifetimeMs}),
        });
        if (context.options.json) return context.output.document(made);
        context.output.print(
          printable(
            `created package ${name}, empty; \`lockstep package add ${quoted(site)} ${quoted(name)} FILE…\` fills it`,
          ),
        );
      }),
    );

  for (const [verb, description] of [
    ['add', 'add registered files to a package, several at a time'],
    ['remove', 'remove files from a package'],
  ] as const)
    packages
      .command(`${verb} <server/site> <name> <files...>`)
      .description(description)
      .action(
        register<[string, string, string[]]>(async (context, [site, name, files]) => {
          const address = parseSiteAddress(site);
          const engine = await context.engine();
          if (context.options.dryRun) {
            await foreseePackage(engine.packages, address, {kind: verb, name, files});
            return context.output.would(
              printable(`Would ${verb} ${files.join(', ')}; the archive is written anew.`),
            );
          }
          const change = verb === 'add' ? {add: files, remove: []} : {add: [], remove: files};
          report(context, await engine.packages.assign(address, name, change));
        }),
      );

  withAttributes(packages.command('edit <server/site> <name>'))
    .description('change the attributes of a package')
    .action(
      register<[string, string], Attributes>(async (context, [site, name], options) => {
        const address = parseSiteAddress(site);
        const engine = await context.engine();
        const changes = attributesOf(options);
        if (Object.keys(changes).length === 0)
          throw new OperatorError('USAGE', 'Nothing is named to be changed.', {
            hint: 'Such as --expires 2027-01-31T00:00Z, --lifetime 30d, --links yes.',
          });
        if (context.options.dryRun) {
          await engine.packages.show(address, name);
          return context.output.would(printable(`Would change package ${name}.`));
        }
        report(context, await engine.packages.edit(address, name, changes));
      }),
    );

  packages
    .command('list <server/site>')
    .description('every package with its state; what has expired is deleted first')
    .action(
      register<[string]>(async (context, [site]) => {
        const {packages: found, expired} = await (await context.engine()).packages.list(
          parseSiteAddress(site),
        );
        if (context.options.json) return context.output.document({packages: found, expired});
        for (const name of expired)
          context.output.tell(printable(`Package ${name} had expired and is deleted.`));
        if (found.length === 0)
          return context.output.tell(
            `No packages. \`lockstep package create ${printable(site)} NAME\` makes one.`,
          );
        const {renderTable} = await import('../table.js');
        context.output.print(
          renderTable(
            [
              {title: 'PACKAGE'},
              {title: 'STATE'},
              {title: 'FILES'},
              {title: 'SIZE'},
              {title: 'EXPIRES (UTC)'},
              {title: 'LINKS'},
            ],
            found.map(entry =>
              [
                entry.name,
                entry.state,
                String(entry.files.length),
                entry.archive === undefined ? '-' : formatSize(entry.archive.sizeBytes),
                entry.expires === undefined ? 'never' : formatTime(entry.expires),
                entry.attributes.links ? 'allowed' : 'no',
              ].map(printable),
            ),
          ),
        );
        if (found.some(({state}) => state === 'damaged'))
          context.output.tell(
            'A damaged archive is written anew with `lockstep package rebuild SERVER/SITE NAME`.',
          );
      }),
    );

  packages
    .command('show <server/site> <name>')
    .description('attributes, files and checksums of a package')
    .action(
      register<[string, string]>(async (context, [site, name]) => {
        const entry = await (await context.engine()).packages.show(parseSiteAddress(site), name);
        if (context.options.json) return context.output.document(entry);
        const {renderFacts, renderTable} = await import('../table.js');
        const {attributes, archive} = entry;
        context.output.print(
          renderFacts(
            [
              ['name', entry.name],
              ['title', attributes.title || '-'],
              ['state', entry.state],
              ['created', `${formatTime(entry.createdAt)} UTC by ${entry.by}`],
              ['expires', entry.expires === undefined ? 'never' : `${formatTime(entry.expires)} UTC`],
              ['managers', attributes.managers.join(', ') || 'every operator'],
              [
                'downloaders',
                attributes.downloaders.join(', ') || 'every console, and the servers that work with the site',
              ],
              ['links', attributes.links ? 'allowed' : 'not allowed'],
              ...(archive === undefined
                ? []
                : ([
                    ['archive', `${formatSize(archive.sizeBytes)}, written ${formatTime(archive.writtenAt)}`],
                    ['sha256', archive.sha256],
                  ] as const)),
            ].map(([label, text]) => [label!, printable(text!)] as const),
          ),
        );
        if (archive !== undefined)
          context.output.print(
            `\n${renderTable(
              [{title: 'FILE'}, {title: 'SIZE'}, {title: 'SHA-256'}],
              archive.entries.map(file =>
                [file.name, formatSize(file.sizeBytes), file.sha256].map(printable),
              ),
            )}`,
          );
      }),
    );

  packages
    .command('rebuild <server/site> <name>')
    .description('write the archive anew from the registered files')
    .action(
      register<[string, string]>(async (context, [site, name]) => {
        const address = parseSiteAddress(site);
        const engine = await context.engine();
        if (context.options.dryRun) {
          await engine.packages.show(address, name);
          return context.output.would(printable(`Would write the archive of ${name} anew.`));
        }
        report(context, await engine.packages.rebuild(address, name));
      }),
    );

  packages
    .command('delete <server/site> <name>')
    .description('delete a package and its archive; the registered files stay')
    .action(
      register<[string, string]>(async (context, [site, name]) => {
        const address = parseSiteAddress(site);
        const engine = await context.engine();
        await engine.packages.show(address, name);
        if (!context.options.dryRun) {
          await context.interaction.confirmOnTerminal({
            consequence: `The package ${name} and its archive are deleted; the registered files stay.`,
            name,
          });
          await engine.packages.delete(address, name);
        }
        if (context.options.json) return context.output.document({name, deleted: !context.options.dryRun});
        context.output.print(
          printable(`${context.options.dryRun ? 'would delete' : 'deleted'} package ${name}`),
        );
      }),
    );

  packages
    .command('link <server/site> <name>')
    .description('make a signed link with which anybody can download the package until it expires')
    .option('--ttl <duration>', 'how long the link holds', '24h')
    .action(
      register<[string, string], {ttl: string}>(async (context, [site, name], {ttl}) => {
        const ttlMs = parseDuration(ttl, '--ttl', longestLinkMs);
        if (context.options.dryRun) {
          await (await context.engine()).packages.show(parseSiteAddress(site), name);
          return context.output.would(printable(`Would make a link to package ${name}.`));
        }
        const link = await (await context.engine()).packages.link(parseSiteAddress(site), name, ttlMs);
        if (context.options.json) return context.output.document(link);
        context.output.print(link.url);
        context.output.tell(
          `It holds until ${formatTime(link.expiresAt)} UTC. The agent's certificate is its own, which browsers ask about.`,
        );
      }),
    );

  packages
    .command('fetch <server/site> <name>')
    .description('download the archive; an interrupted download goes on where it ended')
    .option('--out <file>', 'where to; NAME.zip in this folder when absent')
    .action(
      register<[string, string], {out?: string}>(async (context, [site, name], {out}) => {
        const address = parseSiteAddress(site);
        const to = out ?? `${name}.zip`;
        const engine = await context.engine();
        if (context.options.dryRun) {
          await engine.packages.show(address, name);
          return context.output.would(printable(`Would download package ${name} to ${to}.`));
        }
        const fetched = await engine.packages.fetch(address, name, to, (done, total) =>
          context.output.draw(`${formatSize(done)} of ${formatSize(total)}`),
        );
        context.output.draw('');
        if (context.options.json) return context.output.document(fetched);
        context.output.print(
          printable(`${fetched.path}  ${formatSize(fetched.sizeBytes)}  sha256 ${fetched.sha256}`),
        );
      }),
    );
}

function withAttributes(command: Command): Command {
  return command
    .option('--title <text>', 'what people read')
    .option('--expires <time>', 'deleted after this moment, such as 2027-01-31T00:00Z; `never` takes it away')
    .option('--lifetime <duration>', 'deleted so long after its creation, such as 30d; `none` takes it away')
    .option(
      '--managers <names>',
      'consoles that may change it besides administrators; `all` for every operator',
    )
    .option(
      '--downloaders <names>',
      'consoles and servers that may download it; `all` for every console and the servers that work with the site',
    )
    .addOption(
      new Option('--links <answer>', 'whether signed links to it can be made').choices(['yes', 'no']),
    );
}

function attributesOf(options: Attributes): PackageChanges {
  const list = (text: string, option: string) => (text === 'all' ? [] : parseList(text, option));
  return {
    ...(options.title === undefined ? {} : {title: options.title}),
    ...(options.expires === undefined
      ? {}
      : {expiresAt: options.expires === 'never' ? null : parseMoment(options.expires, '--expires')}),
    ...(options.lifetime === undefined
      ? {}
      : {
          lifetimeMs:
            options.lifetime === 'none'
              ? null
              : parseDuration(options.lifetime, '--lifetime', longestLifetimeMs),
        }),
    ...(options.managers === undefined ? {} : {managers: list(options.managers, '--managers')}),
    ...(options.downloaders === undefined ? {} : {downloaders: list(options.downloaders, '--downloaders')}),
    ...(options.links === undefined ? {} : {links: options.links === 'yes'}),
  };
}

function report(context: Parameters<Parameters<Register>[0]>[0], entry: PackageEntry): void {
  if (context.options.json) {
    context.output.document(entry);
    return;
  }
  const size = entry.archive === undefined ? 'no archive yet' : formatSize(entry.archive.sizeBytes);
  context.output.print(printable(`${entry.name}: ${countOf(entry.files.length, 'file')}, ${size}`));
}
