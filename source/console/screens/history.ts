import type {HistoryEntry, RelationshipEntry, SiteAddress} from '../../engine/engine.js';
import {itemText, siteText} from '../describe.js';
import {formatTime, plural, timeWidth} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {markBinding, markColumn, markedRows, tellMarked} from '../marks.js';
import {type Model, type Step, step} from '../model.js';
import {push, replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Loadable} from '../shared-data.js';
import {textInput} from '../text-input.js';
import {drawList} from '../view/draw-list.js';
import {bold, dim, line} from '../view/lines.js';
import {logScreen} from './log.js';

/** Entries that are read at once; the filter and `history list` find what is older. */
export const readEntries = 2000;

export type HistoryScreen = {
  readonly kind: 'history';
  readonly id: number;
  readonly sites: readonly SiteAddress[];
  /** Index of the site in sight. */
  readonly at: number;
  /** Only what this run changed. */
  readonly runId?: string;
  readonly entries: Loadable<readonly HistoryEntry[]>;
  /** There are older ones. */
  readonly more: boolean;
  readonly list: ListState;
  /** Ids that Space marked. */
  readonly marked: ReadonlySet<string>;
};

export function historyScreen(
  {local, remote}: Pick<RelationshipEntry, 'local' | 'remote'>,
  runId?: string,
): Omit<HistoryScreen, 'id'> {
  return {
    kind: 'history',
    // What runs replaced is most often wanted where they lead to.
    sites: [remote, local],
    at: 0,
    ...(runId === undefined ? {} : {runId}),
    entries: {loading: true},
    more: false,
    list: emptyList,
    marked: new Set(),
  };
}

/** What runs changed at a site, newest first; old versions come back as new edits of the site (E10). */
export const history: ScreenDefinition<HistoryScreen> = {
  title: screen => `history ${siteText(siteOf(screen))}`,
  context: screen => ({
    left: line(
      dim(' old versions at '),
      bold(siteText(siteOf(screen))),
      dim(screen.runId === undefined ? '' : `   of run ${screen.runId}`),
      dim(screen.more ? `   the newest ${readEntries}` : ''),
    ),
    ...tellMarked(screen),
  }),
  needs: [],
  opened: screen => [read(screen)],
  list: screen => ({spec: entryList(screen), state: screen.list, put: (before, list) => ({...before, list})}),
  bindings: [
    markBinding('the entry', entryList, (_model, screen) => notRestorable(chosen(screen))),
    {
      keys: ['r'],
      label: 'restore',
      description: 'Bring the old versions back: what is marked, or the entry under the cursor',
      disabledBecause: (_model, screen) =>
        meant(screen).length > 0 ? undefined : notRestorable(chosen(screen)),
      run: (model, screen) => step(askRestore(model, screen)),
    },
    {
      keys: ['tab', 'shift-tab'],
      label: 'other site',
      description: 'The history of the other site of the relationship',
      run: (model, screen) => reread(model, {...screen, at: (screen.at + 1) % screen.sites.length}),
    },
    {
      keys: ['enter', 'right', 'l'],
      label: 'log',
      description: 'The log of the run that made the change',
      disabledBecause: (_model, screen) => (chosen(screen) ? undefined : 'there is no entry in the list'),
      run: (model, screen) => step(push(model, logScreen(chosen(screen)!.runId))),
    },
    {
      keys: ['R'],
      label: 'reload',
      description: 'Read the history again',
      run: (model, screen) => reread(model, screen),
    },
  ],
  receive: (screen, model, answer) => {
    if (answer.kind === 'history-read') {
      const {entries, more, at} = answer;
      return step(replaceScreen(model, {...screen, entries: {loading: false, value: entries, at}, more}));
    }
    return answer.kind === 'fault'
      ? step(
          replaceScreen(model, {
            ...screen,
            entries: {...screen.entries, loading: false, fault: answer.fault},
          }),
        )
      : step(model);
  },
  draw: (screen, model, area) =>
    drawList(
      entryList(screen, model),
      screen.list,
      {
        caption: 'changes',
        source: screen.entries,
        empty: ['No run has changed anything here. Tab shows the other site.'],
        tone: row => (row.restorable ? undefined : 'dim'),
      },
      model,
      area,
    ),
};

function siteOf(screen: Pick<HistoryScreen, 'sites' | 'at'>): SiteAddress {
  return screen.sites[screen.at]!;
}

function read(screen: HistoryScreen) {
  return {
    type: 'read-history',
    screen: screen.id,
    address: siteOf(screen),
    limit: readEntries,
    ...(screen.runId === undefined ? {} : {runId: screen.runId}),
  } as const;
}

function reread(model: Model, screen: HistoryScreen): Step {
  const next: HistoryScreen = {...screen, entries: {loading: true}, marked: new Set(), list: emptyList};
  return step(replaceScreen(model, next), read(next));
}

const none: readonly HistoryEntry[] = [];

function entryList(screen: HistoryScreen, model?: Model): ListSpec<HistoryEntry> {
  return {
    rows: screen.entries.value ?? none,
    id: row => row.id,
    columns: [
      markColumn(screen, row => row.id),
      {
        title: 'When',
        min: timeWidth,
        sortBy: row => row.at,
        text: row => (model === undefined ? row.at : formatTime(row.at, model.now, model.time)),
      },
      {title: 'Change', min: 6, text: row => row.action},
      {title: 'Item', min: 16, grow: true, text: row => itemText(row.item)},
      {title: 'Old version', min: 4, text: row => (row.restorable ? 'kept' : '-')},
      {title: 'Run', min: 10, optional: 2, text: row => row.runId},
    ],
  };
}

function chosen(screen: HistoryScreen): HistoryEntry | undefined {
  return selectedRow(entryList(screen), screen.list);
}

function notRestorable(entry: HistoryEntry | undefined): string | undefined {
  if (entry === undefined) return 'there is no entry in the list';
  if (entry.restorable) return undefined;
  return entry.action === 'create' ? 'it replaced nothing' : 'its old version is not kept';
}

/** What is marked, or the entry under the cursor; of entries about one item the newest counts. */
function meant(screen: HistoryScreen): readonly HistoryEntry[] {
  const seen = new Set<string>();
  return markedRows(entryList(screen), screen).filter(({item, restorable}) => {
    const name = itemText(item);
    if (!restorable || item.type === 'table' || seen.has(name)) return false;
    seen.add(name);
    return true;
  });
}

function askRestore(model: Model, screen: HistoryScreen): Model {
  const entries = meant(screen);
  const address = siteOf(screen);
  return {
    ...replaceScreen(model, {...screen, marked: new Set()}),
    overlay: {
      kind: 'confirm',
      question: `Restore ${plural(entries.length, 'old version')} at ${siteText(address)}?`,
      effects: [
        ...entries
          .slice(0, 6)
          .map(({item, runId}) => [itemText(item), `becomes what it was before ${runId}`] as const),
        ...(entries.length > 6 ? [['...', `and ${entries.length - 6} more`] as const] : []),
        ['what is there now', 'goes into history'],
        ['the next run', 'takes it to the other site, like any edit'],
      ],
      input: textInput(),
      commands: [{type: 'restore', address, entries: entries.map(({id}) => id)}],
      thenBack: false,
    },
  };
}
