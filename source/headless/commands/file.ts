import type {Command} from 'commander';
import {formatSize} from '../../core/byte-size.js';
import {countOf} from '../../core/count-of.js';
import {OperatorError} from '../../core/operator-error.js';
import type {RegisteredFile} from '../../core/package.js';
import {foreseeImport, mustBeRegistered} from '../../engine/foresee-package.js';
import type {Register} from '../command-context.js';
import {formatTime, printable} from '../format.js';
import {parseSiteAddress} from '../parse-arguments.js';

/** `lockstep file …`: the download folder of a site, from which packages are made (P4). */
export function addFileCommands(program: Command, register: Register): void {
  const file = program.command('file').description('files that packages are made of');

  file
    .command('import <server/site> <files...>')
    .description('copy files of this machine into the download folder and register them')
    .option('--name <name>', 'register the one file under another name')
    .option(
      '--replace',
      'put it in the place of a registered one; archives change when they are written anew',
      false,
    )
    .action(
      register<[string, string[]], {name?: string; replace: boolean}>(
        async (context, [site, files], options) => {
          const address = parseSiteAddress(site);
          if (options.name !== undefined && files.length > 1)
            throw new OperatorError('USAGE', '--name goes with one file.');
          const engine = await context.engine();
          if (context.options.dryRun) {
            await foreseeImport(engine.packages, address, {files, ...options});
            return context.output.would(printable(`Would import ${files.join(', ')}.`));
          }
          const imported: RegisteredFile[] = [];
          for (const path of files) {
            const entry = await engine.packages.importFile(address, {
              path,
              replace: options.replace,
              ...(options.name === undefined ? {} : {name: options.name}),
            });
            imported.push(entry);
            // At once: should the next one fail, it is known what is there already.
            if (!context.options.json)
              context.output.print(
                printable(`${entry.name}  ${formatSize(entry.sizeBytes)}  sha256 ${entry.sha256}`),
              );
          }
          if (context.options.json) context.output.document({files: imported});
        },
      ),
    );

  file
    .command('list <server/site>')
    .description('what is registered in the download folder')
    .action(
      register<[string]>(async (context, [site]) => {
        const files = await (await context.engine()).packages.files(parseSiteAddress(site));
        if (context.options.json) return context.output.document({files});
        if (files.length === 0)
          return context.output.tell(
            `Nothing is registered. \`lockstep file import ${printable(site)} FILE…\` does it.`,
          );
        const {renderTable} = await import('../table.js');
        context.output.print(
          renderTable(
            [{title: 'FILE'}, {title: 'SIZE'}, {title: 'IMPORTED (UTC)'}, {title: 'BY'}, {title: 'SHA-256'}],
            files.map(entry =>
              [
                entry.name,
                formatSize(entry.sizeBytes),
                formatTime(entry.importedAt),
                entry.by,
                entry.sha256,
              ].map(printable),
            ),
          ),
        );
      }),
    );

  file
    .command('delete <server/site> <files...>')
    .description(
      'take files out of the download folder; archives that hold them stay until they are written anew',
    )
    .action(
      register<[string, string[]]>(async (context, [site, files]) => {
        const address = parseSiteAddress(site);
        const engine = await context.engine();
        await mustBeRegistered(engine.packages, address, files);
        if (!context.options.dryRun) {
          await context.interaction.confirmOnTerminal({
            consequence: `${files.join(', ')} will be deleted from the download folder.`,
            name: files[0]!,
          });
          for (const name of files) await engine.packages.deleteFile(address, name);
        }
        if (context.options.json) return context.output.document({files, deleted: !context.options.dryRun});
        context.output.print(
          `${context.options.dryRun ? 'would delete' : 'deleted'} ${countOf(files.length, 'file')}`,
        );
      }),
    );
}
