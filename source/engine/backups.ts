import type {AgentClient} from '../client/agent-client.js';
import {OperatorError} from '../core/operator-error.js';
import {listBackups, restoreBackup} from '../protocol/backup-endpoints.js';
import {releaseLease, takeLease} from '../protocol/run-endpoints.js';
import type {BackupVerbs, SiteAddress} from './engine.js';
import {type EngineContext, findServer} from './engine-context.js';
import {makeBackup} from './run-steps/back-up.js';
import {newRunId} from './start-run.js';

/** A lease lasts 15 s (CLI.md), milliseconds. */
const renewMs = 5_000;

/** Backups of a site's database by hand (E16). */
export function createBackups(context: EngineContext): BackupVerbs {
  const connected = async <T>(
    {server}: SiteAddress,
    work: (client: AgentClient) => Promise<T>,
  ): Promise<T> => {
    const client = await context.connect(findServer(await context.state.read(), server));
    try {
      return await work(client);
    } finally {
      client.close();
    }
  };
  return {
    list: address => connected(address, client => client.call(listBackups, {params: {site: address.site}})),

    create: (address, options = {}) =>
      connected(address, client =>
        makeBackup(
          {client, site: {name: address.site}},
          {runId: newRunId(), by: context.operator},
          {
            ...(options.signal === undefined ? {} : {signal: options.signal}),
            onProgress: ({done, total}) => options.onProgress?.(done, total),
          },
        ),
      ),

    restore: (address, name, options = {}) =>
      connected(address, client =>
        leased(client, address.site, context.operator, async runId => {
          const reply = await client.call(restoreBackup, {
            params: {site: address.site, runId},
            body: {name, by: context.operator},
          });
          for await (const line of reply) {
            if (line.type === 'progress') options.onProgress?.(line.done, line.total || undefined);
            else {
              const {before, warning} = line;
              return {
                ...(before === undefined ? {} : {before}),
                ...(warning === undefined ? {} : {warning}),
              };
            }
          }
          throw new OperatorError(
            'CONNECTION_LOST',
            `${address.server} did not say whether the backup was put back.`,
            {hint: 'Look at the site; restoring once more does no harm.'},
          );
        }),
      ),
  };
}

/** Does work that no run may meet: the site is held meanwhile. @throws OperatorError SITE_BUSY with the holder */
async function leased<T>(
  client: AgentClient,
  site: string,
  by: string,
  work: (runId: string) => Promise<T>,
): Promise<T> {
  const runId = newRunId();
  const take = () => client.call(takeLease, {params: {site}, body: {runId, by, purpose: 'restore'}});
  await take();
  const timer = setInterval(() => void take().catch(() => {}), renewMs);
  try {
    return await work(runId);
  } finally {
    clearInterval(timer);
    await client.call(releaseLease, {params: {site, runId}}).catch(() => {});
  }
}
