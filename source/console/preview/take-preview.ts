import type {Command} from '../command.js';
import {type Model, type Step, step} from '../model.js';
import {replaceScreen, withoutOverlay} from '../navigate.js';
import type {PreviewScreen} from './preview-screen.js';

/** What takes a preview, or opens a plan that was saved. */
export function takePreview(screen: PreviewScreen): readonly Command[] {
  if (screen.saved !== undefined) return [{type: 'open-plan', screen: screen.id, file: screen.saved}];
  return [
    {
      type: 'preview',
      screen: screen.id,
      relationship: screen.relationship,
      profile: screen.profile,
      initial: screen.initial,
      force: screen.force,
      ...(screen.select === undefined ? {} : {select: screen.select}),
    },
  ];
}

/** Takes the preview anew, with nothing left out. @param force of an initial sync that was refused (E15) */
export function takeAgain(model: Model, screen: PreviewScreen, force: boolean): Step {
  const {progress: _old, startedAt: _then, ...rest} = screen;
  const again: PreviewScreen = {
    ...rest,
    force,
    taken: {loading: true},
    items: {},
    leftOut: new Set(),
    details: {},
    pane: 'list',
  };
  return step(replaceScreen(withoutOverlay(model), again), ...takePreview(again));
}
