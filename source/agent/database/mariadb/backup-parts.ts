import {createReadStream} from 'node:fs';
import {type Definition, textOf} from './definitions.js';

/*
 * A backup is one file of SQL: the tables, then, as comments that only we read, what is defined beside them, then the
 * triggers. Comments, because whether such a definition is to be made anew depends on what is there.
 */

/** A value cannot look like either: line ends in text are written as \n. */
const definitionsFollow = '\n-- lockstep: the definitions follow\n';
const triggersFollow = '\n-- lockstep: the triggers follow\n';

/** What lies between the tables and the triggers of a backup. */
export function middleOf(definitions: readonly Definition[]): string {
  const lines = definitions.map(definition => `-- ${textOf(definition)}\n`);
  return [definitionsFollow, ...lines, triggersFollow].join('');
}

/** Where the parts of a backup begin, bytes; one that was written before there were definitions has none. */
export type BackupParts = {readonly definitionsAt: number | undefined; readonly triggersAt: number};

/** @throws Error for a file that was cut off before the triggers */
export async function findParts(file: string): Promise<BackupParts> {
  const longest = Math.max(definitionsFollow.length, triggersFollow.length);
  let definitionsAt: number | undefined;
  let before = Buffer.alloc(0);
  let offset = 0;
  for await (const chunk of createReadStream(file, {highWaterMark: 1024 * 1024}) as AsyncIterable<Buffer>) {
    const text = Buffer.concat([before, chunk]);
    const placeOf = (mark: string) => {
      const found = text.indexOf(mark);
      return found < 0 ? undefined : offset - before.length + found;
    };
    definitionsAt ??= placeOf(definitionsFollow);
    const triggersAt = placeOf(triggersFollow);
    if (triggersAt !== undefined) return {definitionsAt, triggersAt};
    offset += chunk.length;
    before = Buffer.from(text.subarray(Math.max(0, text.length - longest)));
  }
  throw new Error('the triggers are missing');
}

/** The definitions of a backup; undefined for one that knows of none. */
export async function readParts(
  file: string,
  {definitionsAt, triggersAt}: BackupParts,
): Promise<Definition[] | undefined> {
  if (definitionsAt === undefined) return undefined;
  const chunks = createReadStream(file, {start: definitionsAt + definitionsFollow.length, end: triggersAt});
  const text = Buffer.concat(await Array.fromAsync(chunks as AsyncIterable<Buffer>)).toString('utf8');
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line.slice(3)) as Definition);
}
