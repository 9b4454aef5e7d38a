import {createHash} from 'node:crypto';
import {fillTemplate} from '../../core/fill-template.js';
import type {RowRef} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import type {TableSettings} from '../database/database-options.js';
import type {Outbox} from '../mail/outbox.js';
import type {MailSettings} from '../mail/send-mail.js';
import type {SiteDatabase, WireRow} from './ports.js';

/** What a mail about a renamed row says (E18); `{0}` is the new name, `{1}` the old one, `{2}` what the row is. */
export type CollisionMail = {readonly subject?: string; readonly text?: string};

const defaults = {
  subject: 'Renamed: {0}',
  text:
    'Hello,\n\nthe name "{1}" was given twice, on two servers, at about the same time. ' +
    'Yours ({2}) was made later and is called "{0}" now.\n\nYou can change it where you made it.\n',
};

const addressColumns = /^(e_?mail|mail|e_?mail_?address|mail_?address)$/i;
const address = /^[^\s@<>,;"]+@[^\s@<>,;"]+$/;

export type NotifySite = {
  readonly name: string;
  readonly database: SiteDatabase | null;
  readonly tables: Readonly<Record<string, TableSettings>>;
  readonly mail: (MailSettings & {readonly collision?: CollisionMail}) | undefined;
  readonly outbox: Pick<Outbox, 'send'>;
};

/**
 * Tells the user whose row was renamed (E18): the user that the row is, or else one that it refers to. A mail that no server
 * takes for now waits in the outbox, and `waits` says why.
 * @throws OperatorError MAIL_NOT_CONFIGURED; MAIL_FAILED when nobody can be told, with the reason
 */
export async function notifyUser(
  row: RowRef,
  {kind, original, modified}: {kind: string; original: string; modified: string},
  site: NotifySite,
): Promise<{to: string; waits?: string}> {
  if (site.mail === undefined)
    throw new OperatorError('MAIL_NOT_CONFIGURED', `The site ${site.name} has no mail server.`, {
      hint: 'Name one in agent.json there: "mail": {"smtp": "smtp://127.0.0.1:25", "from": "lockstep@example.com"}.',
    });
  const to = await addressOf(row, site);
  if (to === undefined)
    throw new OperatorError(
      'MAIL_FAILED',
      `Nobody can be told about ${row.table}:${row.key.join(',')}: neither it nor what it refers to has an e-mail address.`,
      {hint: 'Name the column in agent.json there: "tables": {"users": {"email": "COLUMN"}}.'},
    );
  const values = [modified, original, kind];
  const {subject, text} = {...defaults, ...site.mail.collision};
  // Asked twice, a user is told once.
  const about = JSON.stringify([row.table, row.key, original, modified, to]);
  const id = `collision-${createHash('sha256').update(about).digest('hex').slice(0, 16)}`;
  const mail = {to, subject: fillTemplate(subject, values), text: fillTemplate(text, values)};
  const waits = await site.outbox.send(id, site.name, mail);
  return {to, ...(waits === undefined ? {} : {waits})};
}

async function addressOf(row: RowRef, {database, tables}: NotifySite): Promise<string | undefined> {
  if (database === null) return undefined;
  const [found] = await database.readRows([row]);
  const own = found && addressIn(found.row, tables[row.table]);
  if (own !== undefined || found === undefined) return own;
  const parents: RowRef[] = [];
  for await (const {child, parent} of database.parents([row])) {
    // Only what the row itself refers to, which comes first.
    if (child.table !== row.table || child.key.join('\0') !== row.key.join('\0')) continue;
    parents.push({type: 'row', table: parent.table, key: parent.key});
  }
  const rows = await database.readRows(parents);
  return rows.map(parent => parent && addressIn(parent.row, tables[parent.table])).find(Boolean);
}

function addressIn(row: WireRow, settings: TableSettings | undefined): string | undefined {
  const column = settings?.email ?? Object.keys(row).find(name => addressColumns.test(name));
  const value = column === undefined ? undefined : row[column];
  const text = value?.startsWith('t') ? value.slice(1).trim() : '';
  return address.test(text) ? text : undefined;
}
