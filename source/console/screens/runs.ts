import {formatSize} from '../../core/byte-size.js';
import type {RunEntry} from '../../engine/engine.js';
import {isRunning, markerOfRun, ownerOf, resultText} from '../describe.js';
import {formatDuration, formatTime, timeWidth} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {type Model, type Step, step} from '../model.js';
import {push} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {drawList} from '../view/draw-list.js';
import {dim, line, toneOfMarker} from '../view/lines.js';
import {logScreen} from './log.js';
import {runScreen} from './run.js';
import {skippedScreen} from './skipped.js';

export type RunsScreen = {readonly kind: 'runs'; readonly id: number; readonly list: ListState};

export function runsScreen(): Omit<RunsScreen, 'id'> {
  return {kind: 'runs', list: emptyList};
}

/** Everything that ran, by anyone (E17). */
export const runs: ScreenDefinition<RunsScreen> = {
  title: () => 'runs',
  context: () => ({left: line(dim(' everything that ran from this home; ⏎ attaches to a running one'))}),
  needs: ['runs'],
  list: (screen, model) => ({
    spec: allRuns(model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  bindings: [
    {
      keys: ['enter', 'right', 'l'],
      label: 'open',
      description: 'Attach to the run if it is in progress, else show its log',
      disabledBecause: noRun,
      run: (model, screen) => openRun(model, chosen(model, screen)!),
    },
    {
      keys: ['w'],
      label: 'replay',
      description: 'Replay the run, phase by phase, and follow it if it is in progress',
      disabledBecause: noRun,
      run: (model, screen) => {
        const run = chosen(model, screen)!;
        return step(push(model, runScreen(run.runId, run.relationship, run.profile)));
      },
    },
    {
      keys: ['s'],
      label: 'skipped',
      description: 'Items that the run skipped, with the reasons',
      disabledBecause: (model, screen) =>
        noRun(model, screen) ?? (chosen(model, screen)!.skipped > 0 ? undefined : 'this run skipped nothing'),
      run: (model, screen) => step(push(model, skippedScreen(chosen(model, screen)!.runId))),
    },
  ],
  draw: (screen, model, area) =>
    drawList(
      allRuns(model),
      screen.list,
      {
        caption: 'runs',
        source: model.data.runs,
        empty: ['Nothing ran yet. Open a relationship, preview a profile with p, run it with r.'],
        tone: row => toneOfMarker(markerOfRun(row)),
      },
      model,
      area,
    ),
};

function noRun(model: Model, screen: RunsScreen): string | undefined {
  return chosen(model, screen) ? undefined : 'there is no run in the list';
}

/** Attaches to a run in progress, or shows the log of one that has ended. */
export function openRun(model: Model, run: RunEntry): Step {
  return step(
    push(model, isRunning(run) ? runScreen(run.runId, run.relationship, run.profile) : logScreen(run.runId)),
  );
}

function whatOf({kind, profile, site}: RunEntry): string {
  switch (kind) {
    case 'undo':
    case 'redo':
      return `${kind} of ${profile}`;
    case 'restore':
      return `restore at ${site}`;
    default:
      return profile;
  }
}

const newest = new WeakMap<readonly RunEntry[], readonly RunEntry[]>();

function newestFirst(rows: readonly RunEntry[]): readonly RunEntry[] {
  const known = newest.get(rows) ?? rows.toSorted((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
  newest.set(rows, known);
  return known;
}

/** Runs as a list, newest first. @param named with the column that says of which relationship */
export function runList(model: Model, rows: readonly RunEntry[], named: boolean): ListSpec<RunEntry> {
  return {
    rows: newestFirst(rows),
    id: row => row.runId,
    columns: [
      {
        title: 'Started',
        min: timeWidth,
        sortBy: row => row.startedAt,
        text: row => formatTime(row.startedAt, model.now, model.time),
      },
      ...(named ? [{title: 'Relationship', min: 12, text: (row: RunEntry) => ownerOf(row)}] : []),
      {title: 'Profile', min: 8, grow: true, text: row => whatOf(row)},
      {title: 'Direction', min: 6, optional: 3, text: row => row.direction},
      {
        title: 'Result',
        min: 14,
        text: row => `${resultText(row)}${row.undoneBy === undefined ? '' : ', undone'}`,
      },
      {
        title: 'Took',
        min: 5,
        align: 'right',
        sortBy: row => row.durationMs,
        text: row =>
          formatDuration(
            isRunning(row) ? Math.max(0, model.now - Date.parse(row.startedAt)) : row.durationMs,
          ),
      },
      {
        title: 'Sent',
        min: 5,
        optional: 4,
        align: 'right',
        sortBy: row => row.bytes,
        text: row => formatSize(row.bytes),
      },
      {title: 'By', min: 4, optional: 2, text: row => row.by},
    ],
  };
}

const noRuns: readonly RunEntry[] = [];

function allRuns(model: Model): ListSpec<RunEntry> {
  return runList(model, model.data.runs.value ?? noRuns, true);
}

function chosen(model: Model, screen: RunsScreen): RunEntry | undefined {
  return selectedRow(allRuns(model), screen.list);
}
