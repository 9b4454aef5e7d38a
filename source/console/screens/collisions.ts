import type {CollisionEntry} from '../../engine/engine.js';
import type {Command} from '../command.js';
import {formatTime, plural, timeWidth} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {markBinding, markColumn, markedRows, tellMarked} from '../marks.js';
import {say} from '../message.js';
import {type Model, step} from '../model.js';
import {replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {textInput} from '../text-input.js';
import {drawList} from '../view/draw-list.js';
import {bold, dim, type Line, line} from '../view/lines.js';

export type CollisionsScreen = {
  readonly kind: 'collisions';
  readonly id: number;
  readonly list: ListState;
  /** Ids that Space marked. */
  readonly marked: ReadonlySet<string>;
  /** Those that were reviewed are shown too. */
  readonly all: boolean;
  /** Only rows of this kind; of every kind when absent. */
  readonly only?: string;
};

export function collisionsScreen(): Omit<CollisionsScreen, 'id'> {
  return {kind: 'collisions', list: emptyList, marked: new Set(), all: false};
}

/** Rows that were renamed because two had one natural key; reviewed by kind, with mail to their users (E18). */
export const collisions: ScreenDefinition<CollisionsScreen> = {
  title: () => 'collisions',
  context: (screen, model) => ({
    left: line(' ', ...kindSpans(model, screen)),
    ...tellMarked(screen),
  }),
  needs: ['collisions'],
  list: (screen, model) => ({
    spec: collisionList(screen, model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  bindings: [
    markBinding('the row', collisionList, noRow),
    {
      keys: ['v', 'enter'],
      label: 'reviewed',
      description: 'Mark as reviewed what is marked, or the row under the cursor',
      disabledBecause: nothingToReview,
      run: (model, screen) =>
        step(
          replaceScreen(say(model, 'info', 'Marking as reviewed ...'), {...screen, marked: new Set()}),
          review(meant(model, screen), false),
        ),
    },
    {
      keys: ['m'],
      label: 'reviewed and mail',
      description: 'Tell the users of the renamed rows by e-mail, and mark as reviewed',
      disabledBecause: nothingToReview,
      run: (model, screen) => {
        const entries = meant(model, screen);
        return step({
          ...replaceScreen(model, {...screen, marked: new Set()}),
          overlay: {
            kind: 'confirm',
            question: `Mail ${plural(entries.length, 'user')} about the new name?`,
            effects: entries
              .slice(0, 8)
              .map(entry => [
                `${entry.table} ${entry.key.join(' ')}`,
                `${entry.original} is now ${entry.modified}`,
              ]),
            input: textInput(),
            commands: [review(entries, true)],
            thenBack: false,
          },
        });
      },
    },
    {
      keys: ['tab'],
      label: 'next kind',
      description: 'Show only the next kind of rows: users, folders, ...; after the last, all of them',
      disabledBecause: (model, screen) =>
        kindsOf(model, screen).length === 0 ? 'there is nothing in the list' : undefined,
      run: (model, screen) => step(replaceScreen(model, ofNextKind(model, screen))),
    },
    {
      keys: ['A'],
      label: 'all',
      description: 'Show those that were reviewed too, or only the others',
      run: (model, screen) =>
        step(replaceScreen(model, {...ofEveryKind(screen), all: !screen.all, list: emptyList})),
    },
  ],
  draw: (screen, model, area) =>
    drawList(
      collisionList(screen, model),
      screen.list,
      {
        caption: screen.all ? 'collisions' : 'collisions to review',
        source: model.data.collisions,
        empty: [
          screen.all ? 'No rows ever collided.' : 'Nothing to review; A shows what was reviewed.',
          'Of two rows that get one name, the later one gets its id appended, on both sides.',
        ],
        tone: row => (row.reviewed ? 'dim' : 'warn'),
      },
      model,
      area,
    ),
};

function review(entries: readonly CollisionEntry[], email: boolean): Command {
  return {type: 'review-collisions', ids: entries.map(({id}) => id), email};
}

// The same rows for the same data and choice, so that filtered and sorted ones are found again (list.ts).
const selected = new WeakMap<readonly CollisionEntry[], Map<string, readonly CollisionEntry[]>>();
const none: readonly CollisionEntry[] = [];

function rowsOf(
  model: Model,
  {all, only}: Pick<CollisionsScreen, 'all' | 'only'>,
): readonly CollisionEntry[] {
  const entries = model.data.collisions.value ?? none;
  const known = selected.get(entries) ?? new Map<string, readonly CollisionEntry[]>();
  selected.set(entries, known);
  const choice = `${all} ${only ?? ''}`;
  const rows =
    known.get(choice) ??
    entries.filter(({reviewed, kind}) => (all || !reviewed) && (only === undefined || kind === only));
  known.set(choice, rows);
  return rows;
}

/** The kinds there are, with how many of each. */
function kindsOf(model: Model, {all}: CollisionsScreen): readonly (readonly [kind: string, count: number])[] {
  return [...Map.groupBy(rowsOf(model, {all}), ({kind}) => kind)]
    .map(([kind, rows]) => [kind, rows.length] as const)
    .sort(([a], [b]) => a.localeCompare(b));
}

function kindSpans(model: Model, screen: CollisionsScreen): Line {
  const kinds = kindsOf(model, screen);
  const total = kinds.reduce((sum, [, count]) => sum + count, 0);
  return [['all', total] as const, ...kinds].flatMap(([kind, count]) => {
    const text = `${kind} ${count}`;
    const shown = kind === (screen.only ?? 'all');
    return [shown ? bold(`[${text}]`) : dim(` ${text} `), {text: ' '}];
  });
}

function ofNextKind(model: Model, screen: CollisionsScreen): CollisionsScreen {
  const kinds = kindsOf(model, screen).map(([kind]) => kind);
  const next = kinds[screen.only === undefined ? 0 : kinds.indexOf(screen.only) + 1];
  return {...ofEveryKind(screen), ...(next === undefined ? {} : {only: next}), list: emptyList};
}

function ofEveryKind(screen: CollisionsScreen): CollisionsScreen {
  const {only: _kind, ...rest} = screen;
  return rest;
}

function collisionList(screen: CollisionsScreen, model: Model): ListSpec<CollisionEntry> {
  return {
    rows: rowsOf(model, screen),
    id: row => row.id,
    columns: [
      markColumn(screen, row => row.id),
      {title: 'Kind', min: 6, text: row => row.kind},
      {title: 'Was', min: 9, optional: 3, text: row => row.original},
      {title: 'Is now', min: 16, grow: true, text: row => row.modified},
      {title: 'Row', min: 8, optional: 2, text: row => `${row.table} ${row.key.join(' ')}`},
      {title: 'Made at', min: 8, text: row => row.server},
      {
        title: 'When',
        min: timeWidth,
        sortBy: row => row.at,
        text: row => formatTime(row.at, model.now, model.time),
      },
      {
        title: 'Reviewed',
        min: 8,
        text: row => (row.mailedTo === undefined ? (row.reviewed ? 'yes' : 'no') : 'mailed'),
      },
    ],
  };
}

function chosen(model: Model, screen: CollisionsScreen): CollisionEntry | undefined {
  return selectedRow(collisionList(screen, model), screen.list);
}

/** What is marked and in sight, or the row under the cursor; only what is not reviewed yet. */
function meant(model: Model, screen: CollisionsScreen): readonly CollisionEntry[] {
  return markedRows(collisionList(screen, model), screen).filter(({reviewed}) => !reviewed);
}

function noRow(model: Model, screen: CollisionsScreen): string | undefined {
  return chosen(model, screen) === undefined ? 'there is no row under the cursor' : undefined;
}

function nothingToReview(model: Model, screen: CollisionsScreen): string | undefined {
  return meant(model, screen).length === 0 ? 'nothing of it is left to review' : undefined;
}
