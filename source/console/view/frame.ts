import {showKey} from '../bindings.js';
import {attention, runningRuns} from '../describe.js';
import {formatAge, formatClock} from '../format.js';
import {allBindings, definitionOf} from '../key-tables.js';
import type {Model} from '../model.js';
import {currentScreen} from '../navigate.js';
import {drawConfirm} from '../overlays/confirm.js';
import {drawHelp} from '../overlays/help.js';
import {drawPalette} from '../overlays/palette.js';
import {rolloutsAtWork} from '../rollouts/describe-rollout.js';
import {
  type Area,
  type Block,
  blank,
  blockHeight,
  bold,
  cut,
  cutLeft,
  dim,
  fitLine,
  type Line,
  line,
  type Span,
  spread,
  textOf,
  widthOf,
  wrap,
} from './lines.js';

/** Smaller terminals cannot show a screen and its keys. */
export const smallest = {columns: 60, rows: 15} as const;

/** A whole screen; `body` is exactly as high as is left between the other lines. */
export type Frame = {
  readonly header: Line;
  readonly context: Line;
  readonly body: readonly Block[];
  readonly message: Line;
  readonly footer: Line;
};

/** The lines of a frame besides its body. */
export const frameLines = 4;

/** Draws the model: every line is exactly as wide as the terminal, and there are exactly as many as it has. */
export function drawFrame(model: Model): Frame {
  const area: Area = {width: model.columns, height: model.rows - frameLines};
  if (model.columns < smallest.columns || model.rows < smallest.rows) return drawTooSmall(model);
  const screen = currentScreen(model);
  const context = definitionOf(screen).context(screen, model);
  return {
    header: drawHeader(model),
    context: spread(context.left, context.right ?? [], area.width),
    body: fitBody(drawBody(model, area), area),
    message: fitLine(drawMessage(model), area.width),
    footer: fitLine(drawFooter(model, area.width), area.width),
  };
}

function drawBody(model: Model, area: Area): readonly Block[] {
  const {overlay} = model;
  switch (overlay?.kind) {
    case 'help':
      return [{kind: 'lines', lines: drawHelp(model, overlay.top, area)}];
    case 'palette':
      return [{kind: 'lines', lines: drawPalette(model, overlay, area)}];
    case 'confirm':
      return [{kind: 'lines', lines: drawConfirm(overlay, model, area)}];
    case undefined: {
      const screen = currentScreen(model);
      return definitionOf(screen).draw(screen, model, area);
    }
  }
}

function drawTooSmall(model: Model): Frame {
  const text = `This terminal has ${model.columns}x${model.rows}; the console needs ${smallest.columns}x${smallest.rows}. q leaves.`;
  const lines = wrap(text, Math.max(1, model.columns)).map(part => fitLine(line(part), model.columns));
  const at = (index: number): Line => lines[index] ?? fitLine(blank, model.columns);
  const area: Area = {width: model.columns, height: Math.max(0, model.rows - frameLines)};
  return {
    header: at(0),
    context: at(1),
    body: fitBody([{kind: 'lines', lines: lines.slice(2)}], area),
    message: fitLine(blank, area.width),
    footer: fitLine(blank, area.width),
  };
}

/** Cuts or fills the body to its height, and its lines to their width. A table too many is left out whole. */
function fitBody(blocks: readonly Block[], area: Area): readonly Block[] {
  const fitted: Block[] = [];
  let left = area.height;
  for (const block of blocks) {
    if (left <= 0) break;
    if (block.kind === 'lines') {
      const lines = block.lines.slice(0, left).map(text => fitLine(text, area.width));
      if (lines.length > 0) fitted.push({kind: 'lines', lines});
      left -= lines.length;
    } else if (blockHeight(block) <= left) {
      fitted.push(block);
      left -= blockHeight(block);
    }
  }
  if (left > 0) {
    fitted.push({kind: 'lines', lines: Array.from({length: left}, () => fitLine(blank, area.width))});
  }
  return fitted;
}

