import type {AddressInfo} from 'node:net';
import type {ExecutionContext} from 'ava';
import {SMTPServer} from 'smtp-server';

/** A mail as it arrived; `text` with its headers, lines that were folded for the way are whole again. */
export type ArrivedMail = {readonly to: readonly string[]; readonly text: string};

/** An SMTP server that keeps what it gets, until it is told to refuse. */
export type MailServer = {
  readonly port: number;
  readonly mails: ArrivedMail[];
  /** With this answer it takes nothing: 4xx asks to come again, 5xx is its last word. */
  refusal: {code: number; message: string} | undefined;
};

/** @param port where it listens; a free one when absent */
export async function startMailServer(t: ExecutionContext, port = 0): Promise<MailServer> {
  const started: {-readonly [Key in keyof MailServer]: MailServer[Key]} = {
    port,
    mails: [],
    refusal: undefined,
  };
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onRcptTo(_address, _session, done) {
      const {refusal} = started;
      done(refusal && Object.assign(new Error(refusal.message), {responseCode: refusal.code}));
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', chunk => chunks.push(chunk));
      stream.on('end', () => {
        started.mails.push({
          to: session.envelope.rcptTo.map(({address}) => address),
          text: Buffer.concat(chunks).toString().replaceAll('=\r\n', '').replaceAll('=3D', '='),
        });
        done();
      });
    },
  });
  // A client that is killed resets its connection.
  server.on('error', () => {});
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
  t.teardown(() => new Promise<void>(resolve => server.close(() => resolve())));
  started.port = (server.server.address() as AddressInfo).port;
  return started;
}
