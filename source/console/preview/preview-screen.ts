import type {ActionDetail, PreviewResult} from '../../engine/engine.js';
import {emptyList, type ListState} from '../list.js';
import type {Loadable} from '../shared-data.js';
import type {ItemView} from './item-view.js';

export type PreviewScreen = {
  readonly kind: 'preview';
  readonly id: number;
  readonly relationship: string;
  readonly profile: string;
  /** A preview of the initial sync, which overwrites its destination. */
  readonly initial: boolean;
  /** Only these, as `--select` takes them (E20–E22); everything when absent. */
  readonly select?: readonly string[];
  /** File of a plan that was saved; it is shown as it is, and nothing is compared anew. */
  readonly saved?: string;
  /** The initial sync is to be forced (E15). */
  readonly force: boolean;
  readonly taken: Loadable<PreviewResult>;
  /** What is being done while the preview is taken. */
  readonly progress?: string;
  readonly startedAt?: number;
  readonly pane: 'list' | 'diff';
  readonly list: ListState;
  /** The actions are shown by table and folder; its list has a state of its own. */
  readonly groups?: ListState;
  /** Only the actions of this group are shown. */
  readonly group?: string;
  /** Ids of actions that the operator leaves out. */
  readonly leftOut: ReadonlySet<string>;
  /** Both sides of items, by action id, as far as they were looked at. */
  readonly items: Readonly<Record<string, Loadable<ItemView>>>;
  readonly diffTop: number;
  /** Titles and changed columns of the actions that were in sight; undefined while they are asked for. */
  readonly details: Readonly<Record<string, ActionDetail | undefined>>;
};

/** Name of the profile that an initial sync leaves behind (E6). */
export const initialProfile = 'Default DB profile1';

export function previewScreen(
  relationship: string,
  profile: string,
  options: {readonly initial?: boolean; readonly select?: readonly string[]; readonly saved?: string} = {},
): Omit<PreviewScreen, 'id'> {
  return {
    kind: 'preview',
    relationship,
    profile,
    initial: options.initial ?? false,
    ...(options.select === undefined ? {} : {select: options.select}),
    ...(options.saved === undefined ? {} : {saved: options.saved}),
    force: false,
    taken: {loading: true},
    pane: 'list',
    list: emptyList,
    leftOut: new Set(),
    items: {},
    diffTop: 0,
    details: {},
  };
}