/** Breadcrumb to the left; home, badges and clock to the right. */
function drawHeader(model: Model): Line {
  const titles = model.stack.map(screen => definitionOf(screen).title(screen, model));
  const running = runningRuns(model).length + rolloutsAtWork(model).length;
  const worries = attention(model).length;
  const clock = formatClock(model.now, model.time);
  const badges: Span[] = [
    ...(running > 0 ? [{text: `  ${running} running`, tone: 'run' as const, bold: true}] : []),
    ...(worries > 0 ? [{text: `  ${worries} attention`, tone: 'warn' as const, bold: true}] : []),
  ];
  const fixed = widthOf(textOf(badges)) + clock.length + 3;
  const path = ['lockstep', ...(titles.length > 1 ? titles.slice(1) : titles)].join(' › ');
  const roomForHome = model.columns - fixed - widthOf(path) - 4;
  const home = roomForHome >= 12 ? [dim(`  ${cutLeft(model.home, roomForHome)}`)] : [];
  const left = line(bold(` ${cutLeft(path, model.columns - fixed - 2)}`));
  return spread(left, [...home, ...badges, {text: `  ${clock} `}], model.columns);
}

function drawMessage(model: Model): Line {
  const {message} = model;
  if (message === undefined) return blank;
  const age = ` ${formatAge(model.now - message.at)} `;
  const room = model.columns - 7 - age.length;
  // What has no room is read in full among the notices, which fields and questions keep the key of.
  const isCut = widthOf(message.text) > room && !message.passing && takesKeys(model);
  const start: Span =
    message.level === 'info'
      ? dim(' info ')
      : {text: message.level === 'warn' ? ' warn ' : ' fail ', tone: message.level};
  const text = cut(message.text, isCut ? room - readOn.length : room);
  return spread(line(start, text), line(...(isCut ? [bold(readOn)] : []), dim(age)), model.columns);
}

const readOn = '  M shows all ';

/** Whether letters are keys of the screen, and nothing that is typed. */
function takesKeys(model: Model): boolean {
  const screen = currentScreen(model);
  const definition = definitionOf(screen);
  return (
    model.overlay === undefined &&
    definition.type === undefined &&
    definition.list?.(screen, model)?.state.filtering !== true
  );
}

/** The keys that work here; those that are disabled are dim, and say why when pressed. */
function drawFooter(model: Model, width: number): Line {
  const {overlay} = model;
  if (overlay?.kind === 'help') return line(dim(' Up Down scroll   any other key closes'));
  if (overlay !== undefined) return line(dim(' Esc closes'));
  const screen = currentScreen(model);
  const list = definitionOf(screen).list?.(screen, model);
  if (list?.state.filtering) return line(dim(' type to filter   ⏎ keeps the filter   Esc clears it'));
  const labelled = allBindings(model, screen).flatMap(table =>
    table.bindings.filter(binding => binding.label),
  );
  // The last ones (keys, quit) always stay in sight; what has no room is in the help.
  const all = labelled.map(binding => ({
    key: showKey(binding.keys[0]),
    label: binding.label ?? '',
    disabled: binding.disabledBecause?.(model, screen) !== undefined,
    last: binding.keys[0] === '?' || binding.keys[0] === 'q' || binding.keys[0] === 'f1',
  }));
  // Of several meanings of a key the one that it has now.
  const parts = all.filter(part => {
    const same = all.filter(other => other.key === part.key);
    return part === (same.find(other => !other.disabled) ?? same[0]);
  });
  const sizeOf = (part: {key: string; label: string}) => widthOf(part.key) + part.label.length + 3;
  let room = width - 1 - parts.filter(part => part.last).reduce((sum, part) => sum + sizeOf(part), 0);
  const shown = parts.filter(part => {
    if (part.last) return true;
    room -= sizeOf(part);
    return room >= 0;
  });
  return line(
    ' ',
    ...shown.flatMap(part =>
      part.disabled ? [dim(`${part.key} ${part.label}  `)] : [bold(part.key), ` ${part.label}  `],
    ),
  );
}
