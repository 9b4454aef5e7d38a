import type {Model} from './model.js';
import type {Screen} from './screen.js';

/** The screen in sight. */
export function currentScreen(model: Model): Screen {
  return model.stack[model.stack.length - 1]!;
}

type WithoutId<S> = S extends Screen ? Omit<S, 'id'> : never;

/** Opens a screen on top of the one in sight; its own opening commands are added by `update`. */
export function push(model: Model, screen: WithoutId<Screen>): Model {
  const opened = {...screen, id: model.nextScreenId} as Screen;
  return {...withoutOverlay(model), stack: [...model.stack, opened], nextScreenId: model.nextScreenId + 1};
}

/** Goes back one level; the overview stays. */
export function pop(model: Model): Model {
  return model.stack.length > 1 ? {...withoutOverlay(model), stack: model.stack.slice(0, -1)} : model;
}

/** Goes back to the overview and opens `screens` from there. */
export function jump(model: Model, ...screens: readonly WithoutId<Screen>[]): Model {
  return screens.reduce<Model>(push, {...withoutOverlay(model), stack: model.stack.slice(0, 1)});
}

/** Puts what became of a screen in its place, wherever in the stack that is. */
export function replaceScreen(model: Model, screen: Screen): Model {
  return {...model, stack: model.stack.map(other => (other.id === screen.id ? screen : other))};
}

/** Closes help, palette or question. */
export function withoutOverlay(model: Model): Model {
  const {overlay: _closed, ...rest} = model;
  return rest;
}
