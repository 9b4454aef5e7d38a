import type {Model} from '../model.js';
import {drawFrame} from './frame.js';
import {paintFrame} from './paint-frame.js';
import {TerminalScreen} from './terminal-screen.js';

export type View = {
  /** Draws the model at once: an operator waits for what a key did. */
  drawNow(model: Model): void;
  /** Draws the model soon; of several that come close together only the last. */
  draw(model: Model): void;
  /** Resolves when what was drawn has been handed to the terminal. */
  flushed(): Promise<void>;
  /** Gives the terminal back for a while; what is answered takes it again and draws everything anew. */
  suspend(): () => void;
  unmount(): void;
  /** Rejects when drawing failed, which is a defect; the terminal has been given back by then. */
  readonly broken: Promise<never>;
};

/** Frames of what happens by itself; more of them nobody sees. */
const frameMs = 1000 / 60;

/** The alternate screen, without a cursor. */
const screen = {on: '\x1b[?1049h\x1b[?25l', off: '\x1b[?1049l\x1b[?25h'} as const;
/** A terminal that knows synchronized updates shows a frame at once, however it arrives; others ignore this. */
const update = {begin: '\x1b[?2026h', end: '\x1b[?2026l'} as const;

/** Puts the console on the alternate screen of a terminal. */
export function mountView(first: Model, stdout: NodeJS.WriteStream): View {
  const shown = new TerminalScreen();
  const broken = Promise.withResolvers<never>();
  // Whoever opens the console listens a moment later.
  broken.promise.catch(() => {});
  let wanted = first;
  let drawn: Model | undefined;
  let drawnAt = 0;
  let timer: NodeJS.Timeout | undefined;
  let owns = false;

  function take(): void {
    owns = true;
    shown.forget();
    drawn = undefined;
    send(stdout, screen.on);
  }

  function giveBack(): void {
    clearTimeout(timer);
    timer = undefined;
    if (owns) send(stdout, screen.off);
    owns = false;
  }

  function want(model: Model): void {
    // What a terminal shows in the room that it got is its own choice, and so is what it took away.
    if (model.columns !== wanted.columns || model.rows !== wanted.rows) shown.forget();
    wanted = model;
  }

  function drawWanted(): void {
    clearTimeout(timer);
    timer = undefined;
    if (!owns || drawn === wanted) return;
    drawn = wanted;
    drawnAt = performance.now();
    try {
      const changes = shown.show(paintFrame(drawFrame(drawn)), drawn.columns);
      if (changes !== '') send(stdout, update.begin + changes + update.end);
    } catch (error) {
      giveBack();
      broken.reject(error);
    }
  }

  // A process that ends in any other way must not leave its terminal like this.
  process.once('exit', giveBack);
  take();
  drawWanted();
  return {
    drawNow(model) {
      want(model);
      drawWanted();
    },
    draw(model) {
      want(model);
      const waitMs = drawnAt + frameMs - performance.now();
      if (waitMs <= 0) drawWanted();
      else timer ??= setTimeout(drawWanted, waitMs);
    },
    flushed() {
      drawWanted();
      return new Promise(resolve => {
        if (stdout.destroyed || !stdout.writable) resolve();
        else stdout.write('', () => resolve());
      });
    },
    suspend() {
      giveBack();
      return () => {
        take();
        drawWanted();
      };
    },
    unmount() {
      process.off('exit', giveBack);
      giveBack();
    },
    broken: broken.promise,
  };
}

/** A terminal that is gone reports it by an event; there is nothing to do here. */
function send(stdout: NodeJS.WriteStream, text: string): void {
  if (stdout.destroyed || !stdout.writable) return;
  try {
    stdout.write(text);
  } catch {
    // See above.
  }
}
