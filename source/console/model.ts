import {defaultSettings, type Settings} from '../core/settings.js';
import type {ServerCheck} from '../engine/engine.js';
import type {Command} from './command.js';
import type {TimeStyle} from './format.js';
import type {Message} from './message.js';
import type {Overlay} from './overlays/overlay.js';
import type {Screen} from './screen.js';
import type {OverviewScreen} from './screens/overview.js';
import {type Loadable, nothingLoaded, type SharedData, type SitePackages} from './shared-data.js';

/** Everything the console knows. Nothing outside of it decides what is drawn. */
export type Model = {
  readonly home: string;
  /** Size of the terminal, characters. */
  readonly columns: number;
  readonly rows: number;
  /** Epoch milliseconds of the last tick. */
  readonly now: number;
  readonly time: TimeStyle;
  /** What the operator has chosen for this home. */
  readonly settings: Settings;
  /** Whether the terminal shows colour and inverse; without, a text cursor is drawn as a character. */
  readonly colour: boolean;
  /** From the overview down to the screen in sight. */
  readonly stack: readonly Screen[];
  readonly nextScreenId: number;
  readonly overlay?: Overlay;
  readonly message?: Message;
  /** What the message line has said, oldest first. */
  readonly notices: readonly Message[];
  /** Where the operator was before, the last place last, and where `[` came back from (travel.ts). */
  readonly past: readonly (readonly Screen[])[];
  readonly future: readonly (readonly Screen[])[];
  readonly data: SharedData;
  /** What the checks of servers found, by name of the server. */
  readonly checks: Readonly<Record<string, Loadable<ServerCheck>>>;
  /** Package managers of sites that were opened, by `SERVER/SITE`. */
  readonly packages: Readonly<Record<string, Loadable<SitePackages>>>;
  /** When the screen in sight was last refreshed, epoch milliseconds. */
  readonly refreshedAt: number;
  /** A demo can be started from here; not from within one. */
  readonly offersDemo: boolean;
  /** Set when the operator left in order to see the demo. */
  readonly demoWanted: boolean;
  /** Set when the operator leaves; the terminal is given back and the process ends. */
  readonly leaving: boolean;
};

/** The pure answer to an event: what is now, and what is to be done outside. */
export type Step = {readonly model: Model; readonly commands: readonly Command[]};

export function step(model: Model, ...commands: readonly Command[]): Step {
  return {model, commands};
}

export function createModel(start: {
  home: string;
  columns: number;
  rows: number;
  now: number;
  timeZone: string;
  colour: boolean;
  offersDemo?: boolean;
  settings?: Settings;
  overview: Omit<OverviewScreen, 'id'>;
}): Model {
  return {
    home: start.home,
    columns: start.columns,
    rows: start.rows,
    now: start.now,
    time: {timeZone: start.timeZone, show: (start.settings ?? defaultSettings).times},
    settings: start.settings ?? defaultSettings,
    colour: start.colour,
    stack: [{...start.overview, id: 1}],
    nextScreenId: 2,
    notices: [],
    past: [],
    future: [],
    data: nothingLoaded,
    checks: {},
    packages: {},
    refreshedAt: start.now,
    offersDemo: start.offersDemo ?? false,
    demoWanted: false,
    leaving: false,
  };
}
