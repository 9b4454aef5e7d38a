import {join} from 'node:path';
import {parseLogName} from '../../core/log-rotation.js';
import {createLogClock, type LogTimeFormat} from '../../core/log-time.js';
import {mergeByTime, type TimedLine} from '../../core/merge-by-time.js';
import {findLogFiles} from './find-log-files.js';
import {findMark, type LogMark, lookOf, markOf, readLog} from './log-file.js';

/** A log of agent.json. */
export type SiteLog = LogTimeFormat & {readonly path: string};

/** What is new in a log, and how far it has been read when the lines have been. */
export type LogReading = {
  readonly lines: AsyncIterable<TimedLine>;
  /** Known once `lines` has been read to its end. */
  marks(): readonly LogMark[];
  /** Files that could not be read, with the reason. */
  problems(): readonly string[];
};

/** Bytes of one line; a longer one is taken apart. */
const lineLimit = 256 * 1024;
/** Lines without a time at the beginning of a file that wait for the first with one. */
const untimedLimit = 1000;
/** Files that are remembered though they were not there. */
const awayLimit = 50;

/**
 * Reads what a log has got since it was read last (G6): a rotated file to its end before the one that took its place,
 * whatever rotation has done to its name; of the file that is written to only whole lines. A line without a time
 * stays with the one before. Lines are bytes, each as one character.
 */
export async function readSiteLog(
  root: string,
  {path: pattern, ...format}: SiteLog,
  known: readonly LogMark[],
): Promise<LogReading> {
  const clock = createLogClock(format);
  const timeOf = (line: string): number | undefined => {
    const time = clock(line);
    if (time === undefined) return undefined;
    // Written in the local time of this server.
    return time.zoned ? time.ms : new Date(time.ms).getTimezoneOffset() * 60_000 + time.ms;
  };
  const marks: LogMark[] = [];
  const problems: string[] = [];
  const sets = await findLogFiles(root, pattern);
  const streams = sets.map(paths => readSet({root, paths, known, timeOf, marks, problems}));
  const single = streams.length === 1 ? streams[0] : undefined;
  return {
    lines: single ?? mergeByTime(streams),
    marks: () => marks,
    problems: () => problems,
  };
}

type LogSet = {
  readonly root: string;
  readonly paths: readonly string[];
  readonly known: readonly LogMark[];
  readonly timeOf: (line: string) => number | undefined;
  readonly marks: LogMark[];
  readonly problems: string[];
};

/** The new lines of one log, file by file. */
async function* readSet(set: LogSet): AsyncGenerator<TimedLine, void, undefined> {
  const {root, paths, known, marks, problems} = set;
  const taken = new Set<LogMark>();
  const plan: {path: string; file: string; size: number; seen: string; mtimeMs: number; mark?: LogMark}[] =
    [];
  // Who is who is found out first: a file that was copied and emptied is known by the copy.
  for (const path of paths) {
    const file = join(root, path);
    if (parseLogName(path).compression === 'unreadable') {
      problems.push(`${path}: this compression cannot be read here`);
      continue;
    }
    try {
      const look = await lookOf(file);
      const found = await recognise(set, path, file, look.seen);
      // A copy, such as the plain form of what has just been compressed.
      if (found !== undefined && taken.has(found)) continue;
      if (found !== undefined) taken.add(found);
      plan.push({path, file, ...look, ...(found === undefined ? {} : {mark: found})});
    } catch (error) {
      problems.push(`${path}: ${(error as Error).message}`);
    }
  }
  // A file that is away now may be there again.
  const {stem} = parseLogName(paths[0] ?? '');
  const away = known.filter(mark => parseLogName(mark.path).stem === stem && !taken.has(mark));
  marks.push(...away.slice(-awayLimit));
  let lastAt: number | undefined;
  for (const [index, {path, file, size, seen, mtimeMs, mark}] of plan.entries()) {
    if (mark?.seen === seen) {
      marks.push({...mark, path});
      lastAt = mark.lastAt;
      continue;
    }
    const isActive = index === plan.length - 1;
    const progress = {offset: mark?.offset ?? 0, lastAt: mark?.lastAt ?? lastAt};
    const compressed = parseLogName(path).compression !== undefined;
    const content = readLog(file, progress.offset, compressed ? undefined : size);
    try {
      yield* timed(splitLines(content, isActive && !compressed, progress), set.timeOf, progress, mtimeMs);
    } catch (error) {
      // What was not read stays new.
      problems.push(`${path}: ${(error as Error).message}`);
    }
    lastAt = progress.lastAt ?? lastAt;
    const state = {path, offset: progress.offset, seen: isActive ? '' : seen, lastAt: lastAt ?? mtimeMs};
    const made = await markOf(file, state).catch(() => undefined);
    if (made !== undefined) marks.push(made);
  }
}

/** Which of the known files this one is, whatever it is called now. */
async function recognise(
  {known}: LogSet,
  path: string,
  file: string,
  seen: string,
): Promise<LogMark | undefined> {
  const {stem} = parseLogName(path);
  const same = known.find(mark => mark.seen === seen && parseLogName(mark.path).stem === stem);
  if (same !== undefined) return same;
  const candidates = known
    .filter(mark => parseLogName(mark.path).stem === stem && mark.offset > 0)
    .sort((a, b) => Number(b.path === path) - Number(a.path === path) || b.offset - a.offset);
  return await findMark(file, candidates);
}

/** Lines without their line feed. A last one without it is left for later where the file is still written to. */
async function* splitLines(
  content: AsyncIterable<Buffer>,
  isActive: boolean,
  progress: {offset: number},
): AsyncGenerator<string, void, undefined> {
  let rest = '';
  for await (const chunk of content) {
    let text = rest + chunk.toString('latin1');
    let from = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      progress.offset += end - from + 1;
      yield text.slice(from, end);
      from = end + 1;
    }
    text = text.slice(from);
    for (; text.length > lineLimit; text = text.slice(lineLimit)) {
      progress.offset += lineLimit;
      yield text.slice(0, lineLimit);
    }
    rest = text;
  }
  if (rest === '' || isActive) return;
  progress.offset += rest.length;
  yield rest;
}

/** Lines with their time; those without one have that of the line before, at the beginning that of the next. */
async function* timed(
  lines: AsyncIterable<string>,
  timeOf: (line: string) => number | undefined,
  progress: {lastAt: number | undefined},
  otherwiseMs: number,
): AsyncGenerator<TimedLine, void, undefined> {
  const untimed: string[] = [];
  for await (const line of lines) {
    const own = timeOf(line);
    const at = own === undefined ? progress.lastAt : Math.max(own, progress.lastAt ?? own);
    if (at === undefined && untimed.length < untimedLimit) {
      untimed.push(line);
      continue;
    }
    progress.lastAt = at ?? otherwiseMs;
    for (const early of untimed.splice(0)) yield {at: progress.lastAt, line: early};
    yield {at: progress.lastAt, line};
  }
  if (untimed.length === 0) return;
  progress.lastAt ??= otherwiseMs;
  for (const line of untimed) yield {at: progress.lastAt, line};
}
