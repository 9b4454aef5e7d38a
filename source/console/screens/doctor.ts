import type {DoctorCheck} from '../../engine/engine.js';
import {plural} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {say} from '../message.js';
import {type Model, step} from '../model.js';
import {push} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {drawList} from '../view/draw-list.js';
import {dim, type Line, line, marker, wrap} from '../view/lines.js';
import {relationshipScreen} from './relationship.js';
import {runsScreen} from './runs.js';
import {scheduleScreen} from './schedule.js';
import {serverScreen} from './server.js';

export type DoctorScreen = {readonly kind: 'doctor'; readonly id: number; readonly list: ListState};

export function doctorScreen(): Omit<DoctorScreen, 'id'> {
  return {kind: 'doctor', list: emptyList};
}

/** Lines for the finding under the cursor: what was found, and what to do. */
const detailHeight = 7;

/** Everything that a run needs, looked at: console, state, servers, clocks, versions, certificates. Changes nothing. */
export const doctor: ScreenDefinition<DoctorScreen> = {
  title: () => 'doctor',
  context: (_screen, model) => ({
    left: line(dim(' what a run needs, looked at one by one; nothing is changed')),
    right: line(...verdict(model), ' '),
  }),
  needs: ['doctor'],
  list: (screen, model) => ({
    spec: checkList(model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  pageRows: (_screen, model) => Math.max(1, model.rows - 9 - detailHeight),
  bindings: [
    {
      keys: ['enter', 'right', 'l'],
      label: 'go there',
      description: 'Open what the finding under the cursor is about',
      disabledBecause: (model, screen) =>
        placeOf(model, chosen(model, screen)) === undefined ? 'there is no screen for this one' : undefined,
      run: (model, screen) => step(placeOf(model, chosen(model, screen))!),
    },
    {
      keys: ['R'],
      label: 'look again',
      description: 'Look at everything again now',
      disabledBecause: model => (model.data.doctor.loading ? 'it is under way' : undefined),
      run: model =>
        step(say(model, 'info', 'Looking at everything again ...'), {type: 'load', what: 'doctor'}),
    },
  ],
  draw: (screen, model, area) => [
    ...drawList(
      checkList(model),
      screen.list,
      {
        caption: 'findings',
        source: model.data.doctor,
        empty: ['Nothing was looked at. R looks again.'],
        tone: row => (row.result === 'ok' ? undefined : row.result),
      },
      model,
      {width: area.width, height: area.height - detailHeight},
    ),
    {kind: 'lines', lines: detail(chosen(model, screen), area.width)},
  ],
};

const noChecks: readonly DoctorCheck[] = [];
const rank = {fail: 0, warn: 1, ok: 2} as const;

function checkList(model: Model): ListSpec<DoctorCheck> {
  return {
    rows: model.data.doctor.value ?? noChecks,
    id: row => `${row.name} ${row.detail}`,
    columns: [
      {title: '', min: 4, sortBy: row => rank[row.result], text: row => row.result},
      {title: 'What', min: 16, text: row => row.name},
      {title: 'Found', min: 20, grow: true, text: row => row.detail},
    ],
  };
}

function verdict(model: Model): Line {
  const checks = model.data.doctor.value;
  if (checks === undefined) return [];
  const count = (result: DoctorCheck['result']) => checks.filter(check => check.result === result).length;
  const failed = count('fail');
  const warned = count('warn');
  if (failed > 0) return [marker('fail'), {text: ` ${failed} to repair, ${plural(warned, 'warning')}`}];
  return warned > 0
    ? [marker('warn'), {text: ` ${plural(warned, 'warning')}`}]
    : [marker('ok'), {text: ' all is well'}];
}

function detail(check: DoctorCheck | undefined, width: number): Line[] {
  if (check === undefined) return [];
  return [
    line(' ', marker(check.result), ` ${check.name}`),
    ...wrap(check.detail, width - 7)
      .slice(0, 3)
      .map(text => line('      ', text)),
    ...(check.hint === undefined
      ? []
      : wrap(`What to do: ${check.hint}`, width - 7).map(text => line('      ', dim(text)))),
  ].slice(0, detailHeight);
}

/** The screen of what a finding is about; the doctor names its findings `server NAME`, `relationship NAME`. */
function placeOf(model: Model, check: DoctorCheck | undefined): Model | undefined {
  if (check === undefined) return undefined;
  const server = /^(?:server|database of) (.+)$/.exec(check.name)?.[1];
  if (server !== undefined) return push(model, serverScreen(server));
  const relationship = /^relationship (.+)$/.exec(check.name)?.[1];
  if (relationship !== undefined) return push(model, relationshipScreen(relationship));
  if (check.name === 'runs') return push(model, runsScreen());
  return check.name === 'schedules' ? push(model, scheduleScreen()) : undefined;
}

function chosen(model: Model, screen: DoctorScreen): DoctorCheck | undefined {
  return selectedRow(checkList(model), screen.list);
}
