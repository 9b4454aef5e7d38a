import {Type} from '#typebox';
import {maxServers} from '../core/id-blocks.js';
import {fingerprintSchema, siteNameSchema} from './schemas.js';

/* What the descriptions of endpoints have in common. */

export const strict = {additionalProperties: false} as const;

export const text = (maxLength = 4096) => Type.String({maxLength});

export const role = Type.Union([Type.Literal('view'), Type.Literal('operate'), Type.Literal('admin')]);

export const address = Type.String({pattern: '^https://', maxLength: 2048});

export const pem = Type.String({maxLength: 16 * 1024});

export const nothing = Type.Object({}, strict);

export const decimal = Type.String({pattern: '^-?[0-9]{1,40}$'});

export const serverNumber = Type.Integer({minimum: 1, maximum: maxServers});

export const peerAddress = Type.Object(
  {url: address, fingerprint: fingerprintSchema, site: siteNameSchema},
  strict,
);

/** A time in UTC, ISO 8601. */
export const moment = Type.String({pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{3})?Z$'});
