import type {Binding} from './bindings.js';
import type {Command} from './command.js';
import type {Answer} from './events.js';
import type {Form, FormRules} from './form.js';
import type {Key} from './key-splitter.js';
import type {ListSpec, ListState} from './list.js';
import type {Model, Step} from './model.js';
import type {Screen} from './screen.js';
import type {Shared} from './shared-data.js';
import type {Area, Block, Line} from './view/lines.js';

/** A list that a screen shows, and how to put back its state after a key. */
export type ScreenList<S extends Screen> = {
  readonly spec: ListSpec<unknown>;
  readonly state: ListState;
  put(screen: S, state: ListState): S;
};

/** Everything that makes a screen, except Ink. All functions are pure. */
export type ScreenDefinition<S extends Screen> = {
  /** Its part of the breadcrumb. */
  title(screen: S, model: Model): string;
  /** Second line of the screen. */
  context(screen: S, model: Model): {readonly left: Line; readonly right?: Line};
  readonly bindings: readonly Binding<S>[];
  /** Data that is fetched when the screen opens and again every few seconds while it is in sight. */
  readonly needs: readonly Shared[];
  /** More to do when the screen opens. */
  opened?(screen: S, model: Model): readonly Command[];
  /** Asks for what only this screen shows: when it comes into sight, and again while it is. */
  refresh?(screen: S, model: Model): Step;
  /** Milliseconds between two refreshes while it is in sight; a number of seconds by default. */
  refreshEveryMs?(screen: S, model: Model): number;
  /** After every event, while it is in sight: what it lacks for the rows that can be seen. */
  settle?(screen: S, model: Model): Step | undefined;
  /** What to end when the screen closes. */
  closed?(screen: S, model: Model): readonly Command[];
  /** The list that arrows, filter and order act on. */
  list?(screen: S, model: Model): ScreenList<S> | undefined;
  /** Rows of the list on one page; PgUp and PgDn move by it. */
  pageRows?(screen: S, model: Model): number;
  /** Takes all characters for itself (a form). Undefined when the key means nothing to it. */
  type?(screen: S, model: Model, key: Key): Step | undefined;
  /** The form that it consists of, and what is wrong with it; for whatever does not draw it. */
  form?(screen: S, model: Model): {readonly form: Form; readonly rules: FormRules};
  paste?(screen: S, model: Model, text: string): Step;
  /** Instead of simply going back. */
  back?(screen: S, model: Model): Step;
  receive?(screen: S, model: Model, answer: Answer): Step;
  draw(screen: S, model: Model, area: Area): readonly Block[];
};
