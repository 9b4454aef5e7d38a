import {createHash, randomBytes, timingSafeEqual} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {Type} from '#typebox';
import {OperatorError} from '../../core/operator-error.js';
import {invitationSecretBytes} from '../../protocol/invitation.js';
import {validate} from '../../protocol/transport/validate.js';
import {withLock} from '../../system/process-lock.js';

/** Roles that an invitation can give. */
export type InvitedRole = 'admin' | 'operate' | 'view';

/** An open invitation as it is kept: the secret itself is nowhere but in the line that was printed. */
type OpenInvitation = {readonly hash: string; readonly role: InvitedRole; readonly expiresAt: string};

const schema = Type.Object({
  version: Type.Literal(1),
  invitations: Type.Array(
    Type.Object(
      {
        hash: Type.String({pattern: '^[0-9a-f]{64}$'}),
        role: Type.Union([Type.Literal('admin'), Type.Literal('operate'), Type.Literal('view')]),
        expiresAt: Type.String(),
      },
      {additionalProperties: false},
    ),
  ),
});

/** The open invitations of an agent, in `invitations.json`, shared with the command line that makes them (X1). */
export type Invitations = {
  create(role: InvitedRole, ttlMs: number): Promise<{secret: string; expiresAt: string}>;
  /**
   * Uses an invitation up, whoever asks.
   * @returns what it gives, or undefined when it is used, expired or was never made; which of them is nobody's business.
   */
  redeem(secret: string): Promise<InvitedRole | undefined>;
};

/** Opens the invitations of the agent in `dataFolder`. `clock`: milliseconds since the epoch. */
export function openInvitations(dataFolder: string, clock: () => number = Date.now): Invitations {
  const path = join(dataFolder, 'invitations.json');
  const change = <T>(edit: (open: OpenInvitation[]) => {open: OpenInvitation[]; result: T}): Promise<T> =>
    withLock(`${path}.lock`, async () => {
      const before = await readInvitations(path);
      const live = before.filter(invitation => Date.parse(invitation.expiresAt) > clock());
      const {open, result} = edit(live);
      // A wrong guess changes nothing, and must not cost the disk anything either.
      if (open !== live || live.length !== before.length) {
        const text = JSON.stringify({version: 1, invitations: open}, null, 2);
        await writeFileAtomic(path, `${text}\n`, {mode: 0o600});
      }
      return result;
    });
  return {
    create: (role, ttlMs) => {
      const secret = randomBytes(invitationSecretBytes).toString('base64url');
      const expiresAt = new Date(clock() + ttlMs).toISOString();
      const invitation: OpenInvitation = {hash: hashOf(secret).toString('hex'), role, expiresAt};
      return change(open => ({open: [...open, invitation], result: {secret, expiresAt}}));
    },
    redeem: secret => {
      const wanted = hashOf(secret);
      return change(open => {
        // All are compared, each in constant time, so that the time taken tells nothing.
        const matches = open.filter(invitation =>
          timingSafeEqual(Buffer.from(invitation.hash, 'hex'), wanted),
        );
        const [match] = matches;
        if (!match) return {open, result: undefined};
        return {open: open.filter(invitation => invitation !== match), result: match.role};
      });
    },
  };
}

async function readInvitations(path: string): Promise<OpenInvitation[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    validate(schema, value, path);
    return (value as {invitations: OpenInvitation[]}).invitations;
  } catch (error) {
    throw new OperatorError('INVALID_STATE', `${path} cannot be read: ${(error as Error).message}`, {
      hint: 'Delete it: open invitations are lost, and new ones can be made.',
      cause: error,
    });
  }
}

/** A secret of 192 random bits needs no slow hash. */
function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
