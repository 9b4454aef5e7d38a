import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {type FileHandle, open, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import writeFileAtomic from 'write-file-atomic';
import {withLock} from '../../system/process-lock.js';

/** Something worth remembering for good: a call that changes something, a refusal, an act at the command line (X7). */
export type AuditEvent = {
  readonly kind: 'call' | 'refusal' | 'command';
  /** Method and path of a call, or the command. */
  readonly what: string;
  readonly caller?: {readonly fingerprint: string; readonly name: string; readonly role: string};
  readonly address?: string;
  /** Error code of a refusal. */
  readonly code?: string;
  readonly detail?: string;
  /** How many events of this kind were left out before this one, because there was a flood of them. */
  readonly suppressed?: number;
};

export type AuditLog = {
  /** Resolves when the event is on the disk. */
  append(event: AuditEvent): Promise<void>;
};

export type AuditVerdict =
  | {readonly kind: 'whole'; readonly entries: number}
  | {readonly kind: 'tampered'; readonly entries: number; readonly line: number; readonly detail: string};

/** Where the log stood when it was written last; it is what tells a log that lost its end. */
type Head = {readonly entries: number; readonly hash: string; readonly bytes: number};

const start: Head = {entries: 0, hash: '0'.repeat(64), bytes: 0};
const logPath = (dataFolder: string) => join(dataFolder, 'audit.ndjson');
const headPath = (dataFolder: string) => join(dataFolder, 'audit-head.json');

/**
 * Opens the audit log of the agent in `dataFolder`. Every line carries the hash of the line before, so that no line
 * can be changed or removed without the rest giving it away. The agent and the command line may write at the same
 * time.
 */
export function openAuditLog(dataFolder: string): AuditLog {
  let waiting: {event: AuditEvent; at: string; done: () => void; failed: (error: unknown) => void}[] = [];
  let writing = false;
  const drain = async () => {
    writing = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        await withLock(`${logPath(dataFolder)}.lock`, () => write(dataFolder, batch));
        for (const {done} of batch) done();
      } catch (error) {
        for (const {failed} of batch) failed(error);
      }
    }
    writing = false;
  };
  return {
    append: event =>
      new Promise((done, failed) => {
        waiting.push({event, at: new Date().toISOString(), done, failed});
        if (!writing) void drain();
      }),
  };
}

/** Checks the whole chain against the kept head. Reads; never repairs. */
export async function verifyAuditLog(dataFolder: string): Promise<AuditVerdict> {
  // The head first: the log only grows, so whatever is written meanwhile comes after it.
  const head = await readHead(dataFolder);
  let entries = 0;
  let hash = start.hash;
  let hashAtHead = head?.entries === 0 ? start.hash : undefined;
  const tampered = (line: number, detail: string): AuditVerdict => ({
    kind: 'tampered',
    entries,
    line,
    detail,
  });
  try {
    const input = createReadStream(logPath(dataFolder));
    for await (const line of createInterface({input, crlfDelay: Number.POSITIVE_INFINITY})) {
      const found = readLine(line);
      if (!found) return tampered(entries + 1, 'The line was changed: it does not have the hash it names.');
      if (found.seq !== entries + 1 || found.prev !== hash)
        return tampered(entries + 1, 'A line before this one was removed or put in: the chain is broken.');
      entries += 1;
      hash = found.hash;
      if (entries === head?.entries) hashAtHead = hash;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return tampered(0, 'The log is missing.');
  }
  if (!head)
    return tampered(entries, 'The record of where the log ends (audit-head.json) is missing or damaged.');
  if (entries < head.entries)
    return tampered(
      entries,
      `The end is missing: ${head.entries} entries were written, ${entries} are left.`,
    );
  if (hashAtHead !== head.hash)
    return tampered(head.entries, 'The log was written anew: it is not the chain that was kept.');
  return {kind: 'whole', entries};
}

async function write(dataFolder: string, batch: readonly {event: AuditEvent; at: string}[]): Promise<void> {
  const log = await open(logPath(dataFolder), 'a+', 0o600);
  try {
    let head = await continueFrom(log, (await readHead(dataFolder)) ?? start);
    let text = '';
    for (const {event, at} of batch) {
      const body = JSON.stringify({seq: head.entries + 1, at, ...event, prev: head.hash});
      const hash = hashOf(body);
      const line = `${body.slice(0, -1)},"hash":"${hash}"}\n`;
      text += line;
      head = {entries: head.entries + 1, hash, bytes: head.bytes + Buffer.byteLength(line)};
    }
    await log.appendFile(text);
    // The head must never be ahead of the log on the disk: after a power cut that would look like tampering.
    await log.datasync();
    await writeFileAtomic(headPath(dataFolder), `${JSON.stringify(head)}\n`, {mode: 0o600});
  } finally {
    await log.close();
  }
}

/**
 * Where to go on. A crash between log and head leaves lines after the head's: whole ones that continue the chain
 * count, a torn one is cut off. A log that is shorter than its head was cut by somebody; writing goes on with the
 * head's numbers, so that the gap stays visible.
 */
async function continueFrom(log: FileHandle, head: Head): Promise<Head> {
  const {size} = await log.stat();
  if (size < head.bytes) return {...head, bytes: size};
  if (size === head.bytes) return head;
  const rest = Buffer.alloc(Math.min(size - head.bytes, 16 * 1024 * 1024));
  await log.read(rest, 0, rest.length, head.bytes);
  let reached = head;
  for (let begin = 0; ; ) {
    const end = rest.indexOf(0x0a, begin);
    if (end < 0) {
      if (reached.bytes < size) await log.truncate(reached.bytes);
      return reached;
    }
    const found = readLine(rest.toString('utf8', begin, end));
    // Foreign lines stay where they are, for verification to find.
    if (!found || found.prev !== reached.hash) return {...reached, bytes: size};
    reached = {entries: found.seq, hash: found.hash, bytes: head.bytes + end + 1};
    begin = end + 1;
  }
}

async function readHead(dataFolder: string): Promise<Head | undefined> {
  try {
    const value = JSON.parse(await readFile(headPath(dataFolder), 'utf8')) as Partial<Head>;
    if (
      Number.isSafeInteger(value.entries) &&
      Number.isSafeInteger(value.bytes) &&
      typeof value.hash === 'string'
    )
      return value as Head;
  } catch {
    // Missing or damaged alike: the log alone then says where it ends, and verification tells.
  }
  return undefined;
}

function readLine(line: string): {seq: number; prev: string; hash: string} | undefined {
  const match = /^(.*),"hash":"([0-9a-f]{64})"\}$/s.exec(line);
  const body = `${match?.[1]}}`;
  const hash = match?.[2];
  if (hash === undefined || hashOf(body) !== hash) return undefined;
  try {
    const {seq, prev} = JSON.parse(body) as {seq: unknown; prev: unknown};
    return typeof seq === 'number' && typeof prev === 'string' ? {seq, prev, hash} : undefined;
  } catch {
    return undefined;
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
