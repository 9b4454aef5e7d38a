import {formatSize} from '../../core/byte-size.js';
import type {SavedPlanEntry} from '../../engine/saved-plans.js';
import {sideCountsText} from '../describe.js';
import {formatAge, formatTime, plural} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {markBinding, markColumn, markedRows, tellMarked} from '../marks.js';
import {type Model, step} from '../model.js';
import {push} from '../navigate.js';
import {previewScreen} from '../preview/preview-screen.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {textInput} from '../text-input.js';
import {drawList} from '../view/draw-list.js';
import {dim, type Line, line, wrap} from '../view/lines.js';

export type PlansScreen = {
  readonly kind: 'plans';
  readonly id: number;
  readonly list: ListState;
  /** Files that Space marked. */
  readonly marked: ReadonlySet<string>;
};

export function plansScreen(): Omit<PlansScreen, 'id'> {
  return {kind: 'plans', list: emptyList, marked: new Set()};
}

const detailHeight = 4;

/** Plans that previews saved: to be looked at, run exactly so, or deleted (X2). */
export const plans: ScreenDefinition<PlansScreen> = {
  title: () => 'saved plans',
  context: screen => ({
    left: line(
      dim(' each can be run once, exactly as it was seen, or is refused because the world moved on'),
    ),
    ...tellMarked(screen),
  }),
  needs: ['plans', 'relationships'],
  list: (screen, model) => ({
    spec: planList(screen, model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  pageRows: (_screen, model) => Math.max(1, model.rows - 9 - detailHeight),
  bindings: [
    {
      keys: ['enter', 'right', 'l'],
      label: 'look',
      description: 'Show what the plan under the cursor would do; r there runs it',
      disabledBecause: (model, screen) => noPlan(chosen(model, screen)),
      run: (model, screen) => {
        const entry = chosen(model, screen)!;
        if (entry.problem !== undefined) return step(model);
        const {relationship, profile, file} = entry;
        return step(push(model, previewScreen(relationship, profile, {saved: file})));
      },
    },
    markBinding('the plan', planList, (model, screen) =>
      chosen(model, screen) === undefined ? 'there is no plan in the list' : undefined,
    ),
    {
      keys: ['D'],
      label: 'delete',
      description: 'Delete what is marked, or the plan under the cursor, after a question',
      disabledBecause: (model, screen) =>
        meant(model, screen).length === 0 ? 'there is no plan in the list' : undefined,
      run: (model, screen) => step(askDeletion(model, screen)),
    },
  ],
  draw: (screen, model, area) => [
    ...drawList(
      planList(screen, model),
      screen.list,
      {
        caption: 'saved plans',
        source: model.data.plans,
        empty: [
          'No plan is saved. In a preview, s saves what is shown; it can be run later exactly so.',
          'Plans that a preview ran with r are kept here too.',
        ],
        tone: row => (row.problem !== undefined ? 'fail' : row.usedBy === undefined ? undefined : 'dim'),
      },
      model,
      {width: area.width, height: area.height - detailHeight},
    ),
    {kind: 'lines', lines: detail(chosen(model, screen), model, area.width)},
  ],
};

const noPlans: readonly SavedPlanEntry[] = [];

function planList(screen: PlansScreen, model: Model): ListSpec<SavedPlanEntry> {
  const of = (row: SavedPlanEntry) => (row.problem === undefined ? row : undefined);
  return {
    rows: model.data.plans.value ?? noPlans,
    id: row => row.file,
    columns: [
      markColumn(screen, row => row.file),
      {
        title: 'Profile',
        min: 16,
        grow: true,
        text: row => (of(row) === undefined ? 'not a plan' : `${of(row)!.relationship}/${of(row)!.profile}`),
      },
      {
        title: 'Taken',
        min: 12,
        sortBy: row => of(row)?.takenAt ?? '',
        text: row => formatTime(of(row)?.takenAt, model.now, model.time),
      },
      {title: 'State', min: 8, text: row => (of(row)?.usedBy === undefined ? 'not run' : 'was run')},
      {
        title: 'Size',
        min: 7,
        optional: 2,
        align: 'right',
        sortBy: row => row.sizeBytes,
        text: row => formatSize(row.sizeBytes),
      },
    ],
  };
}

function detail(entry: SavedPlanEntry | undefined, model: Model, width: number): Line[] {
  if (entry === undefined) return [];
  const rows =
    entry.problem !== undefined
      ? wrap(entry.problem, width - 2).map(text => line(' ', text))
      : [
          line(
            dim(' remote '),
            sideCountsText(entry.counts.remote),
            dim('   local '),
            sideCountsText(entry.counts.local),
          ),
          line(
            dim(
              entry.usedBy === undefined
                ? ` taken ${formatAge(model.now - Date.parse(entry.takenAt))}`
                : ` carried out by run ${entry.usedBy}`,
            ),
          ),
        ];
  return [...rows, line(dim(` ${entry.file}`))].slice(0, detailHeight);
}

function noPlan(entry: SavedPlanEntry | undefined): string | undefined {
  if (entry === undefined) return 'there is no plan in the list';
  return entry.problem === undefined ? undefined : 'this file is no plan';
}

/** What is marked and still there, or the plan under the cursor. */
function meant(model: Model, screen: PlansScreen): readonly SavedPlanEntry[] {
  return markedRows(planList(screen, model), screen);
}

function askDeletion(model: Model, screen: PlansScreen): Model {
  const entries = meant(model, screen);
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: `Delete ${plural(entries.length, 'saved plan')}?`,
      effects: [
        ['the files', `are deleted: ${entries.map(({file}) => file.split('/').at(-1)).join(', ')}`],
        ['runs and sites', 'are not touched'],
      ],
      input: textInput(),
      commands: [{type: 'delete-plans', files: entries.map(({file}) => file)}],
      thenBack: false,
    },
  };
}

function chosen(model: Model, screen: PlansScreen): SavedPlanEntry | undefined {
  return selectedRow(planList(screen, model), screen.list);
}
