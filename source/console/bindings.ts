import type {Key} from './key-splitter.js';
import type {Model, Step} from './model.js';
import type {Screen} from './screen.js';

/**
 * A key and what it does. Footer, help and the README's tables are made from these, so a key that works is a key
 * that is documented.
 */
export type Binding<S extends Screen = Screen> = {
  /** The first is the one that is shown. */
  readonly keys: readonly [Key, ...Key[]];
  /** Short text for the footer; absent for keys that only the help lists. */
  readonly label?: string;
  readonly description: string;
  /** Why the key does nothing at the moment. */
  disabledBecause?(model: Model, screen: S): string | undefined;
  run(model: Model, screen: S): Step;
};

const shownKeys: Readonly<Record<string, string>> = {
  enter: '⏎',
  backspace: 'Backspace',
  escape: 'Esc',
  ' ': 'Space',
  tab: 'Tab',
  'shift-tab': 'Shift-Tab',
  up: 'Up',
  down: 'Down',
  left: 'Left',
  right: 'Right',
  'page-up': 'PgUp',
  'page-down': 'PgDn',
  home: 'Home',
  end: 'End',
};

/** A key as it is written for people: `⏎`, `Ctrl-S`, `PgUp`. */
export function showKey(key: Key): string {
  const shown = shownKeys[key];
  if (shown !== undefined) return shown;
  if (/^f\d+$/.test(key)) return key.toUpperCase();
  return key.startsWith('ctrl-') ? `Ctrl-${key.slice(5).toUpperCase()}` : key;
}
