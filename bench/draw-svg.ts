import type xterm from '@xterm/headless';

/** Size of a cell in pixels, of a font of 14 pixels. */
const cell = {width: 8.4, height: 18} as const;
const margin = 12;

/** The 16 colours of a terminal on a dark ground, by their number. */
const palette = [
  ...['#3b4252', '#e06c75', '#98c379', '#e5c07b', '#61afef', '#c678dd', '#56b6c2', '#d8dee9'],
  ...['#5c6370', '#ff7b86', '#b5e890', '#ffd68a', '#7cc4ff', '#e29cf5', '#6fd3df', '#ffffff'],
] as const;
const ground = '#1e222a';
const ink = '#d8dee9';

type Style = {
  readonly fill: string;
  readonly ground: string;
  readonly bold: boolean;
  readonly dim: boolean;
};
type Run = {readonly column: number; text: string; cells: number; readonly style: Style};

/** What a terminal shows, as an SVG picture: text as text, so that it can be searched and read aloud. */
export function drawSvg(terminal: xterm.Terminal, title: string): string {
  const width = Math.ceil(terminal.cols * cell.width + 2 * margin);
  const height = terminal.rows * cell.height + 2 * margin;
  const rows = Array.from({length: terminal.rows}, (_, row) => drawRow(terminal, row)).join('');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="100%" height="100%" rx="8" fill="${ground}"/>`,
    `<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14" fill="${ink}" xml:space="preserve">`,
    `${rows}</g>`,
    '</svg>',
    '',
  ].join('\n');
}

function drawRow(terminal: xterm.Terminal, row: number): string {
  const y = margin + row * cell.height;
  return runsOf(terminal, row)
    .filter(({text, style}) => text.trim() !== '' || style.ground !== ground)
    .map(({column, text, cells, style}) => {
      const x = round(margin + column * cell.width);
      const width = round(cells * cell.width);
      const back =
        style.ground === ground
          ? ''
          : `<rect x="${x}" y="${y}" width="${width}" height="${cell.height}" fill="${style.ground}"/>`;
      const marks = `${style.bold ? ' font-weight="bold"' : ''}${style.dim ? ' opacity="0.6"' : ''}`;
      const fill = style.fill === ink ? '' : ` fill="${style.fill}"`;
      return `${back}<text x="${x}" y="${y + 14}" textLength="${width}"${fill}${marks}>${escapeXml(text)}</text>\n`;
    })
    .join('');
}

/** Cells of one style beside each other, as one text. */
function runsOf(terminal: xterm.Terminal, row: number): Run[] {
  const line = terminal.buffer.active.getLine(row);
  const runs: Run[] = [];
  for (let column = 0; column < terminal.cols; column++) {
    const found = line?.getCell(column);
    if (found === undefined || found.getWidth() === 0) continue;
    const style = styleOf(found);
    const last = runs.at(-1);
    const text = found.getChars() || ' ';
    if (last !== undefined && JSON.stringify(last.style) === JSON.stringify(style)) {
      last.text += text;
      last.cells += found.getWidth();
    } else runs.push({column, text, cells: found.getWidth(), style});
  }
  return runs;
}

function styleOf(found: xterm.IBufferCell): Style {
  const front = found.isFgDefault() ? ink : (palette[found.getFgColor()] ?? ink);
  const back = found.isBgDefault() ? ground : (palette[found.getBgColor()] ?? ground);
  const inverse = found.isInverse() !== 0;
  return {
    fill: inverse ? back : front,
    ground: inverse ? front : back,
    bold: found.isBold() !== 0,
    dim: found.isDim() !== 0,
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
