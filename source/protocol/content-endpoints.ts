import {Type} from '#typebox';
import {endpoint, frames, json, ndjson} from './endpoint.js';
import {peerAddress, strict, text} from './endpoint-schemas.js';
import {operationSchema} from './schemas.js';

/**
 * Tells the inside agent to bring content for one side's operations to where they will be carried out: `push`
 * stages at the peer, `pull` stages here. The body's first line names peer and way, every other line is an
 * operation that needs content (`put`, `copy-table`). What the receiver has already is not sent again, so a
 * repeated call continues. A line `missing` names an operation whose content is no longer what the plan saw.
 */
export const transferContent = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/runs/:runId/transfer',
  access: 'operate',
  audited: true,
  body: ndjson(
    Type.Union([
      Type.Object({peer: peerAddress, way: Type.Union([Type.Literal('push'), Type.Literal('pull')])}, strict),
      operationSchema,
    ]),
  ),
  reply: ndjson(
    Type.Union([
      Type.Object({
        type: Type.Literal('progress'),
        done: Type.Integer(),
        total: Type.Integer(),
        bytes: Type.Integer(),
      }),
      Type.Object({type: Type.Literal('missing'), index: Type.Integer(), error: text()}),
      Type.Object({type: Type.Literal('transferred'), bytes: Type.Integer()}),
    ]),
  ),
});

/** Agent to agent: which of these operations still need content here; for a large file with the signature of what is here. */
export const askNeeds = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/runs/:runId/needs',
  access: 'site-peer',
  audited: false,
  body: ndjson(operationSchema),
  reply: frames,
});

/** Agent to agent: content for staging here. */
export const pushContent = endpoint({
  method: 'PUT',
  path: '/v1/sites/:site/runs/:runId/content',
  access: 'site-peer',
  audited: true,
  body: frames,
  reply: json(
    Type.Object({
      staged: Type.Integer(),
      bytes: Type.Integer(),
      /** Contents that were not what their digest says and were not kept. */
      refused: Type.Array(Type.Object({digest: text(64), error: text()})),
    }),
  ),
});

/** Agent to agent: content from here, for the needs in the body. */
export const pullContent = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/runs/:runId/content',
  access: 'site-peer',
  audited: true,
  body: frames,
  reply: frames,
});
