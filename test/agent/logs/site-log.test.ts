import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {gzipSync, zstdCompressSync} from 'node:zlib';
import test, {type ExecutionContext} from 'ava';
import type {LogMark} from '../../../source/agent/logs/log-file.js';
import {MergedLog} from '../../../source/agent/logs/merged-log.js';
import {readSiteLog} from '../../../source/agent/logs/read-site-log.js';
import type {TimedLine} from '../../../source/core/merge-by-time.js';

/** A folder with a log, and what a reader of it remembers. */
class Log {
  readonly folder: string;
  marks: readonly LogMark[] = [];
  problems: readonly string[] = [];
  #second = 0;

  constructor(t: ExecutionContext) {
    this.folder = mkdtempSync(path.join(os.tmpdir(), 'lockstep-logs-'));
    t.teardown(() => rmSync(this.folder, {recursive: true}));
  }

  file(name = 'a.log'): string {
    return path.join(this.folder, name);
  }

  write(...words: string[]): void {
    for (const word of words) appendFileSync(this.file(), `${this.#time()} ${word}\n`);
  }

  #time(): string {
    this.#second += 1;
    return new Date(Date.UTC(2026, 10, 21, 8, 0, this.#second)).toISOString();
  }

  /** The words that are new since the last time. */
  async read(): Promise<string> {
    const reading = await readSiteLog(this.folder, {path: 'a*.log'}, this.marks);
    const lines = await Array.fromAsync(reading.lines);
    this.marks = reading.marks();
    this.problems = reading.problems();
    return lines.map(({line}) => line.split(' ').at(-1)).join(' ');
  }
}

test('only what is new, whole lines, and a line without a time with the one before', async t => {
  const log = new Log(t);
  log.write('one', 'two');
  appendFileSync(log.file(), 'half');
  t.is(await log.read(), 'one two');
  t.is(await log.read(), '');
  appendFileSync(log.file(), 'way\n');
  t.is(await log.read(), 'halfway');
  log.write('three');
  t.is(await log.read(), 'three');
});

const rotations: Record<string, (log: Log) => void> = {
  renamed: log => renameSync(log.file(), log.file('a.log.1')),
  'copied and emptied': log => {
    copyFileSync(log.file(), log.file('a.log.1'));
    truncateSync(log.file(), 0);
  },
  'compressed with gzip': log => {
    writeFileSync(log.file('a.log-20261121.gz'), gzipSync(readFileSync(log.file())));
    rmSync(log.file());
  },
  'compressed with zstd': log => {
    writeFileSync(log.file('a.log.1.zst'), zstdCompressSync(readFileSync(log.file())));
    rmSync(log.file());
  },
  'renamed and being compressed': log => {
    renameSync(log.file(), log.file('a.log.1'));
    writeFileSync(log.file('a.log.1.gz'), gzipSync(readFileSync(log.file('a.log.1'))));
  },
};

for (const [name, rotate] of Object.entries(rotations))
  test(`a log that is ${name} is read to its end before the new one`, async t => {
    const log = new Log(t);
    log.write('one', 'two');
    t.is(await log.read(), 'one two');
    log.write('three');
    rotate(log);
    log.write('four');
    t.is(await log.read(), 'three four');
    t.is(await log.read(), '');
    log.write('five');
    t.is(await log.read(), 'five');
  });

test('rotated twice since, and one that was pushed on', async t => {
  const log = new Log(t);
  log.write('one');
  t.is(await log.read(), 'one');
  log.write('two');
  renameSync(log.file(), log.file('a.log.2'));
  log.write('three');
  renameSync(log.file(), log.file('a.log.1'));
  log.write('four');
  t.is(await log.read(), 'two three four');
  renameSync(log.file('a.log.2'), log.file('a.log.3'));
  renameSync(log.file('a.log.1'), log.file('a.log.2'));
  renameSync(log.file(), log.file('a.log.1'));
  log.write('five');
  t.is(await log.read(), 'five');
});

test('bytes stay as they are, and what cannot be unpacked is named', async t => {
  const log = new Log(t);
  writeFileSync(
    log.file(),
    Buffer.concat([Buffer.from('2026-11-21T08:00:00Z '), Buffer.from([0xff, 0xe9, 0x0a])]),
  );
  writeFileSync(log.file('a.log.1.bz2'), 'x');
  writeFileSync(log.file('a.log.2.gz'), 'no gzip');
  const reading = await readSiteLog(log.folder, {path: 'a.log'}, []);
  const [line] = await Array.fromAsync(reading.lines);
  t.deepEqual(Buffer.from(line!.line.slice(-2), 'latin1'), Buffer.from([0xff, 0xe9]));
  t.is(reading.problems().length, 2);
});

async function* lines(...entries: [at: number, line: string][]): AsyncGenerator<TimedLine> {
  for (const [at, line] of entries) yield {at, line};
}

test('late lines are put where they belong, and an interrupted merging is finished or forgotten', async t => {
  const {folder} = new Log(t);
  const merged = new MergedLog(folder, 'all.log');
  const add = (...entries: [number, string][]) =>
    merged.add(
      [lines(...entries)],
      () => ({east: []}),
      () => {},
    );
  const text = () => readFileSync(merged.file, 'utf8').trimEnd().split('\n').join(' ');
  t.is(await add([1, 'a'], [3, 'c'], [5, 'e']), 3);
  await add([5, 'f'], [7, 'g']);
  await add([2, 'b'], [3, 'd'], [6, 'x']);
  t.is(text(), 'a b c d e f x g');
  const failing = (async function* (): AsyncGenerator<TimedLine> {
    yield {at: 4, line: 'lost'};
    throw new Error('gone');
  })();
  await t.throwsAsync(
    merged.add(
      [failing],
      () => ({}),
      () => {},
    ),
    {message: 'gone'},
  );
  t.is(text(), 'a b c d e f x g');
  // As after a crash in the middle of the last step: the state says what the files have to become.
  const state = JSON.parse(readFileSync(path.join(folder, '.all.log.state.json'), 'utf8')) as object;
  writeFileSync(`${merged.file}.tail`, 'y\n');
  const entry = Buffer.alloc(12);
  entry.writeDoubleBE(8, 0);
  entry.writeUInt32BE(2, 8);
  writeFileSync(path.join(folder, '.all.log.index.tail'), entry);
  appendFileSync(merged.file, 'torn');
  writeFileSync(
    path.join(folder, '.all.log.state.json'),
    JSON.stringify({...state, pending: {cut: 16, cutLines: 8, length: 18, lines: 9}}),
  );
  await add([9, 'z']);
  t.is(text(), 'a b c d e f x g y z');
});
