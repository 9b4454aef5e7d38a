import type {AgentClient} from '../../client/agent-client.js';
import {OperatorError} from '../../core/operator-error.js';
import type {Operation, Side} from '../../core/plan.js';
import type {Profile} from '../../core/profile.js';
import type {BackupDescription} from '../../core/site-description.js';
import {createBackup, restoreBackup} from '../../protocol/backup-endpoints.js';
import type {State} from '../../state/state.js';
import {bothSides, type SiteEnd, type SiteEnds} from '../connect-sites.js';
import type {SyncJob} from '../run-job.js';
import type {OnProgress} from '../scan-sites.js';
import type {OperationsBySide} from './commit-run.js';

/** Names of the backups that a run made, by side. */
export type BackupsMade = ReadonlyMap<Side, string>;

/**
 * Why a run makes no backups, or undefined when it does (E16). An initial sync has no profile of its own: it makes one
 * when any profile of its relationship wants it.
 */
export function whyNoBackup(job: SyncJob, profile: Profile, state: State): string | undefined {
  // A few items are soon brought back one by one; the whole database would lose more (E16).
  if (job.select !== undefined) return 'a selection of items makes none';
  if (job.kind === 'sync')
    return profile.backup === 'every-run' ? undefined : 'the profile asks for none before a run';
  const wanted = state.profiles.some(
    ({relationship, backup}) => relationship === profile.relationship && backup !== 'off',
  );
  return wanted || job.backup === true ? undefined : 'no profile of the relationship asks for one';
}

/** The sides whose database a plan changes. */
export function sidesWithRows(ends: SiteEnds, operations: OperationsBySide): Side[] {
  return bothSides.filter(
    side => ends[side].site.engine !== null && operations[side].some(({operation}) => isOfRows(operation)),
  );
}

/** Whether an operation changes the database. */
export function isOfRows(operation: Operation): boolean {
  switch (operation.op) {
    case 'put':
    case 'touch':
      return operation.record.type !== 'file';
    case 'delete':
      return operation.item.type !== 'file';
    case 'copy-table':
      return true;
    case 'adopt':
      return false;
  }
}

/** Lets an agent make a backup of its site's database. Repeatable by run id and step. */
export async function makeBackup(
  end: {client: AgentClient; site: {name: string}; side?: Side},
  request: {runId: string; step?: string; by: string},
  options: {signal?: AbortSignal; onProgress?: OnProgress} = {},
): Promise<BackupDescription> {
  const reply = await end.client.call(createBackup, {
    params: {site: end.site.name, runId: request.runId},
    body: {by: request.by, ...(request.step === undefined ? {} : {step: request.step})},
    ...(options.signal === undefined ? {} : {signal: options.signal}),
  });
  for await (const line of reply) {
    if (line.type === 'made') return line.backup;
    options.onProgress?.({
      ...(end.side === undefined ? {} : {side: end.side}),
      done: line.done,
      ...(line.total === 0 ? {} : {total: line.total}),
      unit: 'items',
    });
  }
  throw new OperatorError('CONNECTION_LOST', `${end.site.name} did not say whether its backup was made.`);
}

/**
 * Lets an agent take back what a step of this run committed to its database, if it did.
 * @returns whether there was something to take back
 */
export async function takeBack(
  end: SiteEnd,
  request: {runId: string; step: string; by: string; name: string},
): Promise<boolean> {
  const {runId, step, by, name} = request;
  const reply = await end.client.call(restoreBackup, {
    params: {site: end.site.name, runId},
    body: {name, by, afterStep: step},
  });
  for await (const line of reply) if (line.type === 'restored') return line.restored;
  throw new OperatorError(
    'CONNECTION_LOST',
    `${end.server.name} did not say whether it restored its database.`,
  );
}
