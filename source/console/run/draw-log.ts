import {formatClock} from '../format.js';
import type {Model} from '../model.js';
import type {LogLine, RunScreen} from '../screens/run.js';
import {dim, type Line, line, wrap} from '../view/lines.js';

/** The end of the log, or as far up as it was scrolled: every line whole, however many lines of the screen it takes. */
export function drawLog({log, scroll}: RunScreen, model: Model, width: number, height: number): Line[] {
  // The first page stays full when it is scrolled to.
  let first = 0;
  for (let used = 0; first < log.length; first++) {
    used += drawEntry(log[first]!, model, width).length;
    if (used > height) break;
  }
  const end = Math.max(first, log.length - scroll);
  const lines: Line[] = [];
  for (let at = end - 1; at >= 0 && lines.length < height; at--)
    lines.unshift(...drawEntry(log[at]!, model, width));
  return height <= 0 ? [] : lines.slice(-height);
}

function drawEntry({at, text, tone}: LogLine, model: Model, width: number): Line[] {
  const clock = ` ${formatClock(Date.parse(at), model.time)} `;
  return wrap(text, width - clock.length - 1).map((part, index) =>
    line(dim(index === 0 ? clock : ' '.repeat(clock.length)), {
      text: part,
      ...(tone === undefined ? {} : {tone}),
    }),
  );
}
