import {countOf} from '../core/count-of.js';
import type {Action, PlanCounts, SideCounts} from '../core/plan.js';
import type {Engine, PreviewResult} from '../engine/engine.js';
import {type DescribedAction, describeActions, otherSide, phraseOf} from './action-details.js';
import type {CommandContext} from './command-context.js';
import {formatItem, printable} from './format.js';

/**
 * Prints a preview (E13). That a run of it would be refused is part of what it shows, not a failure to show it.
 * @param options `own`: what comes is each site's own old version, so the sites are not compared
 */
export async function showPreview(
  context: CommandContext,
  engine: Engine,
  preview: PreviewResult,
  options: {diff: boolean; own?: boolean},
): Promise<void> {
  const details = options.own === true ? new Map() : await describeActions(engine, preview, options);
  if (context.options.json) context.output.document(documentOf(preview, details));
  else await print(context, preview, details, options.diff);
  for (const warning of preview.warnings ?? []) context.output.tell(printable(warning));
  if (preview.refusal === undefined) return;
  const {code, message, hint} = preview.refusal;
  context.output.tell(
    printable(
      `A run of this would be refused. ${code}: ${message}${hint === undefined ? '' : `\n  ${hint}`}`,
    ),
  );
}

/** The document of CLI.md: what scripts may rely on, without what only the engine needs. */
function documentOf(preview: PreviewResult, details: ReadonlyMap<string, DescribedAction>) {
  const {plan} = preview;
  return {
    relationship: preview.relationship,
    profile: preview.profile,
    planHash: plan.hash,
    takenAt: preview.takenAt,
    ...(preview.firstRun ? {firstRun: true} : {}),
    ...(preview.refusal === undefined ? {} : {refusal: preview.refusal}),
    ...(preview.missing === undefined ? {} : {missing: preview.missing}),
    ...(preview.warnings === undefined ? {} : {warnings: preview.warnings}),
    actions: plan.actions.map(action => ({
      id: action.id,
      side: action.side,
      ...(action.member === undefined ? {} : {member: action.member}),
      kind: action.kind,
      item: action.item,
      ...(action.reason === undefined ? {} : {reason: action.reason}),
      ...(action.winner === undefined ? {} : {winner: action.winner}),
      ...(action.conflict === undefined ? {} : {conflict: action.conflict}),
      ...(action.collision === undefined ? {} : {collision: action.collision}),
      ...(action.counted === undefined ? {} : {counted: action.counted}),
      ...details.get(action.id),
    })),
    counts: plan.counts,
  };
}

const words = {create: 'new', update: 'upd', delete: 'del', conflict: 'cnf', skip: 'skip'} as const;

async function print(
  {output}: CommandContext,
  preview: PreviewResult,
  details: ReadonlyMap<string, DescribedAction>,
  diff: boolean,
): Promise<void> {
  const {plan} = preview;
  output.print(printable(`${preview.relationship}/${preview.profile}  plan ${plan.hash.slice(0, 8)}`));
  output.print(describeCounts(plan.counts));
  if (preview.firstRun) output.print('first run: files go both ways, whatever the direction of the profile');
  for (const {member, error} of preview.missing ?? [])
    output.tell(printable(`${member} would be left behind: ${error.message}`));
  if (plan.actions.length === 0) return;
  const {renderTable} = await import('./table.js');
  output.print(
    `\n${renderTable(
      [{title: 'WHERE'}, {title: ''}, {title: 'ITEM'}, {title: 'WHAT'}],
      plan.actions.map(action => [
        printable(placeOf(action)),
        output.look(lookOf(action), words[action.kind]),
        printable(nameOf(action, details.get(action.id))),
        printable(phraseOf(action, details.get(action.id))),
      ]),
    )}`,
  );
  for (const action of plan.actions) {
    const text = details.get(action.id)?.diff;
    if (text !== undefined && text !== '') output.print(`\n${printable(text.trimEnd())}`);
    const changed = details.get(action.id)?.changed ?? [];
    if (!diff || changed.length === 0) continue;
    output.print(`\n${printable(nameOf(action, details.get(action.id)))}`);
    for (const values of changed) {
      if (action.kind !== 'create')
        output.print(printable(`- ${values.column}: ${shown(values[action.side])}`));
      if (action.kind !== 'delete')
        output.print(printable(`+ ${values.column}: ${shown(values[otherSide(action.side)])}`));
    }
  }
}

/** Which side a change is made at, or who wins; of a cluster the member. */
function placeOf({kind, winner, side, member}: Action): string {
  const place = kind === 'conflict' ? `${winner ?? '-'} wins` : side;
  return member === undefined ? place : `${place} ${member}`;
}

function nameOf(action: Action, details: DescribedAction | undefined): string {
  const name = formatItem(action.item);
  return details?.title === undefined ? name : `${name} "${details.title}"`;
}

/** A value as a person should see it; NULL and the empty text differ. */
function shown(value: string | null): string {
  return value === null ? 'NULL' : JSON.stringify(value);
}

function lookOf(action: Action) {
  return action.kind === 'delete' || action.kind === 'conflict'
    ? 'bad'
    : action.kind === 'skip'
      ? 'careful'
      : 'good';
}

/** `to remote: 3 create, 41 update, 1 delete   to local: nothing   1 conflict   0 skipped`. */
function describeCounts(counts: PlanCounts): string {
  const side = (name: string, {create, update, delete: deleted}: SideCounts) =>
    create + update + deleted === 0
      ? `to ${name}: nothing`
      : `to ${name}: ${create} create, ${update} update, ${deleted} delete`;
  return [
    side('remote', counts.remote),
    side('local', counts.local),
    countOf(counts.conflicts, 'conflict'),
    `${counts.skipped} skipped`,
  ].join('    ');
}
