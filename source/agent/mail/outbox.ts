import {existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync} from 'node:fs';
import {join} from 'node:path';
import type {Logger} from 'pino';
import writeFileAtomic from 'write-file-atomic';
import {asOperatorError, OperatorError} from '../../core/operator-error.js';
import {flushToDisk} from '../files/flush-to-disk.js';
import {isRefusedForGood, type Mail, type MailSettings, sendMail} from './send-mail.js';

/** Milliseconds to the next attempt, by the number of those before; the last one holds from then on. */
const patienceMs = [2_000, 5_000, 15_000, 60_000, 300_000, 900_000];
/** A mail that could not be sent for so long is given up; one that was sent is known as such for so long. Milliseconds. */
const lifetimeMs = 7 * 86_400_000;
/** Mails that may wait; more is a defect of whoever writes them. */
const mostWaiting = 1_000;

type Waiting = Mail & {readonly site: string; readonly at: string};

/**
 * Mails that wait for their SMTP server, one file each in the agent's data, so that neither a server that is down nor
 * an agent that ends loses one (U12). One that was sent is kept as such, so that whoever puts it again, not knowing how far
 * they came before a restart, sends nothing twice. At least once all the same: an agent that dies between the server's word
 * and the renaming of that file sends the mail again, under the same Message-ID.
 */
export class Outbox {
  readonly #folder: string;
  readonly #settingsOf: (site: string) => MailSettings | undefined;
  readonly #log: Logger;
  readonly #patienceMs: readonly number[];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #again = false;
  /** Mails that whoever put them tries itself. */
  readonly #inHand = new Map<string, Promise<void>>();
  #failures = 0;
  #closed = false;

  /** @param options `settingsOf` the mail server of a site as agent.json names it now */
  constructor(options: {
    folder: string;
    settingsOf: (site: string) => MailSettings | undefined;
    log: Logger;
    patienceMs?: readonly number[];
  }) {
    this.#folder = options.folder;
    this.#settingsOf = options.settingsOf;
    this.#log = options.log;
    this.#patienceMs = options.patienceMs ?? patienceMs;
    mkdirSync(this.#folder, {recursive: true, mode: 0o700});
  }

  /** Takes a mail over; it is on the disk when this resolves. The same id is the same mail, also after it was sent. */
  async put(id: string, site: string, mail: Mail): Promise<void> {
    if (this.#wasSent(id)) return;
    await this.#keep(`${id}.json`, site, mail);
    this.#failures = 0;
    this.wake();
  }

  /**
   * Takes a mail over like `put`, for somebody who waits for what becomes of it.
   * @returns why it waits; undefined when its server has it
   * @throws OperatorError MAIL_NOT_CONFIGURED; MAIL_FAILED when the server refused it for good. Nothing waits then.
   */
  async send(id: string, site: string, mail: Mail): Promise<string | undefined> {
    const settings = this.#settingsOf(site);
    if (settings === undefined)
      throw new OperatorError('MAIL_NOT_CONFIGURED', `The site ${site} has no mail server.`);
    if (this.#wasSent(id)) return undefined;
    const name = `${id}.json`;
    const delivery = this.#keep(name, site, mail).then(() => this.#deliver(name, settings, mail));
    this.#inHand.set(name, delivery);
    try {
      await delivery;
      return undefined;
    } catch (error) {
      const {code, message} = asOperatorError(error);
      const isFinal = code !== 'MAIL_FAILED' || isRefusedForGood(error);
      if (isFinal) rmSync(join(this.#folder, name), {force: true});
      if (isFinal) throw error;
      return message;
    } finally {
      this.#inHand.delete(name);
      this.#tryLater();
    }
  }

  /** Whether a mail whose id begins so still waits. */
  isWaiting(prefix: string): boolean {
    return this.#names().some(name => name.startsWith(prefix));
  }

  /** Tries now what waits. */
  wake(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    if (this.#sending !== undefined) {
      this.#again = true;
      return;
    }
    this.#sending = this.#send()
      .catch((err: unknown) => this.#log.error({err}, 'the outbox cannot be read'))
      .finally(() => {
        this.#sending = undefined;
        if (this.#again) {
          this.#again = false;
          this.wake();
        }
      });
  }

  /** Waits for what is being sent right now, so that it is known as sent afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.allSettled([this.#sending, ...this.#inHand.values()]);
  }

  async #send(): Promise<void> {
    this.#forgetOld();
    for (const name of this.#names()) {
      if (this.#closed) return;
      if (this.#inHand.has(name)) continue;
      const file = join(this.#folder, name);
      const waiting = readWaiting(file);
      const settings = waiting && this.#settingsOf(waiting.site);
      try {
        if (waiting === undefined) throw new Error('it cannot be read');
        if (settings === undefined) throw new Error(`the site ${waiting.site} has no mail server`);
        await this.#deliver(name, settings, waiting);
        this.#failures = 0;
      } catch (error) {
        const isOld = waiting === undefined || Date.now() - Date.parse(waiting.at) > lifetimeMs;
        this.#log.warn(
          {mail: name, error: (error as Error).message},
          isOld ? 'mail given up' : 'mail not sent yet',
        );
        if (isOld) rmSync(file, {force: true});
      }
    }
    this.#tryLater();
  }

  /** Nothing stands between the server's word and the renaming, which is all that a restart goes by. */
  async #deliver(name: string, settings: MailSettings, mail: Mail): Promise<void> {
    await sendMail(settings, mail, idOf(name));
    renameSync(join(this.#folder, name), this.#sentFile(idOf(name)));
    await flushToDisk([this.#folder], [this.#folder]);
  }

  #sentFile(id: string): string {
    return join(this.#folder, `${id}.sent`);
  }

  #wasSent(id: string): boolean {
    return existsSync(this.#sentFile(id));
  }

  #forgetOld(): void {
    for (const name of readdirSync(this.#folder)) {
      const file = join(this.#folder, name);
      const isOld = name.endsWith('.sent') && Date.now() - statSync(file).mtimeMs > lifetimeMs;
      if (isOld) rmSync(file, {force: true});
    }
  }

  #tryLater(): void {
    if (this.#closed || this.#names().length === 0) return;
    clearTimeout(this.#timer);
    const wait = this.#patienceMs[Math.min(this.#failures, this.#patienceMs.length - 1)]!;
    this.#failures += 1;
    this.#timer = setTimeout(() => this.wake(), wait).unref();
  }

  async #keep(name: string, site: string, mail: Mail): Promise<void> {
    if (this.#names().length >= mostWaiting) throw new Error(`${mostWaiting} mails are waiting already`);
    const waiting: Waiting = {...mail, site, at: new Date().toISOString()};
    await writeFileAtomic(join(this.#folder, name), JSON.stringify(waiting), {mode: 0o600});
  }

  #names(): string[] {
    return readdirSync(this.#folder)
      .filter(name => name.endsWith('.json'))
      .sort();
  }
}

const idOf = (name: string): string => name.replace(/\.json$/, '');

function readWaiting(file: string): Waiting | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Waiting;
  } catch {
    return undefined;
  }
}
