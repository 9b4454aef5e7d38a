import type {RunItem} from '../../core/run-event.js';
import {itemText} from '../describe.js';
import {plural} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {step} from '../model.js';
import {replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Loadable} from '../shared-data.js';
import {drawList} from '../view/draw-list.js';
import {bold, dim, type Line, line, wrap} from '../view/lines.js';

export type SkippedScreen = {
  readonly kind: 'skipped';
  readonly id: number;
  readonly runId: string;
  readonly items: Loadable<readonly RunItem[]>;
  readonly list: ListState;
};

export function skippedScreen(runId: string): Omit<SkippedScreen, 'id'> {
  return {kind: 'skipped', runId, items: {loading: true}, list: emptyList};
}

const detailHeight = 7;

/** The items that a run skipped: table, stage, error, remote change, local change (E17). */
export const skipped: ScreenDefinition<SkippedScreen> = {
  title: screen => `skipped items of ${screen.runId}`,
  context: screen => ({
    left: line(
      dim(
        screen.items.value === undefined
          ? ' ...'
          : ` ${plural(screen.items.value.length, 'item')} left alone; the next run tries again`,
      ),
    ),
  }),
  needs: [],
  opened: screen => [{type: 'show-run', screen: screen.id, runId: screen.runId}],
  list: screen => ({
    spec: skippedList(screen),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  pageRows: (_screen, model) => Math.max(1, model.rows - 9 - detailHeight),
  bindings: [],
  receive: (screen, model, answer) => {
    if (answer.kind === 'run-shown') {
      const value = answer.run.items.filter(item => item.outcome === 'skipped');
      return step(replaceScreen(model, {...screen, items: {loading: false, value, at: answer.at}}));
    }
    return answer.kind === 'fault'
      ? step(replaceScreen(model, {...screen, items: {loading: false, fault: answer.fault}}))
      : step(model);
  },
  draw: (screen, model, area) => {
    const item = selectedRow(skippedList(screen), screen.list);
    const detail = item === undefined ? [] : drawDetail(item, area.width).slice(0, detailHeight);
    return [
      ...drawList(
        skippedList(screen),
        screen.list,
        {caption: 'skipped items', source: screen.items, empty: ['This run skipped nothing.']},
        model,
        {width: area.width, height: area.height - detail.length},
      ),
      {kind: 'lines', lines: detail},
    ];
  },
};

function drawDetail(item: RunItem, width: number): Line[] {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['Error', item.error],
    ['Conflict', item.conflict],
    ['Remote change', item.remoteChange],
    ['Local change', item.localChange],
  ];
  return [
    line(
      bold(` ${itemText(item.item)}`),
      dim(`   ${item.action} at ${item.side}, stage ${item.stage ?? '-'}`),
    ),
    ...rows.flatMap(([label, text]) =>
      text === undefined
        ? []
        : wrap(text, width - 17)
            .slice(0, 2)
            .map((part, index) => line(dim(` ${(index === 0 ? label : '').padEnd(15)}`), part)),
    ),
  ];
}

const noItems: readonly RunItem[] = [];

function skippedList(screen: SkippedScreen): ListSpec<RunItem> {
  return {
    rows: screen.items.value ?? noItems,
    id: row => `${row.side} ${row.item.type} ${itemText(row.item)}`,
    columns: [
      {title: 'Table', min: 5, text: row => (row.item.type === 'file' ? '(file)' : row.item.table)},
      {
        title: 'Item',
        min: 8,
        text: row => (row.item.type === 'row' ? row.item.key.join(', ') : itemText(row.item)),
      },
      {title: 'Stage', min: 5, text: row => row.stage ?? '-'},
      {title: 'Error', min: 12, grow: true, text: row => row.error ?? row.conflict ?? '-'},
    ],
  };
}
