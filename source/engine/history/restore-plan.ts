import type {Change} from '../../core/change.js';
import {countOf} from '../../core/count-of.js';
import {type DraftAction, finishPlan} from '../../core/finish-plan.js';
import {type ItemRef, itemId, refOf} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import type {Operation, Plan} from '../../core/plan.js';
import {restoreChange, type UndoPlan} from '../../core/undo.js';
import {findChanges} from '../../protocol/history-endpoints.js';
import type {SiteEnd} from '../connect-sites.js';
import type {RestoreTarget} from '../engine.js';
import {lookUp, streamOf} from '../look-up.js';
import type {PlanObserver} from '../make-plan.js';
import {scanSiteAt} from '../scan-sites.js';
import {recordsById} from './undo-plan.js';

/**
 * What a restore would do at a site (E10): each old version comes back as a new edit. The plan's actions are those of
 * one side only.
 * @throws OperatorError as `findRestorable`
 */
export async function makeRestorePlan(
  end: SiteEnd,
  targets: readonly RestoreTarget[],
  observer: PlanObserver,
): Promise<UndoPlan> {
  const {signal, progress} = observer;
  const scan = await observer.phase('scan', () =>
    scanSiteAt(end, {files: true, database: true, acceptRoot: false}, {signal, onProgress: progress('scan')}),
  );
  const changes = await observer.phase('changes', () => findRestorable(end, targets, signal));
  return await observer.phase(
    'reconcile',
    async () => {
      const refs = changes.map(({item}) => item);
      const now = recordsById(refs, await lookUp(end, refs, signal));
      const sources = new Map<Operation, string>();
      const drafts = changes.flatMap((change): DraftAction[] => {
        const {item, id} = change;
        const record = now.get(itemId(item));
        const replica = item.type === 'file' ? scan.fileReplica : (scan.database?.replica ?? '');
        const decision = restoreChange(change, record, replica);
        if (decision.kind === 'nothing') return [];
        const before = record === undefined ? {} : {before: {[end.side]: record}};
        const common = {side: end.side, item: refOf(item), ...before};
        if (decision.kind === 'kept')
          return [{...common, kind: 'skip', reason: decision.reason, operations: []}];
        sources.set(decision.operation, id);
        return [
          {
            ...common,
            kind: decision.action,
            reason: `as it was before ${change.runId}`,
            operations: [{side: end.side, operation: decision.operation}],
          },
        ];
      });
      const plan: Plan = finishPlan(drafts, []);
      return {plan, sources};
    },
    ({plan}) => countOf(plan.actions.length, 'action'),
  );
}

/**
 * The changes whose old versions are meant, in the order of the targets.
 * @throws OperatorError NOT_FOUND for an entry that history does not have, USAGE for one that keeps no old version
 */
export async function findRestorable(
  end: SiteEnd,
  targets: readonly RestoreTarget[],
  signal: AbortSignal,
): Promise<readonly Change[]> {
  const reply = await end.client.call(findChanges, {
    params: {site: end.site.name},
    body: streamOf(targets),
    signal,
  });
  const found = await Array.fromAsync(reply);
  const changes = targets.map((target, index) => {
    const change = found[index] ?? undefined;
    if (change === undefined)
      throw new OperatorError(
        'NOT_FOUND',
        'id' in target
          ? `The history of ${end.server.name}/${end.site.name} has no entry ${target.id}.`
          : `The history of ${end.server.name}/${end.site.name} has no old version of ${nameOf(target.item)}.`,
        {hint: `\`lockstep history list ${end.server.name}/${end.site.name}\` shows what there is.`},
      );
    if (!change.restorable || change.before === undefined)
      throw new OperatorError('USAGE', `There is no old version of ${nameOf(change.item)} in ${change.id}.`, {
        hint: 'An entry that is restorable keeps what was there before; a creation replaced nothing.',
      });
    return change;
  });
  const items = new Set(changes.map(({item}) => itemId(item)));
  if (items.size < changes.length)
    throw new OperatorError('USAGE', 'Two of the entries are about the same item.', {
      hint: 'Name the one whose old version shall come back.',
    });
  return changes;
}

function nameOf(item: ItemRef): string {
  switch (item.type) {
    case 'file':
      return item.path;
    case 'row':
      return `${item.table}:${item.key.length === 1 ? item.key[0] : JSON.stringify(item.key)}`;
    case 'table':
      return `the table ${item.table}`;
  }
}
