import type {PlanCounts} from '../../core/plan.js';
import type {LivePreview} from '../../engine/engine.js';
import {sideCountsText} from '../describe.js';
import {emptyList, type ListSpec, type ListState} from '../list.js';
import {type Model, step} from '../model.js';
import {replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Loadable} from '../shared-data.js';
import {drawList} from '../view/draw-list.js';
import {dim, type Line, line, marker, wrap} from '../view/lines.js';
import {askLiveRun} from './lives.js';

type Row = {
  readonly id: string;
  /** With the tenant that it serves. */
  readonly phase: string;
  readonly server: string;
  readonly counts: PlanCounts;
};

export type LivePreviewScreen = {
  readonly kind: 'live-preview';
  readonly id: number;
  readonly live: string;
  readonly list: ListState;
  readonly taken: Loadable<readonly Row[]>;
  readonly missing: LivePreview['missing'];
};

export function livePreviewScreen(live: string): Omit<LivePreviewScreen, 'id'> {
  return {kind: 'live-preview', live, list: emptyList, taken: {loading: true}, missing: []};
}

/** What a live sync would do, by phase, tenant and server; checks included, read-only (G). */
export const livePreview: ScreenDefinition<LivePreviewScreen> = {
  title: screen => `preview ${screen.live}`,
  context: () => ({
    left: line(
      dim(' what each phase would change, as things are now; later phases see what earlier ones bring'),
    ),
    right: line(dim('read-only ')),
  }),
  needs: ['lives'],
  opened: screen => [{type: 'preview-live', screen: screen.id, name: screen.live}],
  closed: screen => [{type: 'stop', screen: screen.id}],
  list: screen => ({spec: phaseList(screen), state: screen.list, put: (before, list) => ({...before, list})}),
  pageRows: (screen, model) => Math.max(1, model.rows - 9 - screen.missing.length),
  bindings: [
    {
      keys: ['r'],
      label: 'run',
      description: 'Run the live sync now, after a question',
      disabledBecause: (model, screen) =>
        entryOf(model, screen) === undefined
          ? 'the live sync is not there any more'
          : screen.taken.value === undefined
            ? 'there is no preview yet'
            : undefined,
      run: (model, screen) => step(askLiveRun(model, entryOf(model, screen)!)),
    },
    {
      keys: ['R'],
      label: 'again',
      description: 'Take the preview again',
      disabledBecause: (_model, screen) => (screen.taken.loading ? 'it is being taken' : undefined),
      run: (model, screen) =>
        step(replaceScreen(model, {...screen, taken: {...screen.taken, loading: true}}), {
          type: 'preview-live',
          screen: screen.id,
          name: screen.live,
        }),
    },
  ],
  receive: (screen, model, answer) => {
    if (answer.kind === 'fault')
      return step(
        replaceScreen(model, {...screen, taken: {...screen.taken, loading: false, fault: answer.fault}}),
      );
    if (answer.kind !== 'live-preview') return step(model);
    const value = rowsOf(answer.preview);
    return step(
      replaceScreen(model, {
        ...screen,
        taken: {loading: false, value, at: answer.at},
        missing: answer.preview.missing,
      }),
    );
  },
  draw: (screen, model, area) => {
    const missing = missingLines(screen, area.width).slice(0, Math.max(0, area.height - 8));
    return [
      {kind: 'lines', lines: missing},
      ...drawList(
        phaseList(screen),
        screen.list,
        {
          caption: 'phases',
          source: screen.taken,
          empty: ['There is nothing to do in any phase.'],
        },
        model,
        {width: area.width, height: area.height - missing.length},
      ),
    ];
  },
};

function rowsOf({phases}: LivePreview): readonly Row[] {
  return phases.flatMap(({phase, tenant, servers}) =>
    servers.map(({server, counts}) => ({
      id: `${phase} ${tenant} ${server}`,
      phase: tenant === undefined ? phase : `${phase} ${tenant}`,
      server,
      counts,
    })),
  );
}

const none: readonly Row[] = [];

function phaseList(screen: LivePreviewScreen): ListSpec<Row> {
  return {
    rows: screen.taken.value ?? none,
    id: row => row.id,
    columns: [
      {title: 'Phase', min: 19, text: row => row.phase},
      {title: 'Live server', min: 10, text: row => row.server},
      {title: 'To editorial', min: 10, text: row => sideCountsText(row.counts.local)},
      {title: 'To live server', min: 10, grow: true, text: row => sideCountsText(row.counts.remote)},
      {
        title: 'Conflicts',
        min: 3,
        align: 'right',
        optional: 3,
        sortBy: row => row.counts.conflicts,
        text: row => String(row.counts.conflicts),
      },
    ],
  };
}

/** Servers that a run would leave behind, and why (G7). */
function missingLines({missing}: LivePreviewScreen, width: number): Line[] {
  return missing.flatMap(({member, error}) =>
    wrap(`${member} would be left out: ${error.message} (${error.code})`, width - 7).map((text, index) =>
      line(' ', index === 0 ? marker('warn') : '    ', ` ${text}`),
    ),
  );
}

function entryOf(model: Model, screen: LivePreviewScreen) {
  return model.data.lives.value?.find(({name}) => name === screen.live);
}
