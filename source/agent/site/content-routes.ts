import {OperatorError} from '../../core/operator-error.js';
import * as endpoints from '../../protocol/content-endpoints.js';
import {decodeFrames, encodeFrame} from '../../protocol/content-frames.js';
import type {AgentServer} from '../server/agent-server.js';
import {registerEndpoint} from '../server/register-endpoint.js';
import {readNeeds} from './asked-content.js';
import {connectPeer} from './connect-peer.js';
import {encodeNeeds, findNeeds} from './content-needs.js';
import {splitHeader, spoolPath} from './operation-body.js';
import {OperationSpool} from './operation-spool.js';
import {receiveContent} from './receive-content.js';
import {sendContent} from './send-content.js';
import type {SiteOf} from './site.js';
import {transfer, withEnd} from './transfer.js';

/** Operations whose needs are asked for together, at most. */
const needsLimit = 5000;

/** Adds what brings the content of a run from agent to agent. */
export function registerContentRoutes(server: AgentServer, siteOf: SiteOf): void {
  registerEndpoint(server, endpoints.transferContent, ({params, body, signal}) => {
    const site = siteOf(params.site);
    const endWork = site.lease.begin(params.runId);
    return (async function* () {
      const spool = new OperationSpool(spoolPath(site, params.runId));
      try {
        const {header, operations} = await splitHeader(body, isTransferHeader);
        const {peer, way} = header;
        await spool.fill(operations);
        const connection = connectPeer(server, peer, params.site);
        try {
          const target = {connection, site: peer.site, runId: params.runId};
          const {staging} = site.run(params.runId);
          const here = {root: site.root, files: site.files, database: site.database, staging};
          yield* transfer(spool, way, target, here, signal);
        } finally {
          connection.close();
        }
      } finally {
        spool.discard();
        endWork();
      }
    })();
  });

  registerEndpoint(server, endpoints.askNeeds, async ({params, body, signal}) => {
    const site = siteOf(params.site);
    const endWork = site.lease.begin(params.runId);
    try {
      const batch = [];
      for await (const operation of body) {
        if (batch.length === needsLimit)
          throw new OperatorError('LIMIT_EXCEEDED', `More than ${needsLimit} operations were asked about.`);
        batch.push({index: batch.length, operation});
      }
      const {staging} = site.run(params.runId);
      const needs = await findNeeds(
        batch,
        {root: site.root, files: site.files, database: site.database, staging},
        signal,
      );
      return withEnd(encodeNeeds(needs));
    } finally {
      endWork();
    }
  });

  registerEndpoint(server, endpoints.pushContent, async ({params, body}) => {
    const site = siteOf(params.site);
    return site.lease.during(params.runId, async () => {
      const received = await receiveContent(
        decodeFrames(body, {splitPieces: true}),
        site.run(params.runId).staging,
      );
      return {staged: received.staged, bytes: received.bytes, refused: received.refused.slice(0, 5000)};
    });
  });

  registerEndpoint(server, endpoints.pullContent, async ({params, body, signal}) => {
    const site = siteOf(params.site);
    const endWork = site.lease.begin(params.runId);
    try {
      const {operations, signatures, images} = await readNeeds(body, []);
      const missing: {index: number; error: string}[] = [];
      const content = sendContent(operations, {
        files: site.files,
        database: site.database,
        signatures,
        images,
        count: {bytes: 0, done: 0},
        missing: (index, error) => missing.push({index, error: error.slice(0, 4096)}),
        signal,
      });
      return withEnd(withMissing(content, missing));
    } finally {
      endWork();
    }
  });
}

async function* withMissing(
  content: AsyncIterable<Uint8Array>,
  missing: readonly {index: number; error: string}[],
): AsyncGenerator<Uint8Array, void> {
  yield* content;
  for (const one of missing) yield* encodeFrame({type: 'missing', ...one});
}

type TransferLine = {peer: {url: string; fingerprint: string; site: string}; way: 'push' | 'pull'};

const isTransferHeader = (line: object): line is TransferLine => 'peer' in line;
