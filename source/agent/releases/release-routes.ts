import {OperatorError} from '../../core/operator-error.js';
import * as endpoints from '../../protocol/release-endpoints.js';
import type {AgentServer} from '../server/agent-server.js';
import {registerEndpoint} from '../server/register-endpoint.js';
import type {SiteOf} from '../site/site.js';

/** Adds the calls by which consoles bring releases to a site (U2). */
export function registerReleaseRoutes(server: AgentServer, siteOf: SiteOf): void {
  registerEndpoint(server, endpoints.describeKeptRelease, async ({params}) => {
    const archiveBytes = await siteOf(params.site).releases.archiveBytes(digestIn(params.release));
    return {known: archiveBytes !== undefined, archiveBytes: archiveBytes ?? 0};
  });
  registerEndpoint(server, endpoints.putManifest, async ({params, query, body}) => {
    return siteOf(params.site).releases.putManifest(digestIn(params.release), body, signatureIn(query));
  });
  registerEndpoint(server, endpoints.putArchive, ({params, query, body}) =>
    siteOf(params.site).releases.putArchive(digestIn(params.release), Number(query.from), body),
  );
}

export function signatureIn({signature}: {signature?: string}): string | undefined {
  return signature === undefined ? undefined : Buffer.from(signature, 'base64url').toString('utf8');
}

/** It becomes the name of a folder. */
export function digestIn(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new OperatorError('BAD_REQUEST', 'A release is named by the SHA-256 of its manifest.');
}
