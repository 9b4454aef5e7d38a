import type {Command} from '../command.js';
import type {TextInput} from '../text-input.js';

/** What lies over the screen in sight and has the keyboard until it is answered. */
export type Overlay =
  | {readonly kind: 'help'; readonly top: number}
  | {readonly kind: 'palette'; readonly input: TextInput; readonly at: number}
  | ConfirmOverlay;

/**
 * Asks before something is done. `effects` is the table of what will happen; with `typeName` the name must be
 * typed, because Enter alone is too easily pressed.
 */
export type ConfirmOverlay = {
  readonly kind: 'confirm';
  readonly question: string;
  readonly effects: readonly (readonly [what: string, effect: string])[];
  readonly typeName?: string;
  readonly input: TextInput;
  readonly commands: readonly Command[];
  /** Leave the screen in sight when confirmed. */
  readonly thenBack: boolean;
};
