import {OperatorError} from '../../core/operator-error.js';
import * as endpoints from '../../protocol/backup-endpoints.js';
import type {AgentServer} from '../server/agent-server.js';
import {registerEndpoint} from '../server/register-endpoint.js';
import {reportWhile} from '../site/report-while.js';
import type {SiteOf} from '../site/site.js';
import type {Backups} from './backups.js';

type ProgressLine = {type: 'progress'; done: number; total: number};

/** Backups of the sites' databases (E16). */
export function registerBackupRoutes(server: AgentServer, siteOf: SiteOf): void {
  const backupsOf = (name: string): Backups => {
    const {backups} = siteOf(name);
    if (backups !== null) return backups;
    throw new OperatorError('NOT_FOUND', `Site ${name} has no database that could be backed up.`);
  };

  registerEndpoint(server, endpoints.listBackups, async ({params}) => {
    const backups = backupsOf(params.site);
    return {folder: backups.folder, backups: [...(await backups.list())]};
  });

  registerEndpoint(server, endpoints.createBackup, ({params, body}) => {
    const backups = backupsOf(params.site);
    return (async function* () {
      const backup = yield* reportWhile<ProgressLine, Awaited<ReturnType<Backups['create']>>>(report =>
        backups.create({...body, runId: params.runId}, {signal: server.stopping, progress: tell(report)}),
      );
      yield {type: 'made' as const, backup};
    })();
  });

  registerEndpoint(server, endpoints.restoreBackup, ({params, body}) => {
    const site = siteOf(params.site);
    backupsOf(params.site);
    return (async function* () {
      const result = yield* reportWhile<ProgressLine, Awaited<ReturnType<typeof site.restore>>>(report =>
        site.restore({runId: params.runId, ...body}, {signal: server.stopping, progress: tell(report)}),
      );
      yield {type: 'restored' as const, ...result};
    })();
  });
}

function tell(report: (line: ProgressLine) => void) {
  return (done: number, total?: number) => report({type: 'progress', done, total: total ?? 0});
}
