import {OperatorError} from '../../core/operator-error.js';

/** `mail` of agent.json: where mail is handed in and who sends it. */
export type MailSettings = {
  /** smtp://host:port or smtps://host:port, with user:password@ where the server asks for it. */
  readonly smtp: string;
  readonly from: string;
};

export type Mail = {readonly to: string; readonly subject: string; readonly text: string};

/** Milliseconds that each step of a delivery may take. */
const patienceMs = 15_000;

/** Whether a server refused a mail for good (RFC 5321, 4.2.1), so that trying again as it is makes no sense. */
export function isRefusedForGood(error: unknown): boolean {
  const {cause} = error as {cause?: {responseCode?: unknown} | undefined};
  return typeof cause?.responseCode === 'number' && cause.responseCode >= 500;
}

/**
 * Hands one mail to the SMTP server; returns once that has taken it over. The outbox tries again.
 * @param id of the mail: sent once more, it has the same Message-ID (RFC 5322, 3.6.4), by which receivers can tell
 * @throws OperatorError MAIL_FAILED with the server's words
 */
export async function sendMail(settings: MailSettings, mail: Mail, id: string): Promise<void> {
  const {createTransport} = await import('nodemailer');
  const transport = createTransport({
    url: settings.smtp,
    connectionTimeout: patienceMs,
    greetingTimeout: patienceMs,
    socketTimeout: patienceMs,
    // Nothing in a mail may make us read files or fetch addresses.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    await transport.sendMail({
      from: settings.from,
      messageId: `<${id}@${/@([^\s<>@]+)>?\s*$/.exec(settings.from)?.[1] ?? 'localhost'}>`,
      // As an object, so that an address from a database cannot name several recipients.
      to: {name: '', address: mail.to},
      subject: mail.subject.replaceAll(/\p{Cc}+/gu, ' '),
      text: mail.text,
    });
  } catch (error) {
    throw new OperatorError(
      'MAIL_FAILED',
      `The mail to ${mail.to} was not taken: ${error instanceof Error ? error.message : String(error)}`,
      {
        hint: `See whether the SMTP server ${withoutPassword(settings.smtp)} is up, reachable from there, and takes mail for that address.`,
        cause: error,
      },
    );
  } finally {
    transport.close();
  }
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//');
}
