import {formatSize} from '../../core/byte-size.js';
import type {FileRecord} from '../../core/item.js';
import type {Action} from '../../core/plan.js';
import type {ActionDetail, RelationshipEntry} from '../../engine/engine.js';
import {itemText, relationshipOf, sideName} from '../describe.js';
import {type ListSpec, selectedRow} from '../list.js';
import type {Model} from '../model.js';
import type {Tone} from '../view/lines.js';
import {actionsOfGroup} from './group-list.js';
import type {PreviewScreen} from './preview-screen.js';

const noActions: readonly Action[] = [];

const shortKinds = {create: 'new', update: 'upd', delete: 'del', conflict: '!cnf', skip: 'skip'} as const;

/** The actions that a preview shows: all, or those of the group that was opened. */
export function actionsOf(screen: PreviewScreen, model: Model): ListSpec<Action> {
  const all = screen.taken.value?.plan.actions ?? noActions;
  return actionList(
    screen.group === undefined ? all : actionsOfGroup(all, screen.group),
    screen.leftOut,
    screen.details,
    relationshipOf(model, screen.relationship),
  );
}

/** The action under the cursor. */
export function chosenAction(model: Model, screen: PreviewScreen): Action | undefined {
  return screen.groups === undefined ? selectedRow(actionsOf(screen, model), screen.list) : undefined;
}

/** The actions of a plan as a list. */
function actionList(
  actions: readonly Action[],
  leftOut: ReadonlySet<string>,
  details: Readonly<Record<string, ActionDetail | undefined>>,
  entry: RelationshipEntry | undefined,
): ListSpec<Action> {
  return {
    rows: actions,
    id: row => row.id,
    columns: [
      {title: 'Do', min: 4, text: row => (leftOut.has(row.id) ? 'out' : shortKinds[row.kind])},
      {
        title: 'At',
        min: 6,
        optional: 2,
        text: row => sideName(row.side, entry),
      },
      {title: 'Type', min: 4, text: typeText},
      {title: 'Item', min: 16, grow: true, text: row => nameText(row, details[row.id])},
      {title: 'Size', min: 6, align: 'right', sortBy: row => sizeOf(row) ?? -1, text: sizeText},
      {title: 'Note', min: 8, text: row => noteText(row, details[row.id])},
    ],
  };
}

export function toneOfAction(action: Action): Tone | undefined {
  switch (action.kind) {
    case 'create':
      return 'ok';
    case 'update':
      return undefined;
    case 'delete':
      return 'fail';
    case 'conflict':
    case 'skip':
      return 'warn';
  }
}

function recordOf(action: Action): FileRecord | undefined {
  const {local, remote} = action.before ?? {};
  const source = action.side === 'local' ? remote : local;
  const destination = action.side === 'local' ? local : remote;
  const record = action.kind === 'delete' ? destination : (source ?? destination);
  return record?.type === 'file' ? record : undefined;
}

function typeText(action: Action): string {
  if (action.item.type !== 'file') return action.item.type;
  return recordOf(action)?.kind ?? 'file';
}

function sizeOf(action: Action): number | undefined {
  const record = recordOf(action);
  return record?.kind === 'file' ? record.size : undefined;
}

function sizeText(action: Action): string {
  const size = sizeOf(action);
  return size === undefined ? '' : formatSize(size);
}

function nameText(action: Action, detail: ActionDetail | undefined): string {
  const title = detail?.title === undefined ? '' : ` "${detail.title}"`;
  return `${itemText(action.item)}${title}`;
}

function noteText(action: Action, detail: ActionDetail | undefined): string {
  const changed = action.kind === 'update' || action.kind === 'conflict' ? detail?.changed : undefined;
  const columns = changed?.map(change => change.column).join(', ') ?? '';
  const winner = action.winner === undefined ? '' : `${action.winner} wins`;
  const first = action.operations[0]?.operation.op;
  const touch = first === 'touch' ? 'mode or time only' : '';
  return [columns, winner, action.reason ?? '', touch, action.conflict ?? '']
    .filter(text => text !== '')
    .join(', ');
}
