import type {RolloutCheck} from '../../engine/rollouts/rollout-verbs.js';
import {formatDuration, plural} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {step} from '../model.js';
import {replaceScreen} from '../navigate.js';
import {serverName} from '../rollouts/describe-rollout.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Loadable} from '../shared-data.js';
import {drawList} from '../view/draw-list.js';
import {dim, type Line, line, type Marker, toneOfMarker, wrap} from '../view/lines.js';

/** One finding on one server, or why it could not be asked. */
type Finding = {
  readonly server: string;
  readonly wave: number;
  readonly marker: Marker;
  readonly check: string;
  readonly message: string;
  readonly remedy?: string;
};

export type RolloutCheckScreen = {
  readonly kind: 'rollout-check';
  readonly id: number;
  readonly name: string;
  readonly list: ListState;
  readonly found: Loadable<{
    readonly findings: readonly Finding[];
    readonly failed: number;
    /** Until the users of the slowest server can work again, milliseconds. */
    readonly worstCaseMs: number;
  }>;
};

export function rolloutCheckScreen(name: string): Omit<RolloutCheckScreen, 'id'> {
  return {kind: 'rollout-check', name, list: emptyList, found: {loading: true}};
}

/** The preflight of every server of a rollout; it changes nothing (U15). */
export const rolloutCheck: ScreenDefinition<RolloutCheckScreen> = {
  title: () => 'check',
  context: ({name, found: {value, loading}}) => ({
    left: line(dim(` what an update of the servers of ${name} would need; nothing is changed`)),
    ...(loading
      ? {right: line('asking every server ... ')}
      : value === undefined
        ? {}
        : {
            right: line(
              value.failed === 0 ? 'all passed' : `${plural(value.failed, 'server')} would fail`,
              dim(`   worst case ${formatDuration(value.worstCaseMs)} `),
            ),
          }),
  }),
  needs: [],
  opened: ({id, name}) => [{type: 'check-rollout', screen: id, name}],
  closed: ({id}) => [{type: 'stop', screen: id}],
  list: screen => ({
    spec: findingList(screen),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  pageRows: (screen, model) => Math.max(1, model.rows - 9 - remedyLines(screen, model.columns).length),
  bindings: [
    {
      keys: ['R'],
      label: 'check again',
      description: 'Ask every server again',
      disabledBecause: (_model, screen) => (screen.found.loading ? 'it is under way' : undefined),
      run: (model, screen) =>
        step(replaceScreen(model, {...screen, found: {...screen.found, loading: true}}), {
          type: 'check-rollout',
          screen: screen.id,
          name: screen.name,
        }),
    },
  ],
  receive: (screen, model, answer) => {
    if (answer.kind === 'rollout-checked') {
      const found = {loading: false, value: summaryOf(answer.checks), at: answer.at};
      return step(replaceScreen(model, {...screen, found}));
    }
    return answer.kind === 'fault'
      ? step(replaceScreen(model, {...screen, found: {...screen.found, loading: false, fault: answer.fault}}))
      : step(model);
  },
  draw: (screen, model, area) => {
    const remedy = remedyLines(screen, area.width);
    return [
      ...drawList(
        findingList(screen),
        screen.list,
        {
          caption: 'findings',
          source: screen.found,
          empty: ['The rollout has no servers.'],
          tone: row => toneOfMarker(row.marker),
        },
        model,
        {width: area.width, height: area.height - remedy.length},
      ),
      {kind: 'lines', lines: remedy},
    ];
  },
};

function summaryOf(checks: readonly RolloutCheck[]) {
  return {
    // What stops an update is read first.
    findings: checks.flatMap(findingsOf).toSorted((a, b) => rankOf(a) - rankOf(b)),
    failed: checks.filter(({report}) => report?.passed !== true).length,
    worstCaseMs: Math.max(0, ...checks.map(({report}) => report?.worstCaseMs ?? 0)),
  };
}

function rankOf({marker}: Finding): number {
  return ['fail', 'warn', 'ok'].indexOf(marker);
}

function findingsOf(found: RolloutCheck): Finding[] {
  const of = {server: serverName(found), wave: found.wave};
  if (found.report === undefined) {
    const {error} = found;
    return [
      {
        ...of,
        marker: 'fail',
        check: 'reach',
        message: error === undefined ? 'It could not be asked.' : `${error.message} (${error.code})`,
        ...(error?.hint === undefined ? {} : {remedy: error.hint}),
      },
    ];
  }
  return found.report.checks.map(({name, outcome, message, remedy}) => ({
    ...of,
    marker: outcome === 'passed' ? 'ok' : outcome === 'warning' ? 'warn' : 'fail',
    check: name,
    message,
    ...(remedy === undefined ? {} : {remedy}),
  }));
}

const none: readonly Finding[] = [];

function findingList({found}: RolloutCheckScreen): ListSpec<Finding> {
  return {
    rows: found.value?.findings ?? none,
    id: row => `${row.server} ${row.check}`,
    columns: [
      {title: '', min: 4, sortBy: rankOf, text: row => row.marker},
      {title: 'Server', min: 10, text: row => row.server},
      {title: 'Wave', min: 4, align: 'right', optional: 2, text: row => String(row.wave)},
      {title: 'Check', min: 8, text: row => row.check},
      {title: 'Found', min: 20, grow: true, text: row => row.message},
    ],
  };
}

/** The finding under the cursor in full, with what to do about it. */
function remedyLines(screen: RolloutCheckScreen, width: number): Line[] {
  const row = selectedRow(findingList(screen), screen.list);
  if (row === undefined) return [];
  return [
    ...wrap(row.message, width - 2)
      .slice(0, 2)
      .map(text => line(' ', text)),
    ...(row.remedy === undefined
      ? []
      : wrap(row.remedy, width - 2)
          .slice(0, 2)
          .map(text => line(' ', dim(text)))),
  ];
}
