import type {RunEvent} from '../../core/run-event.js';
import {itemText} from '../describe.js';
import type {LogLine, PhaseState, RunScreen} from '../screens/run.js';
import type {Tone} from '../view/lines.js';

/** The screen after one line of the journal. */
export function receiveEvent(screen: RunScreen, event: RunEvent): RunScreen {
  switch (event.type) {
    case 'hello':
      return screen;
    case 'run.started':
      return {
        ...screen,
        descriptor: event,
        relationship: event.live === undefined ? event.relationship : 'live sync',
        profile: event.live ?? event.profile,
      };
    case 'run.phase': {
      const phase: PhaseState = {
        state: event.state,
        ...(event.detail === undefined ? {} : {detail: event.detail}),
      };
      // Of a live sync only its own phases stand in the row; what a pair does within one is in the log.
      const phases = event.within === undefined ? {...screen.phases, [event.phase]: phase} : screen.phases;
      const {progress, ...rest} = screen;
      const kept = event.state === 'started' || progress === undefined ? rest : {...rest, progress};
      if (event.state === 'started') return {...kept, phases};
      const place = [event.tenant, event.member].filter(part => part !== undefined).join(' ');
      const text = `${event.phase}${place === '' ? '' : ` ${place}`}: ${event.detail ?? event.state}`;
      return {
        ...kept,
        phases,
        log: withLine(screen, event.at, text, event.state === 'failed' ? 'fail' : undefined),
      };
    }
    case 'run.progress':
      return {...screen, progress: event};
    case 'run.message':
      return {
        ...screen,
        log: withLine(screen, event.at, event.text, event.level === 'warn' ? 'warn' : undefined),
      };
    case 'run.item': {
      const counted = {
        ...screen,
        applied: screen.applied + (event.outcome === 'applied' ? 1 : 0),
        skipped: screen.skipped + (event.outcome === 'skipped' ? 1 : 0),
      };
      if (event.outcome !== 'skipped') return counted;
      const at = screen.log.at(-1)?.at ?? screen.descriptor?.startedAt ?? '';
      const text = `warn skipped ${itemText(event.item)}: ${event.error ?? event.conflict ?? 'no reason given'}`;
      return {...counted, log: withLine(screen, at, text, 'warn')};
    }
    case 'run.after-sync': {
      const text = `${event.site}: ${event.name}: ${event.error ?? event.outcome}`;
      const tone = event.outcome === 'done' ? undefined : 'warn';
      return {...screen, log: withLine(screen, event.at, text, tone)};
    }
    case 'run.finished':
      return {
        ...screen,
        finished: event,
        skipped: event.skipped,
        applied: event.applied,
        log: withLine(screen, event.at, `finished: ${event.status}`),
      };
  }
}

/** Older lines are in the journal; the screen keeps only so many. */
const logLimit = 2000;

function withLine({log}: RunScreen, at: string, text: string, tone?: Tone): readonly LogLine[] {
  return [...log.slice(1 - logLimit), tone === undefined ? {at, text} : {at, text, tone}];
}
