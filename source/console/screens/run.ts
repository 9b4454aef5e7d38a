import type {RunEvent, RunPhase, RunSummary} from '../../core/run-event.js';
import {say} from '../message.js';
import {type Model, type Step, step} from '../model.js';
import {pop, push, replaceScreen} from '../navigate.js';
import {drawLog} from '../run/draw-log.js';
import {drawEnd, drawPhases, drawProgress, isOver, stateText} from '../run/draw-run.js';
import {endRun} from '../run/end-run.js';
import {receiveEvent} from '../run/receive-event.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {textInput} from '../text-input.js';
import {blank, bold, dim, type Line, line, type Tone} from '../view/lines.js';
import {logScreen} from './log.js';
import {skippedScreen} from './skipped.js';

export type PhaseState = {
  readonly state: 'started' | 'done' | 'skipped' | 'failed';
  readonly detail?: string;
};
type Progress = Extract<RunEvent, {type: 'run.progress'}>;
export type LogLine = {readonly at: string; readonly text: string; readonly tone?: Tone};

export type RunScreen = {
  readonly kind: 'run';
  readonly id: number;
  readonly runId: string;
  readonly relationship: string;
  readonly profile: string;
  readonly descriptor?: Extract<RunEvent, {type: 'run.started'}>;
  readonly phases: Readonly<Partial<Record<RunPhase, PhaseState>>>;
  readonly progress?: Progress;
  readonly log: readonly LogLine[];
  readonly applied: number;
  readonly skipped: number;
  readonly finished?: RunSummary;
  readonly fault?: Fault;
  /** Lines scrolled up from the end of the log; 0 follows it. */
  readonly scroll: number;
};

export function runScreen(runId: string, relationship: string, profile: string): Omit<RunScreen, 'id'> {
  return {kind: 'run', runId, relationship, profile, phases: {}, log: [], applied: 0, skipped: 0, scroll: 0};
}

/** A run as it happens (E14). Leaving the screen leaves the run alone (X3). */
export const run: ScreenDefinition<RunScreen> = {
  title: screen => `run ${screen.runId}`,
  context: (screen, model) => ({
    left: line(bold(` ${screen.relationship}/${screen.profile}`)),
    right: line(dim(`${stateText(screen, model)} `)),
  }),
  needs: ['runs'],
  opened: screen => [{type: 'watch-run', screen: screen.id, runId: screen.runId}],
  closed: screen => [{type: 'stop', screen: screen.id}],
  back: (screen, model) =>
    step(
      isOver(screen)
        ? pop(model)
        : say(pop(model), 'info', `Run ${screen.runId} continues; :runs attaches to it again.`),
    ),
  bindings: [
    {
      keys: ['up', 'k'],
      description: 'Scroll the log up',
      run: (model, screen) => scrollBy(model, screen, 1),
    },
    {
      keys: ['down', 'j'],
      description: 'Scroll the log down',
      run: (model, screen) => scrollBy(model, screen, -1),
    },
    {
      keys: ['page-up'],
      description: 'Scroll a page up',
      run: (model, screen) => scrollBy(model, screen, page(model)),
    },
    {
      keys: ['page-down'],
      description: 'Scroll a page down',
      run: (model, screen) => scrollBy(model, screen, -page(model)),
    },
    {
      keys: ['g', 'home'],
      description: 'To the first line of the log',
      run: (model, screen) => scrollBy(model, screen, screen.log.length),
    },
    {
      keys: ['G', 'end'],
      description: 'To the end of the log, and follow it',
      run: (model, screen) => step(replaceScreen(model, {...screen, scroll: 0})),
    },
    {
      keys: ['L', 'enter'],
      label: 'log',
      description: 'The finished run with every item',
      disabledBecause: (_model, screen) => (isOver(screen) ? undefined : 'the run is still in progress'),
      run: (model, screen) => step(push(model, logScreen(screen.runId))),
    },
    {
      keys: ['s'],
      label: 'skipped',
      description: 'Items that were skipped, with the reasons',
      disabledBecause: (_model, screen) => (screen.skipped > 0 ? undefined : 'nothing was skipped so far'),
      run: (model, screen) => step(push(model, skippedScreen(screen.runId))),
    },
    {
      keys: ['x'],
      label: 'cancel',
      description: 'Cancel the run; what is not committed yet does not happen',
      disabledBecause: (_model, screen) => (isOver(screen) ? 'the run is over' : undefined),
      run: (model, screen) =>
        step({
          ...model,
          overlay: {
            kind: 'confirm',
            question: `Cancel run ${screen.runId}?`,
            effects: [
              ['before commit', 'both sides stay as they were'],
              ['during commit', 'it is finished, so that no side is left half done'],
            ],
            input: textInput(),
            commands: [{type: 'cancel-run', runId: screen.runId}],
            thenBack: false,
          },
        }),
    },
  ],
  receive: (screen, model, answer) => {
    if (answer.kind === 'fault') return step(replaceScreen(model, {...screen, fault: answer.fault}));
    if (answer.kind !== 'run-events') return step(model);
    const after = answer.events.reduce(receiveEvent, screen);
    const shown = replaceScreen(model, after);
    return step(after.finished === undefined ? shown : endRun(shown, after.finished));
  },
  draw: (screen, model, area) => {
    const phases = drawPhases(screen, area.width);
    const head: Line[] = [
      ...phases,
      ...(isOver(screen) ? [] : [drawProgress(screen, model, area.width)]),
      ...drawEnd(screen, area.width),
      blank,
    ];
    return [
      {kind: 'lines', lines: [...head, ...drawLog(screen, model, area.width, area.height - head.length)]},
    ];
  },
};

function page(model: Model): number {
  return Math.max(1, model.rows - 10);
}

function scrollBy(model: Model, screen: RunScreen, lines: number): Step {
  const most = Math.max(0, screen.log.length - 1);
  return step(replaceScreen(model, {...screen, scroll: Math.max(0, Math.min(most, screen.scroll + lines))}));
}
