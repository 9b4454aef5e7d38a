import {createHash} from 'node:crypto';
import {type ErrorDocument, OperatorError} from '../../core/operator-error.js';
import {endOf, type UpdateProgress} from '../../core/update-journal.js';
import {updateMail} from '../../core/update-mail.js';
import type {Outbox} from '../mail/outbox.js';
import type {UpdateRequest} from './update-request.js';
import type {UpdateSubject} from './update-subject.js';

/**
 * Puts the mails about an update into the outbox (U12). May be repeated, also after they were sent: the same mail has the
 * same id.
 * @param error why a person must look; undefined for how the update ended otherwise
 * @returns to whom; nobody where nobody is named
 * @throws OperatorError MAIL_NOT_CONFIGURED
 */
export async function tellByMail(
  {outbox, serverName, site}: {outbox: Outbox; serverName: string; site: UpdateSubject},
  {request, progress}: {readonly request: UpdateRequest; readonly progress: UpdateProgress},
  error: ErrorDocument | undefined,
): Promise<readonly string[]> {
  const to = [
    ...new Set([
      ...(site.configuration.update?.administrators ?? []),
      ...[request.mailTo, progress.rollBackMailTo].filter(address => address !== undefined),
    ]),
  ];
  if (to.length > 0 && site.configuration.mail === undefined)
    throw new OperatorError('MAIL_NOT_CONFIGURED', `The site ${site.name} has no mail server.`, {
      hint: 'Name one in agent.json: "mail": {"smtp", "from"}.',
    });
  const {subject, text} = updateMail({
    id: request.id,
    server: serverName,
    site: request.site,
    by: progress.rolledBackBy ?? request.by,
    from: request.from,
    to: request.to || 'the release',
    folder: request.folder,
    state: error?.code === 'UPDATE_ATTENTION' ? 'attention' : endOf(progress),
    startedAt: request.createdAt,
    progress: {...progress, error},
  });
  for (const address of to) {
    const id = `${request.id}-${digestOf([address, subject, lastMoment(progress)])}`;
    await outbox.put(id, request.site, {to: address, subject, text});
  }
  return to;
}

/** When the last step ended before the mail: sets what is told apart from what was told before, and is the same when it is told again. */
function lastMoment({steps}: UpdateProgress): string {
  const moments = steps.flatMap(({step, endedAt}) => (step === 'notify' ? [] : (endedAt ?? [])));
  return moments.sort().at(-1) ?? '';
}

function digestOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}
