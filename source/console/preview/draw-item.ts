import {structuredPatch} from 'diff';
import type {Action} from '../../core/plan.js';
import type {ShownItem} from '../../engine/engine.js';
import {itemText} from '../describe.js';
import type {Loadable} from '../shared-data.js';
import {drawFault} from '../view/draw-list.js';
import {type Area, bold, cut, dim, type Line, line, marker, widthOf} from '../view/lines.js';
import type {ItemView} from './item-view.js';

/** The pane below the list: what an action changes, before and after (E13). @param top first line in sight */
export function drawItem(
  action: Action,
  item: Loadable<ItemView> | undefined,
  top: number,
  active: boolean,
  area: Area,
): Line[] {
  const lines = linesOf(action, item, area.width);
  const room = area.height - 1;
  const start = Math.max(0, Math.min(top, lines.length - room));
  const more =
    lines.length > room ? ` ${start + 1}-${Math.min(lines.length, start + room)} of ${lines.length} ` : '';
  const name = cut(itemText(action.item), area.width - 14 - more.length);
  const rule = '─'.repeat(Math.max(0, area.width - 5 - widthOf(name) - more.length));
  const title = line('── ', active ? bold(name) : dim(name), dim(` ${rule}${more}`));
  const visible = lines.slice(start, start + room);
  return [title, ...visible, ...Array<Line>(Math.max(0, room - visible.length)).fill([])];
}

/** Lines that the item has in all; scrolling ends there. */
export function viewHeight(action: Action, item: Loadable<ItemView> | undefined): number {
  return linesOf(action, item, 80).length;
}

function linesOf(action: Action, item: Loadable<ItemView> | undefined, width: number): readonly Line[] {
  if (item === undefined) return [line(' ', dim('⏎ shows both sides'))];
  if (item.fault !== undefined) return drawFault(item.fault, width);
  if (item.value === undefined) return [line(' ', marker('run'), ' asking both sides ...')];
  return diffOf(action, item.value);
}

// A diff of two long texts takes longer than a frame.
const diffs = new WeakMap<ItemView, readonly Line[]>();

function diffOf(action: Action, item: ItemView): readonly Line[] {
  const known = diffs.get(item);
  if (known) return known;
  const [before, after] = action.side === 'local' ? [item.local, item.remote] : [item.remote, item.local];
  const made = describeChange(before, action.kind === 'delete' ? {type: 'absent'} : after);
  diffs.set(item, made);
  return made;
}

function describeChange(before: ShownItem, after: ShownItem): readonly Line[] {
  if (before.type === 'row' || after.type === 'row') return rowLines(before, after);
  if (before.type === 'text' || after.type === 'text') {
    if (before.type === 'binary' || after.type === 'binary')
      return [...whole('-', before), ...whole('+', after)];
    return textLines(textIn(before), textIn(after));
  }
  return [...whole('-', before), ...whole('+', after)];
}

function textIn(item: ShownItem): string {
  return item.type === 'text' ? item.text : '';
}

function whole(sign: '-' | '+', item: ShownItem): Line[] {
  if (item.type === 'absent') return [line(dim(` ${sign} not there`))];
  const text =
    item.type === 'binary'
      ? item.description
      : item.type === 'text'
        ? `text, ${item.text.length} characters`
        : '';
  return [signed(sign, text)];
}

function signed(sign: '-' | '+', text: string): Line {
  return line(' ', {text: `${sign} ${text}`, tone: sign === '-' ? 'fail' : 'ok'});
}

/** Columns that differ, before and after; for a row that comes or goes, all of them. */
function rowLines(before: ShownItem, after: ShownItem): Line[] {
  const left = before.type === 'row' ? before.columns : {};
  const right = after.type === 'row' ? after.columns : {};
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  const changed = names.filter(name => left[name] !== right[name]);
  const same = names.length - changed.length;
  return [
    ...changed.flatMap(name => [
      line(' ', bold(name)),
      ...(before.type === 'row' ? [signed('-', valueText(left[name]))] : []),
      ...(after.type === 'row' ? [signed('+', valueText(right[name]))] : []),
    ]),
    ...(same > 0 ? [line(dim(` ${same} other ${same === 1 ? 'column is' : 'columns are'} the same`))] : []),
    ...(names.length === 0 ? [line(dim(' the row is on neither side'))] : []),
  ];
}

function valueText(value: string | null | undefined): string {
  return value === undefined
    ? '(no such column)'
    : value === null
      ? 'NULL'
      : value === ''
        ? "'' (empty)"
        : value;
}

const contextLines = 3;

function textLines(before: string, after: string): readonly Line[] {
  // `maxEditLength` keeps two entirely different long texts from taking forever.
  const patch = structuredPatch('', '', before, after, '', '', {context: contextLines, maxEditLength: 5000});
  if (patch === undefined) {
    return [
      line(dim(' too different to compare line by line')),
      signed('-', `${before.length} characters`),
      signed('+', `${after.length} characters`),
    ];
  }
  if (patch.hunks.length === 0)
    return [line(dim(' the text is the same on both sides; mode or time differ'))];
  return patch.hunks.flatMap(hunk => [
    line(dim(` @@ line ${hunk.oldStart} -> ${hunk.newStart} @@`)),
    ...hunk.lines.map(text => {
      const tone = text.startsWith('-') ? 'fail' : text.startsWith('+') ? 'ok' : undefined;
      const shown = ` ${text.slice(0, 1)} ${text.slice(1).replaceAll('\t', '  ')}`;
      return tone === undefined ? line(shown) : line({text: shown, tone});
    }),
  ]);
}
