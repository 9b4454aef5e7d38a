import type {Action} from '../../core/plan.js';
import type {ShownItem} from '../../engine/engine.js';
import type {Loadable} from '../shared-data.js';
import type {PreviewScreen} from './preview-screen.js';

/** Both sides of an item. */
export type ItemView = {readonly local: ShownItem; readonly remote: ShownItem};

/** Both sides as far as they are known: what changed in a row is known without asking for the whole row. */
export function viewOf(screen: PreviewScreen, action: Action): Loadable<ItemView> | undefined {
  const known = screen.items[action.id];
  const changed = screen.details[action.id]?.changed;
  if (known?.value !== undefined || changed === undefined || changed.length === 0) return known;
  const view = partialViews.get(changed) ?? {
    local: {
      type: 'row' as const,
      columns: Object.fromEntries(changed.map(change => [change.column, change.local])),
    },
    remote: {
      type: 'row' as const,
      columns: Object.fromEntries(changed.map(change => [change.column, change.remote])),
    },
  };
  partialViews.set(changed, view);
  return {loading: known?.loading ?? false, value: view};
}

// The same view for the same answer, so that its diff is found again (draw-item.ts).
const partialViews = new WeakMap<object, ItemView>();
