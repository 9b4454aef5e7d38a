import {formatSize} from '../../core/byte-size.js';
import {countOf} from '../../core/count-of.js';
import type {StepRecord, UpdateEvent, UpdateStatus} from '../../core/update-status.js';
import {stepsOf, updateSteps} from '../../core/update-steps.js';
import {formatDuration, formatTime, timeWidth} from '../format.js';
import {emptyList, type ListSpec, type ListState} from '../list.js';
import {type Model, type Step, step} from '../model.js';
import {replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {type Loadable, notLoaded} from '../shared-data.js';
import {drawFault, drawList} from '../view/draw-list.js';
import {drawSteps} from '../view/draw-steps.js';
import {bold, dim, type Line, line, type Marker, marker, type Span, wrap} from '../view/lines.js';
import {restEveryMs, watchEveryMs} from './rollouts.js';

export type ServerJournalScreen = {
  readonly kind: 'server-journal';
  readonly id: number;
  readonly rollout: string;
  /** As operators write it. */
  readonly server: string;
  readonly list: ListState;
  readonly read: Loadable<{
    readonly status: UpdateStatus /** The newest first. */;
    readonly events: readonly UpdateEvent[];
  }>;
};

export function serverJournalScreen(rollout: string, server: string): Omit<ServerJournalScreen, 'id'> {
  return {kind: 'server-journal', rollout, server, list: emptyList, read: notLoaded};
}

/** How the update of one server goes, as its agent keeps it (X6, U14). */
export const serverJournal: ScreenDefinition<ServerJournalScreen> = {
  title: screen => `journal of ${screen.server}`,
  context: ({server, read: {value}}) => ({
    left: line(
      bold(` ${server}`),
      dim(value === undefined ? '' : `   ${value.status.from || 'nothing'} > ${value.status.to}`),
    ),
    ...(value === undefined ? {} : {right: line(dim(`${abortText(value.status)} `))}),
  }),
  needs: [],
  refresh: readAgain,
  refreshEveryMs: ({read: {value}}) => (value?.status.state === 'running' ? watchEveryMs : restEveryMs),
  list: (screen, model) => ({
    spec: eventList(screen, model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  pageRows: (screen, model) => Math.max(1, model.rows - 9 - factsOf(screen, model, model.columns).length),
  bindings: [
    {
      keys: ['R'],
      label: 'read again',
      description: 'Read the journal again; while the update is at work that happens by itself',
      run: (model, screen) => readAgain(screen, model),
    },
  ],
  receive: (screen, model, answer) => {
    if (answer.kind === 'update-journal') {
      const {status, at} = answer;
      // What happened last is what is looked for.
      const events = answer.events.toReversed();
      return step(replaceScreen(model, {...screen, read: {loading: false, value: {status, events}, at}}));
    }
    return answer.kind === 'fault'
      ? step(replaceScreen(model, {...screen, read: {...screen.read, loading: false, fault: answer.fault}}))
      : step(model);
  },
  draw: (screen, model, area) => {
    // The journal keeps room for a few lines, whatever there is to say above it.
    const facts = factsOf(screen, model, area.width).slice(0, Math.max(0, area.height - leastJournal));
    return [
      {kind: 'lines', lines: facts},
      ...drawList(
        eventList(screen, model),
        screen.list,
        {
          caption: 'journal',
          source: screen.read,
          empty: ['The agent has written nothing yet.'],
          tone: row => (row.type === 'failed' ? 'fail' : row.type === 'note' ? 'dim' : undefined),
        },
        model,
        {width: area.width, height: area.height - facts.length},
      ),
    ];
  },
};

const leastJournal = 8;

function readAgain(screen: ServerJournalScreen, model: Model): Step {
  if (screen.read.loading) return step(model);
  return step(replaceScreen(model, {...screen, read: {...screen.read, loading: true}}), {
    type: 'read-update-journal',
    screen: screen.id,
    name: screen.rollout,
    server: screen.server,
  });
}

/** What an abort, or else a rollback by hand, would do now. */
function abortText({state, abort, canRollBack, cannotRollBack}: UpdateStatus): string {
  if (state !== 'running') {
    if (state !== 'done') return '';
    return canRollBack ? 'the version before is kept' : `no way back: ${cannotRollBack ?? 'it is gone'}`;
  }
  switch (abort) {
    case 'at-once':
      return 'an abort ends it at once';
    case 'roll-back':
      return 'an abort brings the old version back';
    case 'refused':
      return 'decided: it is not aborted any more';
  }
}

function markerOfUpdate({state}: UpdateStatus): Marker {
  switch (state) {
    case 'running':
      return 'run';
    case 'done':
      return 'ok';
    case 'deferred':
    case 'aborted':
    case 'rolled-back':
      return 'warn';
    case 'failed':
    case 'attention':
      return 'fail';
  }
}

function factsOf({read: {value}}: ServerJournalScreen, model: Model, width: number): Line[] {
  if (value === undefined) return [];
  const {status} = value;
  const end = status.endedAt === undefined ? model.now : Date.parse(status.endedAt);
  const took = formatDuration(Math.max(0, end - Date.parse(status.startedAt)));
  const mail = status.mail === 'none' ? '' : `   mail ${status.mail === 'sent' ? 'sent' : 'waits'}`;
  return [
    line(
      ' ',
      marker(markerOfUpdate(status)),
      bold(` ${status.state}`),
      `   ${status.startedAt === '' ? '' : formatTime(status.startedAt, model.now, model.time)} by ${status.by}, ${took}`,
      dim(mail),
    ),
    ...drawWay(status, width),
    ...(status.state === 'running' ? [line(' ', ...nowSpans(status))] : []),
    ...(status.error === undefined ? [] : drawFault(status.error, width)),
    ...status.warnings.flatMap(text =>
      wrap(text, width - 7).map((part, index) => line(' ', index === 0 ? marker('warn') : '    ', ' ', part)),
    ),
    ...(status.nextStep === undefined
      ? []
      : wrap(`Next: ${status.nextStep}`, width - 2).map(text => line(' ', text))),
  ];
}

/** `drain › Warn the users and let them finish   3 users left` */
function nowSpans({step: name, usersLeft, progress}: UpdateStatus): Span[] {
  const title = updateSteps.find(one => one.name === name)?.title ?? '';
  const users = usersLeft === undefined ? '' : `   ${countOf(usersLeft, 'user')} left`;
  const bytes =
    progress === undefined ? '' : `   ${formatSize(progress.done)} of ${formatSize(progress.total)}`;
  return [{text: name, bold: true}, {text: ` › ${title}${users}${bytes}`}];
}

/** All steps of the way that the update goes, each with its marker. */
function drawWay({steps, track, state}: UpdateStatus, width: number): Line[] {
  const taken = new Map<string, StepRecord>(steps.map(record => [record.step, record]));
  const forward = stepsOf('forward').map(({name}) => name);
  const back = track === 'forward' ? [] : stepsOf(track).map(({name}) => name);
  // What lies ahead of an update that turned back is not taken any more.
  const names =
    track === 'forward'
      ? forward
      : [...forward.filter(name => taken.has(name) && name !== 'notify'), ...back];
  return drawSteps(
    names.map(name => ({name, marker: markerOfStep(taken.get(name)?.state, state === 'running')})),
    width,
  );
}

/** Undefined for a step that was passed over or will not come any more. */
function markerOfStep(state: StepRecord['state'] | undefined, running: boolean): Marker | undefined {
  switch (state) {
    case 'running':
      return running ? 'run' : 'warn';
    case 'done':
      return 'ok';
    case 'failed':
      return 'fail';
    case 'skipped':
      return undefined;
    case undefined:
      return running ? 'wait' : undefined;
  }
}

const none: readonly UpdateEvent[] = [];

function eventList({read: {value}}: ServerJournalScreen, model: Model): ListSpec<UpdateEvent> {
  return {
    rows: value?.events ?? none,
    id: row => String(row.seq),
    columns: [
      {title: '#', min: 3, align: 'right', sortBy: row => row.seq, text: row => String(row.seq)},
      {
        title: 'When',
        min: timeWidth,
        sortBy: row => row.at,
        text: row => formatTime(row.at, model.now, model.time),
      },
      {title: 'Step', min: 8, text: row => row.step},
      {title: 'What', min: 6, text: row => row.type},
      {
        title: 'Detail',
        min: 16,
        grow: true,
        text: row => row.error?.message ?? row.detail ?? '',
      },
    ],
  };
}
