import {Type} from '#typebox';
import {endpoint, json, ndjson} from './endpoint.js';
import {address, strict, text} from './endpoint-schemas.js';
import {fingerprintSchema, siteNameSchema} from './schemas.js';

const logMark = Type.Object(
  {
    path: text(16 * 1024),
    offset: Type.Integer({minimum: 0}),
    headBytes: Type.Integer({minimum: 0, maximum: 4096}),
    head: text(64),
    tailBytes: Type.Integer({minimum: 0, maximum: 4096}),
    tail: text(64),
    seen: text(256),
    lastAt: Type.Number(),
  },
  strict,
);

const logNameText = text(256);

/** Agent to agent: the logs of a live server, by name (G6). */
export const listLogs = endpoint({
  method: 'GET',
  path: '/v1/sites/:site/logs',
  access: 'site-peer',
  audited: false,
  reply: json(Type.Object({logs: Type.Array(logNameText, {maxItems: 1000})})),
});

/**
 * Agent to agent: what a log has got since the marks were taken, by time, each line as bytes with its moment in epoch
 * milliseconds; then the marks for the next time and the files that could not be read.
 */
export const readLog = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/logs',
  access: 'site-peer',
  audited: true,
  body: json(Type.Object({log: logNameText, marks: Type.Array(logMark, {maxItems: 10_000})}, strict)),
  reply: ndjson(
    Type.Union([
      Type.Object({
        type: Type.Literal('lines'),
        lines: Type.Array(Type.Tuple([Type.Number(), Type.String()]), {maxItems: 10_000}),
      }),
      Type.Object({
        type: Type.Literal('end'),
        marks: Type.Array(logMark, {maxItems: 10_000}),
        problems: Type.Array(text(), {maxItems: 10_000}),
      }),
    ]),
  ),
});

/** Fetches the logs of live servers and merges what is new by time into files of this agent (G6). */
export const mergeLogs = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/runs/:runId/logs',
  access: 'operate',
  audited: true,
  body: json(
    Type.Object(
      {
        live: text(128),
        peers: Type.Array(
          Type.Object(
            {name: text(512), url: address, fingerprint: fingerprintSchema, site: siteNameSchema},
            strict,
          ),
          {maxItems: 256},
        ),
      },
      strict,
    ),
  ),
  reply: ndjson(
    Type.Union([
      Type.Object({type: Type.Literal('progress'), lines: Type.Integer()}),
      Type.Object({
        type: Type.Literal('merged'),
        servers: Type.Array(
          Type.Object({
            server: text(512),
            lines: Type.Integer(),
            error: Type.Optional(text()),
            problems: Type.Array(text()),
          }),
        ),
        logs: Type.Array(Type.Object({name: logNameText, file: text(16 * 1024), lines: Type.Integer()})),
      }),
    ]),
  ),
});
