import {dim, type Line, line, type Marker, toneOfMarker} from './lines.js';

/** Steps of some work in order, each with its marker; one without was passed over or is still to come. */
export function drawSteps(
  steps: readonly {readonly name: string; readonly marker: Marker | undefined}[],
  width: number,
): Line[] {
  const lines: Line[] = [];
  let current: Line = line(' ');
  let used = 1;
  for (const {name, marker} of steps) {
    const text = `${name} ${marker ?? '-'}`;
    if (used + text.length + 2 > width) {
      lines.push(current);
      current = line(' ');
      used = 1;
    }
    const shown =
      marker === undefined ? dim(text) : {text, tone: toneOfMarker(marker), bold: marker === 'run'};
    current = [...current, shown, {text: '  '}];
    used += text.length + 2;
  }
  return [...lines, current];
}
