import {Type} from '#typebox';
import {OperatorError} from '../core/operator-error.js';
import {fingerprintSchema} from './schemas.js';
import {validate} from './transport/validate.js';

/** What a console needs for pairing, in one line (X1). The secret in it works once and for a short time. */
export type Invitation = {
  /** `https://HOST:PORT` */
  readonly url: string;
  readonly fingerprint: string;
  readonly secret: string;
  /** ISO 8601, UTC. */
  readonly expiresAt: string;
};

const scheme = 'lockstep://';
const secretBytes = 24;
const schema = Type.Object({
  url: Type.String({pattern: '^https://[^/]+$', maxLength: 512}),
  fingerprint: fingerprintSchema,
  secret: Type.String({pattern: `^[A-Za-z0-9_-]{${(secretBytes * 8) / 6}}$`}),
  expiresAt: Type.String({pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$'}),
});

/** How many random bytes a secret has, in base64url. */
export const invitationSecretBytes = secretBytes;

/** `lockstep://HOST:PORT/FINGERPRINT/SECRET/EXPIRY`: letters that survive shells, mails and chats. */
export function formatInvitation(invitation: Invitation): string {
  const host = new URL(invitation.url).host;
  return `${scheme}${host}/${invitation.fingerprint}/${invitation.secret}/${Date.parse(invitation.expiresAt).toString(36)}`;
}

/** @throws OperatorError USAGE when the line is no invitation. Whether it still holds is the agent's to say. */
export function parseInvitation(line: string): Invitation {
  const [host = '', fingerprint = '', secret = '', expiry = ''] = line.trim().startsWith(scheme)
    ? line.trim().slice(scheme.length).split('/')
    : [];
  const expires = Number.parseInt(expiry, 36);
  const invitation: Invitation = {
    url: `https://${host}`,
    fingerprint,
    secret,
    expiresAt: expires > 0 && expires < 8.64e15 ? new Date(expires).toISOString() : '',
  };
  try {
    validate(schema, invitation, 'The invitation');
    new URL(invitation.url);
  } catch (error) {
    throw new OperatorError('USAGE', 'That is not an invitation.', {
      hint: 'Copy the whole line that `lockstep agent invite --data DIR` prints on the server.',
      cause: error,
    });
  }
  return invitation;
}
