import {type Model, type Step, step} from '../model.js';
import {replaceScreen} from '../navigate.js';
import type {Loadable} from '../shared-data.js';
import {chosenAction} from './action-list.js';
import {viewHeight} from './draw-item.js';
import {type ItemView, viewOf} from './item-view.js';
import type {PreviewScreen} from './preview-screen.js';

export function showItem(model: Model, screen: PreviewScreen): Step {
  const action = chosenAction(model, screen);
  const known = action === undefined ? undefined : screen.items[action.id];
  if (action === undefined || screen.pane === 'list' || (known !== undefined && known.fault === undefined)) {
    return step(replaceScreen(model, screen));
  }
  const items = {...screen.items, [action.id]: {loading: true}};
  return step(replaceScreen(model, {...screen, items}), {
    type: 'show-item',
    screen: screen.id,
    relationship: screen.relationship,
    plan: screen.taken.value!.plan,
    actionId: action.id,
  });
}

export function scrollDiff(model: Model, screen: PreviewScreen, lines: number): Step {
  const action = chosenAction(model, screen);
  const total = action === undefined ? 0 : viewHeight(action, viewOf(screen, action));
  const diffTop = Math.max(0, Math.min(screen.diffTop + lines, Math.max(0, total - 2)));
  return step(replaceScreen(model, {...screen, diffTop}));
}

export function notInDiff(_model: Model, screen: PreviewScreen): string | undefined {
  return screen.pane === 'diff' ? undefined : 'the list has the keyboard; Tab goes to the diff';
}

export function putItem(
  model: Model,
  screen: PreviewScreen,
  actionId: string,
  item: Loadable<ItemView>,
): Step {
  return step(replaceScreen(model, {...screen, items: {...screen.items, [actionId]: item}}));
}
