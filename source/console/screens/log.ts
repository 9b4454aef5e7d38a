import {describeFailure} from '../../core/after-sync.js';
import {formatSize} from '../../core/byte-size.js';
import type {RunAction, RunItem, RunWarning} from '../../core/run-event.js';
import type {RunEntry} from '../../engine/engine.js';
import {isRunning, itemText, markerOfRun, relationshipOf, subjectOf} from '../describe.js';
import {formatCount, formatDuration, formatTime} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {type Model, step} from '../model.js';
import {push, replaceScreen} from '../navigate.js';
import {askUndo, notUndoable} from '../run/ask-undo.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Loadable} from '../shared-data.js';
import {drawFault, drawList} from '../view/draw-list.js';
import {dim, type Line, line, marker, type Tone, wrap} from '../view/lines.js';
import {historyScreen} from './history.js';
import {runScreen} from './run.js';
import {skippedScreen} from './skipped.js';

export type ShownRun = RunEntry & {
  readonly items: readonly RunItem[];
  readonly afterSync?: readonly RunAction[];
  readonly warnings?: readonly RunWarning[];
};

/** Actions after the sync that the heading has room for; those that failed come first. */
const shownActions = 4;
/** Warnings that it has room for; the replay has all. */
const shownWarnings = 3;

export type LogScreen = {
  readonly kind: 'log';
  readonly id: number;
  readonly runId: string;
  readonly run: Loadable<ShownRun>;
  readonly list: ListState;
};

export function logScreen(runId: string): Omit<LogScreen, 'id'> {
  return {kind: 'log', runId, run: {loading: true}, list: emptyList};
}

/** The log of one run: what it was, how it ended, what became of every item (E17). */
export const log: ScreenDefinition<LogScreen> = {
  title: screen => `log ${screen.runId}`,
  context: screen => ({
    left: line(dim(' '), screen.run.value === undefined ? '...' : subjectOf(screen.run.value)),
  }),
  needs: ['relationships'],
  opened: screen => [{type: 'show-run', screen: screen.id, runId: screen.runId}],
  list: screen => ({spec: itemList(screen), state: screen.list, put: (before, list) => ({...before, list})}),
  pageRows: (_screen, model) => Math.max(1, model.rows - 13 - detailHeight),
  bindings: [
    {
      keys: ['enter', 'right', 'l'],
      label: 'open',
      description: 'Of a skipped item all reasons; of any other the old versions that the run left',
      disabledBecause: (model, screen) => {
        const item = chosen(screen);
        if (item === undefined) return 'there is no item in the list';
        return item.outcome === 'skipped' || sitesOf(model, screen) !== undefined ? undefined : noSites;
      },
      run: (model, screen) =>
        chosen(screen)!.outcome === 'skipped'
          ? step(push(model, skippedScreen(screen.runId)))
          : step(push(model, historyScreen(sitesOf(model, screen)!, screen.runId))),
    },
    {
      keys: ['s'],
      label: 'skipped',
      description: 'Only the items that were skipped, each with its reason',
      disabledBecause: screenHasNone,
      run: (model, screen) => step(push(model, skippedScreen(screen.runId))),
    },
    {
      keys: ['w'],
      label: 'replay',
      description: 'Replay the run phase by phase',
      disabledBecause: (_model, screen) => (screen.run.value ? undefined : 'the log is not loaded yet'),
      run: (model, screen) => {
        const run = screen.run.value!;
        return step(push(model, runScreen(run.runId, run.relationship, run.profile)));
      },
    },
    {
      keys: ['u'],
      label: 'undo',
      description: 'Give each side back what the run changed there, or do it again when it is undone',
      disabledBecause: (_model, screen) => notUndoable(screen.run.value),
      run: (model, screen) => step(askUndo(model, screen.run.value!)),
    },
    {
      keys: ['H'],
      label: 'old versions',
      description: 'What the run changed at each site, with the old versions',
      disabledBecause: (model, screen) => (sitesOf(model, screen) === undefined ? noSites : undefined),
      run: (model, screen) => step(push(model, historyScreen(sitesOf(model, screen)!, screen.runId))),
    },
    {
      keys: ['R'],
      label: 'reload',
      description: 'Read the log again',
      run: (model, screen) =>
        step(replaceScreen(model, {...screen, run: {...screen.run, loading: true}}), {
          type: 'show-run',
          screen: screen.id,
          runId: screen.runId,
        }),
    },
  ],
  receive: (screen, model, answer) => {
    if (answer.kind === 'run-shown') {
      return step(replaceScreen(model, {...screen, run: {loading: false, value: answer.run, at: answer.at}}));
    }
    return answer.kind === 'fault'
      ? step(replaceScreen(model, {...screen, run: {...screen.run, loading: false, fault: answer.fault}}))
      : step(model);
  },
  draw: (screen, model, area) => {
    const head = screen.run.value === undefined ? [] : drawSummary(screen.run.value, model, area.width);
    return [
      {kind: 'lines', lines: head},
      ...drawList(
        itemList(screen),
        screen.list,
        {
          caption: 'items',
          source: screen.run,
          empty: ['This run changed nothing.'],
          tone: toneOfItem,
        },
        model,
        {width: area.width, height: area.height - head.length - detailHeight},
      ),
      {kind: 'lines', lines: drawItem(chosen(screen), area.width)},
    ];
  },
};

