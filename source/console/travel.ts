import {definitionOf} from './key-tables.js';
import {say} from './message.js';
import {type Model, type Step, step} from './model.js';
import {currentScreen, withoutOverlay} from './navigate.js';
import {previewScreen} from './preview/preview-screen.js';
import type {Screen} from './screen.js';
import {runScreen} from './screens/run.js';

/** How far back one can go. */
const pathLimit = 50;

/**
 * Remembers where the operator was, when a key led elsewhere: `[` goes there again. Forms are not returned to, because
 * what they were about has been saved or given up.
 */
export function remember(before: Model, after: Model): Model {
  // Going back and forward keeps the books itself.
  if (before.past !== after.past || sameScreens(before.stack, after.stack)) return after;
  if (before.stack.length === 0 || definitionOf(currentScreen(before)).type !== undefined) return after;
  const last = before.past.at(-1);
  if (last !== undefined && sameScreens(last, before.stack)) return {...after, future: []};
  return {...after, past: [...before.past, before.stack].slice(-pathLimit), future: []};
}

export function goBack(model: Model): Step {
  const target = model.past.at(-1);
  if (target === undefined) return step(say(model, 'warn', 'You have not been anywhere before this.'));
  const {past, future} = model;
  return step(visit({...model, past: past.slice(0, -1), future: [...future, model.stack]}, target));
}

export function goForward(model: Model): Step {
  const target = model.future.at(-1);
  if (target === undefined) return step(say(model, 'warn', 'There is nothing ahead; [ goes back first.'));
  const {past, future} = model;
  return step(visit({...model, future: future.slice(0, -1), past: [...past, model.stack]}, target));
}

/** Screens that are still open stay as they are; closed ones are opened anew and fetch what they show. */
function visit(model: Model, target: readonly Screen[]): Model {
  let nextScreenId = model.nextScreenId;
  const stack = target.map(screen => {
    const open = model.stack.find(other => other.id === screen.id);
    return open ?? ({...anew(screen), id: nextScreenId++} as Screen);
  });
  return {...withoutOverlay(model), stack, nextScreenId};
}

/** What a screen has gathered is gathered again. */
function anew(screen: Screen): Omit<Screen, 'id'> {
  switch (screen.kind) {
    case 'run':
      return runScreen(screen.runId, screen.relationship, screen.profile);
    case 'preview': {
      const {relationship, profile, initial, select, saved} = screen;
      return previewScreen(relationship, profile, {
        initial,
        ...(select === undefined ? {} : {select}),
        ...(saved === undefined ? {} : {saved}),
      });
    }
    default:
      return screen;
  }
}

function sameScreens(a: readonly Screen[], b: readonly Screen[]): boolean {
  return a.length === b.length && a.every((screen, index) => screen.id === b[index]!.id);
}
