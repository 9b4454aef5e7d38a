import type {Command} from 'commander';
import {formatSize} from '../../core/byte-size.js';
import {formatSelected, parseSelected} from '../../core/selection.js';
import type {Register} from '../command-context.js';
import {formatTime, printable} from '../format.js';
import {parseSiteAddress} from '../parse-arguments.js';

/** `lockstep site …`: what a site holds, for picking what `run --select` takes (E20–E22). */
export function addSiteCommands(program: Command, register: Register): void {
  const site = program.command('site').description('what a site holds');
  const more = 'There is more than is shown; name a folder further down.';

  site
    .command('files <server/site> [folder]')
    .description('what lies directly in a folder of the site')
    .action(
      register<[string, string | undefined]>(async (context, [site, folder = '']) => {
        const path = folder.replace(/^(\.?\/)+/, '').replace(/\/+$/, '');
        const level = await (await context.engine()).browse.files(parseSiteAddress(site), path);
        if (context.options.json) return context.output.document(level);
        const {renderTable} = await import('../table.js');
        context.output.print(
          renderTable(
            [{title: 'PATH'}, {title: 'SIZE', align: 'right'}, {title: 'CHANGED (UTC)'}],
            level.entries.map(entry => [
              printable(entry.kind === 'folder' ? `${entry.path}/` : entry.path),
              entry.kind === 'file' ? formatSize(entry.size) : entry.kind,
              formatTime(entry.mtime),
            ]),
          ),
        );
        if (level.more) context.output.tell(more);
      }),
    );

  site
    .command('content <server/site> [folder-id]')
    .description('folders and content directly in a folder of the content, or the outermost ones')
    .action(
      register<[string, string | undefined]>(async (context, [site, folder]) => {
        const selected = folder === undefined ? undefined : parseSelected(`folder:${folder}`);
        const key = selected?.kind === 'folder' ? selected.key : undefined;
        const level = await (await context.engine()).browse.content(parseSiteAddress(site), key);
        if (context.options.json) return context.output.document(level);
        const {renderTable} = await import('../table.js');
        context.output.print(
          renderTable(
            [{title: 'SELECT'}, {title: 'TITLE'}, {title: 'TABLE'}],
            level.entries.map(({kind, key, table, title}) =>
              [formatSelected({kind, key}), title ?? '-', table].map(printable),
            ),
          ),
        );
        if (level.more) context.output.tell(more);
      }),
    );
}
