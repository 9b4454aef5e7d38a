import type {Action} from '../../core/plan.js';
import {emptyList} from '../list.js';
import {explain, say} from '../message.js';
import {type Model, step} from '../model.js';
import {push, replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {selectionProblem, selectionScreen} from '../screens/selection.js';
import {chosenAction} from './action-list.js';
import {askRun, canBeForced, runProblem} from './ask-run.js';
import {notInDiff, scrollDiff, showItem} from './diff-pane.js';
import {chosenGroup, leaveOutGroup} from './group-list.js';
import {leaveOut, withoutLeftOut} from './leave-out.js';
import type {PreviewScreen} from './preview-screen.js';
import {takeAgain} from './take-preview.js';

/** What can be looked at in a preview, left out of its plan, and done with it. */
export const previewBindings: ScreenDefinition<PreviewScreen>['bindings'] = [
  {
    keys: ['enter', 'right', 'l'],
    label: 'open',
    description: 'Show the actions of the table or folder under the cursor',
    disabledBecause: (_model, screen) =>
      chosenGroup(screen) === undefined ? 'the list shows single actions; t groups them' : undefined,
    run: (model, screen) => {
      const {groups: _closed, ...rest} = screen;
      const group = chosenGroup(screen)!.name;
      return step(replaceScreen(model, {...rest, group, list: emptyList, pane: 'list', diffTop: 0}));
    },
  },
  {
    keys: ['enter', 'right', 'l'],
    label: 'diff',
    description: 'Show both sides of the item under the cursor',
    disabledBecause: noAction,
    run: (model, screen) =>
      screen.pane === 'diff'
        ? step(explain(model, 'info', 'Both sides are shown below; Esc goes back to the list.'))
        : showItem(model, {...screen, pane: 'diff', diffTop: 0}),
  },
  {
    keys: ['r'],
    label: 'run exactly this',
    description: 'Run exactly what is shown; refused when something in it has changed meanwhile',
    disabledBecause: (_model, screen) => runProblem(screen),
    run: (model, screen) => step(askRun(model, screen)),
  },
  {
    keys: ['tab', 'shift-tab'],
    description: 'Switch between the list and the diff',
    disabledBecause: noAction,
    run: (model, screen) => showItem(model, {...screen, pane: screen.pane === 'list' ? 'diff' : 'list'}),
  },
  {
    keys: ['up', 'k'],
    description: 'Scroll the diff up',
    disabledBecause: notInDiff,
    run: (m, s) => scrollDiff(m, s, -1),
  },
  {
    keys: ['down', 'j'],
    description: 'Scroll the diff down',
    disabledBecause: notInDiff,
    run: (m, s) => scrollDiff(m, s, 1),
  },
  {
    keys: ['page-up'],
    description: 'Scroll the diff a page up',
    disabledBecause: notInDiff,
    run: (m, s) => scrollDiff(m, s, -10),
  },
  {
    keys: ['page-down'],
    description: 'Scroll the diff a page down',
    disabledBecause: notInDiff,
    run: (m, s) => scrollDiff(m, s, 10),
  },
  {
    keys: ['x', ' '],
    label: 'leave out',
    description: 'Leave the action or group under the cursor out of the plan, or take it in again',
    disabledBecause: (model, screen) => {
      if (screen.initial) return 'an initial sync makes a whole mirror';
      return chosenGroup(screen) === undefined ? noAction(model, screen) : undefined;
    },
    run: (model, screen) => {
      const group = chosenGroup(screen);
      if (group !== undefined)
        return step(replaceScreen(model, {...screen, leftOut: leaveOutGroup(group, screen.leftOut)}));
      const action = chosenAction(model, screen)!;
      const leftOut = leaveOut(screen.taken.value!.plan.actions, screen.leftOut, action.id);
      return step(replaceScreen(model, {...screen, leftOut}));
    },
  },
  {
    keys: ['t'],
    label: 'by table',
    description: 'Show the actions by table and folder, or all of them again',
    disabledBecause: (_model, screen) => nothingTaken(screen),
    run: (model, screen) => {
      const {groups, group: _left, ...rest} = screen;
      if (groups !== undefined) return step(replaceScreen(model, {...rest, list: emptyList}));
      return step(replaceScreen(model, {...rest, groups: emptyList, pane: 'list'}));
    },
  },
  {
    keys: ['S'],
    label: 'only this',
    description: 'Sync just the content row, folder or file under the cursor, with what belongs to it',
    disabledBecause: (model, screen) => {
      if (screen.initial) return 'an initial sync makes a whole mirror';
      const profile = model.data.profiles.value?.find(
        ({relationship, name}) => relationship === screen.relationship && name === screen.profile,
      );
      return noAction(model, screen) ?? selectionProblem(profile);
    },
    run: (model, screen) =>
      step(
        push(
          model,
          selectionScreen(screen.relationship, screen.profile, picked(chosenAction(model, screen)!)),
        ),
      ),
  },
  {
    keys: ['s'],
    label: 'save plan',
    description: 'Save the plan as a file; `lockstep run --plan` does exactly it later, or refuses',
    disabledBecause: (_model, screen) =>
      screen.initial ? 'an initial sync has no plan to save' : nothingTaken(screen),
    run: (model, screen) =>
      step(say(model, 'info', 'Saving the plan ...'), {
        type: 'save-plan',
        screen: screen.id,
        preview: withoutLeftOut(screen.taken.value!, screen.leftOut),
      }),
  },
  {
    keys: ['R'],
    label: 'again',
    description: 'Take the preview again',
    disabledBecause: (_model, screen) => (screen.taken.loading ? 'it is being taken' : undefined),
    run: (model, screen) => takeAgain(model, screen, screen.force),
  },
  {
    keys: ['F'],
    description: 'Look what forcing a refused initial sync would do; its site must allow that',
    disabledBecause: (_model, screen) =>
      canBeForced(screen) ? undefined : 'only a refused initial sync can be forced',
    run: (model, screen) => takeAgain(model, screen, true),
  },
];

function nothingTaken(screen: PreviewScreen): string | undefined {
  return screen.taken.value === undefined ? 'there is no preview yet' : undefined;
}

function noAction(model: Model, screen: PreviewScreen): string | undefined {
  return chosenAction(model, screen) === undefined ? 'there is no action under the cursor' : undefined;
}

/** The item of an action as a field of the selection is filled in; a table's name tells folders from content. */
function picked({item}: Action): Parameters<typeof selectionScreen>[2] {
  if (item.type === 'file') return {file: item.path};
  if (item.type === 'table') return {};
  const id = item.key.length === 1 ? item.key[0]! : JSON.stringify(item.key);
  return /folder/i.test(item.table) ? {folder: id} : {content: id};
}
