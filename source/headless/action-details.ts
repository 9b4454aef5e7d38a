import {formatSize} from '../core/byte-size.js';
import type {Action, Side} from '../core/plan.js';
import type {ActionDetail, Engine, PreviewResult, ShownItem} from '../engine/engine.js';
import {formatTime} from './format.js';

/** What a preview tells of an action: what the engine knows of it and, with `--diff`, a unified diff of a text. */
export type DescribedAction = ActionDetail & {readonly diff?: string};

/** So many actions are looked up unless a diff is asked for: a plan may have a million, an eye reads few. */
const describedActions = 1000;
/** Actions that are asked for in one go. */
const batch = 250;

/** Looks up what can be told of a plan's actions, by action id. */
export async function describeActions(
  engine: Engine,
  preview: PreviewResult,
  options: {diff: boolean},
): Promise<ReadonlyMap<string, DescribedAction>> {
  const details = new Map<string, DescribedAction>();
  const all = preview.plan.actions.filter(action => action.kind !== 'skip');
  const wanted = options.diff ? all : all.slice(0, describedActions);
  for (let start = 0; start < wanted.length; start += batch) {
    const ids = wanted.slice(start, start + batch).map(action => action.id);
    for (const detail of await engine.describe(preview.relationship, preview.plan, ids))
      details.set(detail.id, detail);
  }
  if (options.diff) await addDiffs(engine, preview, wanted.filter(changesContent), details);
  return details;
}

/** A touch moves no content, so there is nothing to compare. */
function changesContent(action: Action): boolean {
  return action.item.type === 'file' && action.operations[0]?.operation.op !== 'touch';
}

async function addDiffs(
  engine: Engine,
  preview: PreviewResult,
  actions: readonly Action[],
  details: Map<string, DescribedAction>,
): Promise<void> {
  if (actions.length === 0) return;
  const [{default: pMap}, diff] = await Promise.all([import('p-map'), import('diff')]);
  await pMap(
    actions,
    async action => {
      const shown = await engine.show(preview.relationship, preview.plan, action.id);
      const before = shown[action.side];
      const after = shown[otherSide(action.side)];
      const [old, now] = [textOf(before), textOf(after)];
      if (action.item.type !== 'file' || old === undefined || now === undefined || old === now) return;
      const {path} = action.item;
      const patch = diff.createTwoFilesPatch(
        before.type === 'absent' ? '/dev/null' : `a/${path}`,
        after.type === 'absent' ? '/dev/null' : `b/${path}`,
        old,
        now,
        undefined,
        undefined,
        {headerOptions: diff.FILE_HEADERS_ONLY},
      );
      details.set(action.id, {id: action.id, ...details.get(action.id), diff: patch});
    },
    {concurrency: 8},
  );
}

/** The text that a diff compares; undefined for what is no text. */
function textOf(item: ShownItem): string | undefined {
  return item.type === 'text' ? item.text : item.type === 'absent' ? '' : undefined;
}

/** For a conflict too: the side that loses gets the other side's version, as with any other change. */
export function otherSide(side: Side): Side {
  return side === 'local' ? 'remote' : 'local';
}

/** One phrase for a table's last column: sizes and times of files, changed columns of rows, reasons. */
export function phraseOf(action: Action, detail: DescribedAction | undefined): string {
  const phrases: string[] = [];
  const before = detail?.file?.[action.side];
  const after = action.kind === 'delete' ? undefined : detail?.file?.[otherSide(action.side)];
  if (before !== undefined && after !== undefined && before.size !== after.size)
    phrases.push(`${formatSize(before.size)} -> ${formatSize(after.size)}`);
  else if ((after ?? before) !== undefined) phrases.push(formatSize((after ?? before)!.size));
  if (after !== undefined) phrases.push(formatTime(after.mtime));
  if (action.kind !== 'create' && action.kind !== 'delete' && detail?.changed !== undefined)
    phrases.push(detail.changed.map(({column}) => column).join(', '));
  if (action.conflict !== undefined) phrases.push(action.conflict);
  if (action.reason !== undefined) phrases.push(action.reason);
  return phrases.join('  ');
}
