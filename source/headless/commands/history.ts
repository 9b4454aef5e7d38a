import {type Command, Option} from 'commander';
import {OperatorError} from '../../core/operator-error.js';
import type {HistoryEntry, RestoreTarget} from '../../engine/engine.js';
import type {CommandContext, Register} from '../command-context.js';
import {formatItem, formatTime, printable} from '../format.js';
import {parseItem, parseSiteAddress} from '../parse-arguments.js';
import {showPreview} from '../show-preview.js';
import {attach, type WatchMode} from '../watch-run.js';
import {findServer} from './server.js';

/** Entries that a person is shown unless more are asked for; a history may have a million. */
const shownEntries = 200;
/** Rows of one table on the screen: its columns are as wide as its widest cells. */
const tableRows = 500;

/** `lockstep history …`: what runs changed at a site, and bringing old versions back (E10). */
export function addHistoryCommands(program: Command, register: Register): void {
  const history = program.command('history').description('what runs changed at a site, and its old versions');

  history
    .command('list <server/site> [item]')
    .description('newest first; ITEM is a path or TABLE:KEY')
    .option('--run <id>', 'only what this run changed')
    .option('--limit <count>', `at most so many; 0 for all (default: ${shownEntries}, with --json all)`)
    .action(
      register<[string, string | undefined], {run?: string; limit?: string}>(
        async (context, [site, item], {run, limit}) => {
          const address = parseSiteAddress(site);
          const engine = await context.engine();
          await findServer(engine, address.server);
          const most = parseLimit(limit) ?? (context.options.json ? 0 : shownEntries);
          const entries = engine.history.list(address, {
            ...(item === undefined ? {} : {item: parseItem(item)}),
            ...(run === undefined ? {} : {runId: run}),
          });
          const limited = most === 0 ? entries : take(entries, most);
          if (context.options.json) return context.output.list('entries', limited);
          const shown = await showEntries(context, limited);
          if (shown === 0) context.output.tell('No run has changed anything here.');
          else if (shown === most) context.output.tell(`The newest ${most}; \`--limit 0\` shows all.`);
        },
      ),
    );

  history
    .command('restore <server/site> <entry...>')
    .description('bring old versions back as new edits of the site: entry ids, paths or TABLE:KEY')
    .addOption(
      new Option('--attached', 'Ctrl-C cancels the run instead of leaving it alone').conflicts('detach'),
    )
    .option('--detach', 'print the run id and leave')
    .action(
      register<[string, string[]], WatchMode>(async (context, [site, texts], options) => {
        const address = parseSiteAddress(site);
        const targets = texts.map(parseTarget);
        const engine = await context.engine();
        await findServer(engine, address.server);
        if (context.options.dryRun) {
          const preview = await engine.history.previewRestore(address, targets);
          await showPreview(context, engine, preview, {diff: false, own: true});
          return 0;
        }
        return attach(context, engine, options, () => engine.history.restore(address, targets));
      }),
    );
}

/** An entry's id as `history list` shows it; anything else is an item. A path that looks like an id: `file:f12`. */
function parseTarget(text: string): RestoreTarget {
  return /^[fr]\d{1,15}$/.test(text) ? {id: text} : {item: parseItem(text)};
}

function parseLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new OperatorError('USAGE', `--limit is a number of entries, not "${text}".`);
}

/** @returns how many there were */
async function showEntries({output}: CommandContext, entries: AsyncIterable<HistoryEntry>): Promise<number> {
  const {renderTable} = await import('../table.js');
  let shown = 0;
  let batch: HistoryEntry[] = [];
  const print = () => {
    if (batch.length === 0) return;
    output.print(
      renderTable(
        [
          {title: 'ID'},
          {title: 'AT (UTC)'},
          {title: 'ACTION'},
          {title: 'ITEM'},
          {title: 'OLD VERSION'},
          {title: 'RUN'},
        ],
        batch.map(entry =>
          [
            entry.id,
            formatTime(entry.at),
            entry.action,
            formatItem(entry.item),
            entry.restorable ? 'kept' : '-',
            entry.runId,
          ].map(printable),
        ),
      ),
    );
    shown += batch.length;
    batch = [];
  };
  for await (const entry of entries) {
    batch.push(entry);
    if (batch.length === tableRows) print();
  }
  print();
  return shown;
}

async function* take<T>(items: AsyncIterable<T>, count: number): AsyncGenerator<T, void> {
  let left = count;
  for await (const item of items) {
    yield item;
    left -= 1;
    if (left === 0) return;
  }
}
