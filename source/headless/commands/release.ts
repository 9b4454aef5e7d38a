import type {Command} from 'commander';
import {formatSize} from '../../core/byte-size.js';
import {countOf} from '../../core/count-of.js';
import {OperatorError} from '../../core/operator-error.js';
import type {ReleaseEntry} from '../../engine/releases.js';
import type {CommandContext, Register} from '../command-context.js';
import {formatTime, printable} from '../format.js';
import {
  nameFrom,
  parseExpiry,
  parseOrigin,
  parseSigning,
  password,
  type SigningOptions,
} from '../release-origin.js';

type AddOptions = SigningOptions & {
  name?: string;
  version: string;
  minVersion?: string;
  expires?: string;
  strip?: boolean;
  push?: boolean;
};

/** `lockstep release …`: what servers can be updated to (U2). */
export function addReleaseCommands(program: Command, register: Register): void {
  const release = program.command('release').description('releases that servers can be updated to');

  release
    .command('add <source>')
    .description(
      'make a release known: a ZIP archive, a folder, an address (http, https, ftp, ftps), or package:SERVER/SITE/NAME',
    )
    .requiredOption('--version <version>', 'version of the release, such as 7.6.7')
    .option('--name <name>', 'name of the release; that of the archive or folder when absent')
    .option('--min-version <version>', 'oldest version that can be updated to it')
    .option('--expires <when>', 'no server is updated to it from then on: 90d, or 2027-01-31T00:00Z')
    .option('--strip', 'leave away the one folder that everything in the archive lies in')
    .option(
      '--push',
      'the console keeps the archive and sends it to the servers; else each fetches it itself',
    )
    .option('--secret-key <file>', 'sign with this key of minisign')
    .option('--manifest <file>', 'take this manifest, which was made and signed elsewhere')
    .option('--signature <file>', 'the signature of that manifest, a .minisig file')
    .action(
      register<[string], AddOptions>(async (context, [text], options) => {
        const origin = parseOrigin(text);
        const {version} = options;
        const name = options.name ?? nameFrom(origin, version);
        const definition = {
          origin,
          name,
          version,
          ...(options.minVersion === undefined ? {} : {minimumVersion: options.minVersion}),
          ...(options.expires === undefined ? {} : {expiresAt: parseExpiry(options.expires)}),
          strip: options.strip === true,
          push: options.push === true,
          signing: parseSigning(options),
        };
        const engine = await context.engine();
        if (context.options.dryRun) {
          await engine.releases.foresee(definition);
          context.output.would(printable(`Would make the release ${name}-${version} known from ${text}.`));
          return;
        }
        const added = await engine.releases.add(definition, {onProgress: progressOf(context)});
        context.output.draw('');
        if (context.options.json) return context.output.document(added);
        context.output.print(
          printable(
            `${added.id}: ${countOf(added.fileCount, 'file')}, ${formatSize(added.unpackedBytes)} in an archive of ${formatSize(added.archive.sizeBytes)}, ${signatureText(added)}`,
          ),
        );
        if (added.signedBy === undefined)
          context.output.tell(
            printable(
              `Servers take it only where agent.json allows unsigned releases; \`lockstep release sign ${added.id} --secret-key FILE\` signs it.`,
            ),
          );
        const top = commonFolder(added.strip, (await engine.releases.show(added.id)).files);
        if (top !== undefined)
          context.output.tell(
            printable(
              `Everything in it lies in the folder ${top}, which will be a folder in the server folder. If that is not meant: delete it and add it with --strip.`,
            ),
          );
      }),
    );

  release
    .command('list')
    .description('every release, the newest version of each name first')
    .action(
      register(async context => {
        const releases = await (await context.engine()).releases.list();
        if (context.options.json) return context.output.document({releases});
        if (releases.length === 0)
          return context.output.tell(
            'No releases. `lockstep release add SOURCE --version V` makes one known.',
          );
        const {renderTable} = await import('../table.js');
        context.output.print(
          renderTable(
            [
              {title: 'RELEASE'},
              {title: 'FROM VERSION'},
              {title: 'FILES', align: 'right'},
              {title: 'ARCHIVE', align: 'right'},
              {title: 'SIGNED BY'},
              {title: 'EXPIRES (UTC)'},
              {title: 'SOURCE'},
            ],
            releases.map(entry =>
              [
                entry.id,
                entry.minimumVersion ?? 'any',
                String(entry.fileCount),
                formatSize(entry.archive.sizeBytes),
                entry.signedBy ?? 'nobody',
                expiryText(entry),
                entry.source,
              ].map(printable),
            ),
          ),
        );
      }),
    );

  release
    .command('show <release>')
    .description('a release with its files; an archive that the console keeps is compared')
    .action(
      register<[string]>(async (context, [id]) => {
        const shown = await (await context.engine()).releases.show(id);
        if (context.options.json) {
          context.output.document(shown);
          return shown.problem === undefined ? 0 : 1;
        }
        const {renderFacts, renderTable} = await import('../table.js');
        context.output.print(
          renderFacts(
            (
              [
                ['release', shown.id],
                ['made', `${formatTime(shown.createdAt)} UTC`],
                ['added', `${formatTime(shown.addedAt)} UTC by ${shown.by}`],
                ['from version', shown.minimumVersion ?? 'any that is not newer'],
                ['expires', expiryText(shown)],
                ['signed by', shown.signedBy === undefined ? 'nobody' : `key ${shown.signedBy}`],
                ['source', shown.source],
                ['archive', formatSize(shown.archive.sizeBytes)],
                ['sha256', shown.archive.sha256],
                ...(shown.strip === undefined ? [] : [['left away', `the folder ${shown.strip}`] as const]),
                ['files', `${shown.fileCount}, ${formatSize(shown.unpackedBytes)} together`],
                ['manifest', shown.manifestPath],
                ...(shown.problem === undefined ? [] : [['problem', shown.problem] as const]),
              ] as const
            ).map(([label, text]) => [label, printable(text)] as const),
          ),
        );
        context.output.print(
          `\n${renderTable(
            [{title: 'FILE'}, {title: 'SIZE', align: 'right'}, {title: 'MODE'}, {title: 'SHA-256'}],
            shown.files.map(file =>
              [file.path, formatSize(file.sizeBytes), file.mode.toString(8), file.sha256].map(printable),
            ),
          )}`,
        );
        if (shown.problem === undefined) return 0;
        context.output.tell(printable(`${shown.id}: ${shown.problem}. Delete the release and add it again.`));
        return 1;
      }),
    );

  release
    .command('sign <release>')
    .description('sign a release, or take a signature that was made elsewhere over its manifest')
    .option('--secret-key <file>', 'sign with this key of minisign')
    .option('--signature <file>', 'a .minisig file that minisign made of the manifest')
    .action(
      register<[string], {secretKey?: string; signature?: string}>(async (context, [id], options) => {
        const {secretKey, signature} = options;
        const hint = 'Give one of --secret-key FILE and --signature FILE.';
        if (secretKey === undefined && signature === undefined)
          throw new OperatorError('ANSWER_MISSING', 'Who signs is not said.', {hint});
        if (secretKey !== undefined && signature !== undefined)
          throw new OperatorError('USAGE', 'A release has one signature.', {hint});
        const engine = await context.engine();
        if (context.options.dryRun) {
          await engine.releases.show(id);
          return context.output.would(printable(`Would sign ${id}.`));
        }
        const signed = await engine.releases.sign(
          id,
          secretKey === undefined
            ? {kind: 'signature', file: signature!}
            : {kind: 'secret-key', file: secretKey, ...password()},
        );
        if (context.options.json) return context.output.document(signed);
        context.output.print(printable(`${signed.id}: ${signatureText(signed)}`));
      }),
    );

  release
    .command('verify <release>')
    .description('whether a release is signed with a key')
    .requiredOption('--public-key <key>', 'the key, or its .pub file')
    .action(
      register<[string], {publicKey: string}>(async (context, [id], {publicKey}) => {
        const verified = await (await context.engine()).releases.verify(id, publicKey);
        if (context.options.json) return context.output.document({release: id, ...verified});
        context.output.print(
          printable(`${id} is signed with the key ${verified.signedBy}: ${verified.trustedComment}`),
        );
      }),
    );

  release
    .command('delete <release>')
    .description('forget a release and remove its archive from the console; servers keep what they run')
    .action(
      register<[string]>(async (context, [id]) => {
        const engine = await context.engine();
        await engine.releases.delete(id, {dryRun: true});
        if (!context.options.dryRun) {
          await context.interaction.confirmOnTerminal({
            consequence: `The release ${id} is forgotten; servers keep what they run.`,
            name: id,
          });
          await engine.releases.delete(id);
        }
        if (context.options.json) return context.output.document({id, deleted: !context.options.dryRun});
        context.output.print(
          printable(`${context.options.dryRun ? 'would delete' : 'deleted'} release ${id}`),
        );
      }),
    );

  const key = release.command('key').description('keys that releases are signed with');
  key
    .command('create <file>')
    .description('make a pair of keys of minisign: FILE, which is secret and has no password, and FILE.pub')
    .action(
      register<[string]>(async (context, [file]) => {
        const engine = await context.engine();
        if (context.options.dryRun)
          return context.output.would(printable(`Would make the keys ${file} and ${file}.pub.`));
        const made = await engine.releases.createKey(file);
        if (context.options.json) return context.output.document(made);
        context.output.print(printable(`key ${made.keyId}: ${made.secretFile} and ${made.publicFile}`));
        context.output.print(made.publicKey);
        context.output.tell(
          'That line belongs into `update.keys` of each site in agent.json. Keep the secret file where only those who release can read it.',
        );
      }),
    );
}

function signatureText({signedBy}: ReleaseEntry): string {
  return signedBy === undefined ? 'not signed' : `signed with the key ${signedBy}`;
}

function expiryText({expiresAt, expired}: ReleaseEntry): string {
  if (expiresAt === undefined) return 'never';
  return expired ? `EXPIRED ${formatTime(expiresAt)}` : formatTime(expiresAt);
}

/** The folder that every file lies in, where it was not left away. */
function commonFolder(
  strip: string | undefined,
  files: readonly {readonly path: string}[],
): string | undefined {
  if (strip !== undefined) return undefined;
  const tops = new Set(files.map(file => (file.path.includes('/') ? file.path.split('/', 1)[0]! : '')));
  const [top] = tops;
  return tops.size === 1 && top !== '' ? top : undefined;
}

function progressOf({output}: CommandContext) {
  return (stage: string, done: number, total: number | undefined) =>
    output.draw(`${stage} ${formatSize(done)}${total === undefined ? '' : ` of ${formatSize(total)}`}`);
}