/** Lines below the list, in which the item under the cursor stands in full. */
const detailHeight = 2;

function drawItem(item: RunItem | undefined, width: number): Line[] {
  if (item === undefined) return [];
  const {side, action, error, conflict} = item;
  return wrap(
    [`${itemText(item.item)}  ${action} at ${side}`, error, conflict]
      .filter(text => text !== undefined)
      .join('  '),
    width - 2,
  )
    .slice(0, detailHeight)
    .map(text => line(' ', text));
}

const noSites = 'the relationship of this run is gone';

function chosen(screen: LogScreen): RunItem | undefined {
  return selectedRow(itemList(screen), screen.list);
}

function sitesOf(model: Model, screen: LogScreen) {
  return relationshipOf(model, screen.run.value?.relationship ?? '');
}

function screenHasNone(_model: Model, screen: LogScreen): string | undefined {
  if (screen.run.value === undefined) return 'the log is not loaded yet';
  return screen.run.value.skipped > 0 ? undefined : 'this run skipped nothing';
}

/** Id, direction, start, end, who, counts, status: the heading of every log (E17). */
export function drawSummary(run: ShownRun, model: Model, width: number): Line[] {
  const end = run.endedAt === undefined ? 'in progress' : formatTime(run.endedAt, model.now, model.time);
  return [
    line(dim(' Run        '), run.runId, dim('   direction '), run.direction, dim('   by '), run.by),
    line(
      dim(' Started    '),
      formatTime(run.startedAt, model.now, model.time),
      dim('   ended '),
      end,
      dim('   took '),
      formatDuration(isRunning(run) ? Math.max(0, model.now - Date.parse(run.startedAt)) : run.durationMs),
    ),
    line(
      dim(' Status     '),
      marker(markerOfRun(run)),
      ` ${run.status}`,
      dim('   applied '),
      formatCount(run.applied),
      dim('  skipped '),
      formatCount(run.skipped),
      dim('  total '),
      formatCount(run.total),
    ),
    line(
      dim(' Counts     '),
      dim('conflicts '),
      formatCount(run.conflicts),
      dim('  collisions '),
      formatCount(run.collisions),
      dim('  deleted '),
      formatCount(run.deleted),
      dim('  sent '),
      formatSize(run.bytes),
    ),
    ...drawActions(run.afterSync ?? []),
    ...drawWarnings(run.warnings ?? []),
    ...noteOf(run),
    ...(run.error === undefined ? [] : drawFault(run.error, width)),
    ...(run.holder === undefined
      ? []
      : [line('      ', dim(`held by ${run.holder.runId} of ${run.holder.by} since ${run.holder.since}`))]),
  ];
}

/** What the sites did after the sync (E29, E32). */
function drawActions(actions: readonly RunAction[]): Line[] {
  const sorted = [...actions].sort((a, b) => Number(a.outcome === 'done') - Number(b.outcome === 'done'));
  return sorted
    .slice(0, shownActions)
    .map((action, index) =>
      line(
        dim(index === 0 ? ' After sync ' : '            '),
        marker(action.outcome === 'done' ? 'ok' : 'warn'),
        ` ${action.site}: ${action.name}`,
        dim(`  ${describeFailure(action)}`),
      ),
    );
}

/** The last ones, which say how it ended. */
function drawWarnings(warnings: readonly RunWarning[]): Line[] {
  const left = warnings.length - shownWarnings;
  return [
    ...(left > 0
      ? [line(dim(' Warnings   '), dim(`${formatCount(left)} more before these: w replays them`))]
      : []),
    ...warnings
      .slice(-shownWarnings)
      .map(({member, text}, index) =>
        line(
          dim(index === 0 && left <= 0 ? ' Warnings   ' : '            '),
          marker('warn'),
          ` ${member === undefined ? '' : `${member}: `}${text}`,
        ),
      ),
  ];
}

/** What the run has to do with another one (X2). */
function noteOf({undoes, redoes, undoneBy, site}: ShownRun): Line[] {
  const notes: readonly (readonly [string, string | undefined])[] = [
    ['Undoes', undoes],
    ['Redoes', redoes],
    ['Undone by', undoneBy],
    ['Restore at', site],
  ];
  return notes.flatMap(([name, value]) =>
    value === undefined ? [] : [line(dim(` ${name.padEnd(11)}`), value)],
  );
}

export function toneOfItem(item: RunItem): Tone | undefined {
  return item.outcome === 'skipped' ? 'warn' : item.outcome === 'kept' ? 'dim' : undefined;
}

const noItems: readonly RunItem[] = [];

function itemList(screen: LogScreen): ListSpec<RunItem> {
  return {
    rows: screen.run.value?.items ?? noItems,
    id: row => `${row.side} ${row.item.type} ${itemText(row.item)}`,
    columns: [
      {title: 'Outcome', min: 7, text: row => row.outcome},
      {title: 'Action', min: 6, text: row => row.action},
      {title: 'At', min: 6, text: row => row.side},
      {title: 'Type', min: 4, text: row => row.item.type},
      {title: 'Item', min: 12, grow: true, text: row => itemText(row.item)},
      {title: 'Note', min: 8, text: row => row.error ?? row.conflict ?? ''},
    ],
  };
}
