import {closeSync, fsyncSync, futimesSync, openSync, writeSync} from 'node:fs';

/** Bytes of lines that are gathered before they are written together; a run may have a hundred thousand items. */
const batchBytes = 64 * 1024;
/** Milliseconds after which gathered lines are written at the latest. */
const batchMs = 100;
/** Milliseconds between signs of life: the journal's modification time, when there is nothing to write. */
export const heartbeatMs = 5_000;

/** A line of a journal. */
export type JournalEvent = {readonly type: string};

/** Appends events to a journal. Items and progress of a run leave together; everything else at once. */
export type JournalWriter<Event extends JournalEvent> = {
  append(event: Event): void;
  /** Writes what is gathered, makes it durable and stops the heartbeat. @throws the system's error */
  close(): void;
};

/** Opens a journal for appending. The file must exist: whoever starts a run makes it. */
export function openJournalWriter<Event extends JournalEvent>(file: string): JournalWriter<Event> {
  const descriptor = openSync(file, 'a', 0o600);
  let gathered = '';
  /** What the disk has not taken yet. */
  let unwritten = Buffer.alloc(0);
  let timer: NodeJS.Timeout | undefined;
  const write = () => {
    if (gathered !== '') unwritten = Buffer.concat([unwritten, Buffer.from(gathered)]);
    gathered = '';
    // Short writes happen on full disks and network file systems.
    while (unwritten.length > 0) unwritten = unwritten.subarray(writeSync(descriptor, unwritten));
  };
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    try {
      write();
    } catch {
      // A full disk under the journal must not end a run: the lines are kept, and written when there is room.
    }
  };
  const heartbeat = setInterval(() => {
    flush();
    const now = new Date();
    try {
      futimesSync(descriptor, now, now);
    } catch {
      // As above; the process itself is the better sign of life.
    }
  }, heartbeatMs);
  heartbeat.unref();
  return {
    append(event) {
      gathered += `${JSON.stringify(event)}\n`;
      const canWait = event.type === 'run.item' || event.type === 'run.progress';
      if (!canWait || gathered.length >= batchBytes) flush();
      else timer ??= setTimeout(flush, batchMs).unref();
    },
    close() {
      clearInterval(heartbeat);
      clearTimeout(timer);
      write();
      fsyncSync(descriptor);
      closeSync(descriptor);
    },
  };
}
