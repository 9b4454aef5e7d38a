import type {ItemRef} from '../core/item.js';
import {OperatorError} from '../core/operator-error.js';
import type {Action, Plan, Side} from '../core/plan.js';
import {isLive, otherSide} from '../core/take-over.js';
import {addressText, bothSides, closeSites, connectSites, type SiteEnds} from './connect-sites.js';
import type {ActionDetail, Engine, ShownItem} from './engine.js';
import {type EngineContext, findRelationship} from './engine-context.js';
import {show} from './look-up.js';
import {membersOf} from './members.js';

/** Columns that name a row for people, the first that it has. */
const titleColumns = ['title', 'name', 'subject', 'headline', 'label', 'username', 'login', 'email', 'slug'];

/** What the eye wants to see of a plan's actions (E13). */
export function createDescriptions(context: EngineContext): Pick<Engine, 'show' | 'describe'> {
  /** @param member of a cluster, `SERVER/SITE` */
  const connected = async <T>(
    name: string,
    member: string | undefined,
    work: (ends: SiteEnds) => Promise<T>,
  ): Promise<T> => {
    const state = await context.state.read();
    const relationship = findRelationship(state, name);
    const remote = membersOf(state, relationship).find(address => addressText(address) === member);
    const ends = await connectSites(context, state, {...relationship, ...(remote && {remote})});
    try {
      return await work(ends);
    } finally {
      closeSites(ends);
    }
  };
  return {
    async show(relationship, plan, actionId) {
      const action = findAction(plan, actionId);
      return await connected(relationship, action.member, async ends => {
        const [local, remote] = await Promise.all(bothSides.map(side => show(ends[side], [action.item])));
        return {local: local![0]!, remote: remote![0]!};
      });
    },

    async describe(relationship, plan, actionIds) {
      const wanted = new Set(actionIds);
      const actions = plan.actions.filter(({id}) => wanted.has(id));
      const details = new Map<string, ActionDetail>(
        actions.map(action => [action.id, describeFile(action)] as const),
      );
      const rows = actions.filter(({item}) => item.type === 'row');
      for (const [member, ofMember] of Map.groupBy(rows, action => action.member))
        await connected(relationship, member, async ends => {
          const [local, remote] = await Promise.all(
            bothSides.map(async side => {
              const shown = await show(
                ends[side],
                ofMember.map(action => rowToShow(action, side)),
              );
              return shown.map(columnsOf);
            }),
          );
          for (const [index, action] of ofMember.entries())
            details.set(
              action.id,
              describeRow(action.id, withDerived(action, {local: local![index]!, remote: remote![index]!})),
            );
        });
      return [...details.values()];
    },
  };
}

function findAction(plan: Plan, id: string): Action {
  const action = plan.actions.find(candidate => candidate.id === id);
  if (action === undefined) throw new OperatorError('NOT_FOUND', `The plan has no action ${id}.`);
  return action;
}

function describeFile({id, before}: Action): ActionDetail {
  const file: Partial<Record<Side, {size: number; mtime: string}>> = {};
  for (const side of bothSides) {
    const record = before?.[side];
    if (isLive(record) && record.type === 'file')
      file[side] = {size: record.size, mtime: isoOfNanoseconds(record.mtime)};
  }
  return Object.keys(file).length === 0 ? {id} : {id, file};
}

function isoOfNanoseconds(mtime: string): string {
  const milliseconds = Number(BigInt(mtime) / 1_000_000n);
  // Outside of what a date can be, the number itself is the truth.
  return Math.abs(milliseconds) <= 8.64e15 ? new Date(milliseconds).toISOString() : mtime;
}

type Columns = Readonly<Record<string, string | null>>;

/** What a row that is renamed or renumbered on its way is made from (E18); undefined for any other action. */
function derivationOf({side, item, operations}: Action) {
  const operation = operations[0]?.operation;
  if (item.type !== 'row' || operation?.op !== 'put' || operation.derived === undefined) return undefined;
  const {key, changes, here} = operation.derived;
  return {row: {...item, key}, changes, home: here ? side : otherSide(side)};
}

function rowToShow(action: Action, side: Side): ItemRef {
  const derivation = derivationOf(action);
  return derivation?.home === side ? derivation.row : action.item;
}

/** Both sides of an action; where its content is made from another row, the other side as that will be. */
function withDerived(action: Action, columns: Record<Side, Columns>): Record<Side, Columns> {
  const derivation = derivationOf(action);
  if (derivation === undefined) return columns;
  const {home, changes} = derivation;
  const changed = Object.entries(changes).map(([column, value]) => [column, value?.slice(1) ?? null]);
  return {...columns, [otherSide(action.side)]: {...columns[home], ...Object.fromEntries(changed)}};
}

function describeRow(id: string, columns: Record<Side, Columns>): ActionDetail {
  const names = [...new Set([...Object.keys(columns.local), ...Object.keys(columns.remote)])].sort();
  const changed = names
    .map(column => ({
      column,
      local: columns.local[column] ?? null,
      remote: columns.remote[column] ?? null,
    }))
    .filter(values => values.local !== values.remote);
  const title = titleColumns
    .map(column => columns.local[column] ?? columns.remote[column])
    .find(value => value !== undefined && value !== null && value !== '');
  return {id, ...(title === undefined || title === null ? {} : {title}), changed};
}

function columnsOf(item: ShownItem): Columns {
  return item.type === 'row' ? item.columns : {};
}
