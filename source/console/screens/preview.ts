import {formatAge} from '../format.js';
import {emptyList, listContent} from '../list.js';
import {say} from '../message.js';
import {type Model, type Step, step} from '../model.js';
import {pop, replaceScreen} from '../navigate.js';
import {actionsOf, chosenAction, toneOfAction} from '../preview/action-list.js';
import {putItem} from '../preview/diff-pane.js';
import {drawItem} from '../preview/draw-item.js';
import {drawCounts, drawWaiting} from '../preview/draw-preview.js';
import {groupList} from '../preview/group-list.js';
import {viewOf} from '../preview/item-view.js';
import {previewBindings} from '../preview/preview-bindings.js';
import type {PreviewScreen} from '../preview/preview-screen.js';
import {takePreview} from '../preview/take-preview.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {drawList, listOverhead} from '../view/draw-list.js';
import {type Block, dim, line} from '../view/lines.js';

/** What the next run would change, on each side; read-only (E13). */
export const preview: ScreenDefinition<PreviewScreen> = {
  title: screen =>
    screen.initial
      ? 'preview of the initial sync'
      : `${screen.saved === undefined ? 'preview' : 'saved plan of'} ${screen.profile}${screen.select === undefined ? '' : `, ${screen.select.length} selected`}`,
  context: (screen, model) => {
    const value = screen.taken.value;
    if (value === undefined) return {left: line(dim(' nothing is changed by looking'))};
    const age = screen.taken.at === undefined ? '' : ` taken ${formatAge(model.now - screen.taken.at)}`;
    return {
      left: line(
        dim(
          ` plan ${value.plan.hash.slice(0, 8)}${age}${value.firstRun ? ', first run: files go both ways' : ''}`,
        ),
      ),
      right: line(dim('read-only ')),
    };
  },
  needs: ['relationships', 'profiles'],
  opened: takePreview,
  closed: screen => [{type: 'stop', screen: screen.id}],
  settle: describeVisible,
  list: (screen, model) => {
    if (screen.groups !== undefined)
      return {
        spec: groupList(screen),
        state: screen.groups,
        put: (before, groups) => ({...before, groups}),
      };
    return screen.pane === 'list'
      ? {
          spec: actionsOf(screen, model),
          state: screen.list,
          put: (before, list) => ({...before, list, diffTop: 0}),
        }
      : undefined;
  },
  pageRows: (_screen, model) => Math.max(1, panes(model.rows - 6).list - listOverhead),
  bindings: previewBindings,
  back: (screen, model) => {
    if (screen.pane === 'diff') return step(replaceScreen(model, {...screen, pane: 'list'}));
    const {group, groups, ...rest} = screen;
    // From the actions of a group back to the groups, from there to all actions.
    if (group !== undefined) return step(replaceScreen(model, {...rest, groups: emptyList}));
    return step(groups === undefined ? pop(model) : replaceScreen(model, rest));
  },
  receive: (screen, model, answer) => {
    switch (answer.kind) {
      case 'preview-progress':
        return step(
          replaceScreen(model, {...screen, progress: answer.text, startedAt: screen.startedAt ?? model.now}),
        );
      case 'preview-taken':
        return step(
          replaceScreen(model, {...screen, taken: {loading: false, value: answer.preview, at: answer.at}}),
        );
      case 'fault':
        return step(
          replaceScreen(model, {...screen, taken: {...screen.taken, loading: false, fault: answer.fault}}),
        );
      case 'item-shown':
        return putItem(model, screen, answer.actionId, {loading: false, value: answer, at: model.now});
      case 'described': {
        const details = Object.fromEntries(answer.details.map(detail => [detail.id, detail]));
        return step(replaceScreen(model, {...screen, details: {...screen.details, ...details}}));
      }
      case 'item-fault':
        return putItem(model, screen, answer.actionId, {loading: false, fault: answer.fault});
      case 'saved':
        return step(say(model, 'info', answer.text));
      default:
        return step(model);
    }
  },
  draw: (screen, model, area): readonly Block[] => {
    const value = screen.taken.value;
    if (value === undefined) return [{kind: 'lines', lines: drawWaiting(screen, model, area)}];
    const head = drawCounts(screen, model, value, area.width);
    if (screen.groups !== undefined)
      return [
        {kind: 'lines', lines: head},
        ...drawList(
          groupList(screen),
          screen.groups,
          {
            caption: 'tables and folders',
            source: screen.taken,
            empty: ['Nothing to do: both sides are in step.'],
            tone: row => (row.ids.every(id => screen.leftOut.has(id)) ? 'dim' : undefined),
          },
          model,
          {width: area.width, height: area.height - head.length},
        ),
      ];
    const {diff} = panes(area.height - head.length);
    const action = chosenAction(model, screen);
    const diffLines =
      diff === 0 || action === undefined
        ? []
        : drawItem(action, viewOf(screen, action), screen.diffTop, screen.pane === 'diff', {
            width: area.width,
            height: diff,
          });
    return [
      {kind: 'lines', lines: head},
      ...drawList(
        actionsOf(screen, model),
        screen.list,
        {
          caption: screen.group === undefined ? 'actions' : `actions in ${screen.group}`,
          source: screen.taken,
          empty: ['Nothing to do: both sides are in step.'],
          tone: row => (screen.leftOut.has(row.id) ? 'dim' : toneOfAction(row)),
          active: screen.pane === 'list',
        },
        model,
        {width: area.width, height: area.height - head.length - diffLines.length},
      ),
      {kind: 'lines', lines: diffLines},
    ];
  },
};

function panes(height: number): {list: number; diff: number} {
  const diff = Math.min(Math.floor(height * 0.4), Math.max(0, height - listOverhead - 3));
  return {list: height - diff, diff};
}

/** Asks for titles and changed columns of the rows that are in sight or near, once for each, and many at a time. */
function describeVisible(screen: PreviewScreen, model: Model): Step | undefined {
  const plan = screen.taken.value?.plan;
  if (plan === undefined) return undefined;
  const {rows, cursor} = listContent(actionsOf(screen, model), screen.list);
  const unknownWithin = (distance: number) =>
    rows
      .slice(Math.max(0, cursor - distance), cursor + distance)
      .flatMap(action => (action.item.type !== 'row' || action.id in screen.details ? [] : [action.id]));
  if (unknownWithin(model.rows).length === 0) return undefined;
  const actionIds = unknownWithin(2 * model.rows);
  const asked = Object.fromEntries(actionIds.map(id => [id, undefined]));
  return step(replaceScreen(model, {...screen, details: {...screen.details, ...asked}}), {
    type: 'describe',
    screen: screen.id,
    relationship: screen.relationship,
    plan,
    actionIds,
  });
}
