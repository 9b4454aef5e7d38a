import type {ConnectionTest} from '../../engine/engine.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {logPlace} from '../log-place.js';
import {type Model, step} from '../model.js';
import {replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Loadable} from '../shared-data.js';
import {drawFault, drawList} from '../view/draw-list.js';
import {dim, type Line, line, marker} from '../view/lines.js';

export type ConnectionsScreen = {
  readonly kind: 'connections';
  readonly id: number;
  readonly relationship: string;
  readonly list: ListState;
  readonly tests: Loadable<readonly ConnectionTest[]>;
};

export function connectionsScreen(relationship: string): Omit<ConnectionsScreen, 'id'> {
  return {kind: 'connections', relationship, list: emptyList, tests: {loading: true}};
}

const detailHeight = 8;

/** Every connection that a relationship lives by, tried now; each failure is one of the errors of E4. */
export const connections: ScreenDefinition<ConnectionsScreen> = {
  title: () => 'connections',
  context: () => ({
    left: line(dim(' tried now; the local server opens every connection to the remote ones')),
  }),
  needs: [],
  opened: screen => [{type: 'test-connections', screen: screen.id, relationship: screen.relationship}],
  list: screen => ({spec: testList(screen), state: screen.list, put: (before, list) => ({...before, list})}),
  pageRows: (_screen, model) => Math.max(1, model.rows - 9 - detailHeight),
  bindings: [
    {
      keys: ['R'],
      label: 'try again',
      description: 'Try all connections again',
      disabledBecause: (_model, screen) => (screen.tests.loading ? 'they are being tried' : undefined),
      run: (model, screen) =>
        step(replaceScreen(model, {...screen, tests: {...screen.tests, loading: true}}), {
          type: 'test-connections',
          screen: screen.id,
          relationship: screen.relationship,
        }),
    },
  ],
  receive: (screen, model, answer) => {
    if (answer.kind === 'connections')
      return step(
        replaceScreen(model, {...screen, tests: {loading: false, value: answer.tests, at: answer.at}}),
      );
    return answer.kind === 'fault'
      ? step(replaceScreen(model, {...screen, tests: {...screen.tests, loading: false, fault: answer.fault}}))
      : step(model);
  },
  draw: (screen, model, area) => [
    ...drawList(
      testList(screen),
      screen.list,
      {
        caption: 'connections',
        source: screen.tests,
        empty: ['There is nothing to try.'],
        tone: row => (row.error === undefined ? undefined : 'fail'),
      },
      model,
      {width: area.width, height: area.height - detailHeight},
    ),
    {kind: 'lines', lines: detail(selectedRow(testList(screen), screen.list), model, area.width)},
  ],
};

const noTests: readonly ConnectionTest[] = [];

function testList(screen: ConnectionsScreen): ListSpec<ConnectionTest> {
  return {
    rows: screen.tests.value ?? noTests,
    id: row => `${row.from} ${row.to}`,
    columns: [
      {title: '', min: 4, text: row => (row.error === undefined ? 'ok' : 'fail')},
      {title: 'From', min: 12, text: row => row.from},
      {title: 'To', min: 12, text: row => row.to},
      {title: 'Found', min: 20, grow: true, text: row => row.error?.code ?? row.detail},
    ],
  };
}

function detail(test: ConnectionTest | undefined, model: Model, width: number): Line[] {
  if (test === undefined) return [];
  if (test.error === undefined) return [line(' ', marker('ok'), ` ${test.detail}`)];
  return [
    ...drawFault(test.error, width),
    line('      ', dim(`Log: ${logPlace(test.error, model.home)}`)),
  ].slice(0, detailHeight);
}
