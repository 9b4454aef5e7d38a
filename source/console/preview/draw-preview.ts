import {countOf} from '../../core/count-of.js';
import type {PreviewResult} from '../../engine/engine.js';
import {relationshipOf, sideCountsText, sideName} from '../describe.js';
import {formatAge} from '../format.js';
import type {Model} from '../model.js';
import {drawFault} from '../view/draw-list.js';
import {type Area, blank, dim, type Line, line, marker, textOf, widthOf} from '../view/lines.js';
import {withoutLeftOut} from './leave-out.js';
import type {PreviewScreen} from './preview-screen.js';

/** While a preview is taken: what is being done and for how long; or why it failed. */
export function drawWaiting(screen: PreviewScreen, model: Model, area: Area): Line[] {
  if (screen.taken.fault !== undefined) {
    return [
      blank,
      ...drawFault(screen.taken.fault, area.width),
      blank,
      line('      ', dim('R tries again, Esc goes back')),
    ];
  }
  const waited =
    screen.startedAt === undefined ? '' : `  ${formatAge(model.now - screen.startedAt).replace(' ago', '')}`;
  return [
    blank,
    line('   ', marker('run'), ` ${screen.progress ?? 'comparing both sides'} ...${waited}`),
    line('        ', dim('Esc goes back; nothing is changed')),
  ];
}

/** What would change on each side, in numbers, and why a run would be refused. */
export function drawCounts(screen: PreviewScreen, model: Model, value: PreviewResult, width: number): Line[] {
  const {counts} = withoutLeftOut(value, screen.leftOut).plan;
  const entry = relationshipOf(model, screen.relationship);
  const out = screen.leftOut.size === 0 ? [] : [dim(`   ${screen.leftOut.size} left out`)];
  const conflicts = countOf(counts.conflicts, 'conflict');
  const remote = line(dim(` to ${sideName('remote', entry)}: `), sideCountsText(counts.remote), '  ');
  const local = line(dim(` to ${sideName('local', entry)}: `), sideCountsText(counts.local), '  ');
  const rest = line(` ${conflicts}  ${counts.skipped} skipped`, ...out);
  const oneLine = [...remote, ...local, ...rest];
  return [
    ...(widthOf(textOf(oneLine)) <= width ? [oneLine] : [remote, [...local, ...rest]]),
    ...(value.refusal === undefined ? [] : drawFault(value.refusal, width).slice(0, 4)),
  ];
}
