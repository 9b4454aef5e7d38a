import {OperatorError} from '../../core/operator-error.js';
import {describePackage, fetchPackage} from '../package-endpoints.js';
import type {AgentConnection} from '../transport/agent-connection.js';
import type {DownloadSource} from './download.js';

/** The archive of a download package (P8), from the agent that serves it. Whoever gives the connection closes it. */
export function packageSource(
  connection: AgentConnection,
  {server, site, name}: {server: string; site: string; name: string},
): DownloadSource {
  return {
    description: `package ${name} of ${server}/${site}`,
    async open(from, signal) {
      const params = {site, package: name};
      const {archive} = await connection.call(describePackage, {params, signal});
      if (archive === undefined)
        throw new OperatorError('NOT_FOUND', `Package ${name} has no archive yet.`, {
          hint: 'Files have to be assigned first: `lockstep package add`.',
        });
      const start = from <= archive.sizeBytes ? from : 0;
      const chunks = await connection.call(fetchPackage, {params, query: {from: String(start)}, signal});
      return {from: start, totalBytes: archive.sizeBytes, chunks};
    },
  };
}
