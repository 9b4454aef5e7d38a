import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {spawn} from 'node-pty';
import {formatRunId} from '../source/core/run-id.js';
import {residentMemory} from './resident-memory.js';

const program = path.join(import.meta.dirname, '../../source/bin/lockstep.cjs');

/** Ink ends every frame with this: the end of a synchronized update. */
const frameEnd = '\x1b[?2026l';

/** Milliseconds in which a screen that has everything draws nothing but its clock. */
const idleMs = 30_000;

const starts = 5;
const presses = 200;

/**
 * `npm run bench -- console [--entries N]`: the console on N runs, of which the last has N items, in a pseudo-terminal
 * of 120x40. Prints what issue readers ask first: how long until something is to be seen, how long from a key to its
 * frame, what moving a selection costs on the line, and what the console takes while nobody touches it.
 */
export async function benchConsole(options: {entries: number}, print: (line: string) => void): Promise<void> {
  const home = mkdtempSync(path.join(os.tmpdir(), 'lockstep-bench-console-'));
  try {
    fillHome(home, options.entries);
    print(`${options.entries} runs, the last with ${options.entries} items, in 120x40`);
    print('what | measured | aim');
    const firstFrames: {wallMs: number; cpuMs: number | undefined}[] = [];
    for (let turn = 0; turn < starts; turn++) firstFrames.push(await measureStart(home));
    const cpu = firstFrames.flatMap(({cpuMs}) => cpuMs ?? []);
    const wall = firstFrames.map(({wallMs}) => wallMs);
    print(
      `first frame, median of ${starts} | ${share(wall, 0.5).toFixed(0)} ms, of it ${cpu.length === 0 ? '?' : share(cpu, 0.5).toFixed(0)} ms of CPU | < 400 ms`,
    );

    const console = openConsole(home);
    try {
      await console.frame();
      await console.press('R', /runs[\s\S]*Members/);
      await measureKeys('the list of runs', console, options.entries, print);
      await console.press('\x1b[H\r', /items[\s\S]*page/);
      await measureKeys('the items of a run', console, options.entries, print);
      await measureIdle(console, print);
    } finally {
      console.close();
    }
  } finally {
    rmSync(home, {recursive: true, force: true});
  }
}

/** Journals as runs write them; a console reads nothing else of the past. */
function fillHome(home: string, entries: number): void {
  const runs = path.join(home, 'runs');
  mkdirSync(runs, {recursive: true});
  const begin = Date.parse('2026-01-01T00:00:00Z');
  for (let index = 0; index < entries; index++) {
    const at = new Date(begin + index * 60_000).toISOString();
    const runId = formatRunId(
      Date.parse(at),
      Uint8Array.from({length: 6}, (_, byte) => index >> (byte * 4)),
    );
    const last = index === entries - 1;
    const items = Array.from({length: last ? entries : 1}, (_, item) => ({
      type: 'run.item',
      item: {type: 'row', table: 'pages', key: [String(item + 1)]},
      side: 'remote',
      action: 'update',
      outcome: 'applied',
    }));
    const events = [
      {type: 'hello', version: 1},
      {
        ...{type: 'run.started', runId, kind: 'sync', relationship: 'staging-production', profile: 'Members'},
        ...{direction: 'upload', by: 'anna', startedAt: at, pid: 1, processStart: '1', host: 'ops1'},
      },
      ...items,
      {
        ...{type: 'run.finished', at, runId, status: 'success', applied: items.length, skipped: 0},
        ...{total: items.length, conflicts: 0, collisions: 0, deleted: 0, bytes: 4096, durationMs: 1200},
      },
    ];
    writeFileSync(
      path.join(runs, `${runId}.ndjson`),
      events.map(event => `${JSON.stringify(event)}\n`).join(''),
    );
  }
}

async function measureStart(home: string): Promise<{wallMs: number; cpuMs: number | undefined}> {
  const begin = performance.now();
  const console = openConsole(home);
  try {
    await console.frame();
    return {wallMs: performance.now() - begin, cpuMs: cpuMs(console.pid)};
  } finally {
    console.close();
  }
}

async function measureKeys(
  where: string,
  console: Terminal,
  entries: number,
  print: (line: string) => void,
): Promise<void> {
  const times: number[] = [];
  const bytes: number[] = [];
  for (let turn = 0; turn < presses; turn++) {
    const began = performance.now();
    const sent = console.sent();
    console.write(turn % 20 === 19 ? '\x1b[6~' : '\x1b[B');
    await console.frame();
    times.push(performance.now() - began);
    // A page down replaces every row; what is counted is one step.
    if (turn % 20 !== 19) bytes.push(console.sent() - sent);
    await delay(10);
  }
  print(
    `${where} (${entries}): key to frame, p50 / p95 | ${share(times, 0.5).toFixed(1)} / ${share(times, 0.95).toFixed(1)} ms | p95 < 30 ms`,
  );
  print(`${where}: bytes for one step, p50 / most | ${share(bytes, 0.5)} / ${share(bytes, 1)} | <= 1024`);
}

async function measureIdle(console: Terminal, print: (line: string) => void): Promise<void> {
  await delay(2000);
  const before = cpuMs(console.pid);
  const sent = console.sent();
  await delay(idleMs);
  const after = cpuMs(console.pid);
  const used =
    before === undefined || after === undefined ? '?' : (((after - before) / idleMs) * 100).toFixed(2);
  print(`idle for ${idleMs / 1000} s: CPU | ${used} % | < 1 %`);
  print(`idle: sent each second | ${Math.round((console.sent() - sent) / (idleMs / 1000))} bytes | -`);
  const memory = residentMemory(console.pid);
  print(`resident memory, now / most | ${memory?.now ?? '?'} / ${memory?.peak ?? '?'} MiB | < 150 MiB`);
}

type Terminal = ReturnType<typeof openConsole>;

/** The console as it is installed, in a pseudo-terminal. */
function openConsole(home: string) {
  const {NO_COLOR: _, ...environment} = process.env;
  const child = spawn(process.execPath, [program, '--home', home], {
    cols: 120,
    rows: 40,
    env: {...environment, TERM: 'xterm-256color'} as Record<string, string>,
  });
  let sent = 0;
  let tail = '';
  let screen = '';
  let wake: (() => void) | undefined;
  child.onData(data => {
    sent += Buffer.byteLength(data);
    screen = (screen + data).slice(-200_000);
    tail = (tail + data).slice(-frameEnd.length);
    if (data.includes(frameEnd) || tail === frameEnd) wake?.();
  });
  const frame = () =>
    new Promise<void>(resolve => {
      wake = resolve;
    });
  return {
    pid: child.pid,
    sent: () => sent,
    frame,
    write: (keys: string) => child.write(keys),
    async press(keys: string, shows: RegExp) {
      screen = '';
      child.write(keys);
      while (!shows.test(screen)) await frame();
    },
    close: () => child.kill('SIGKILL'),
  };
}

/** CPU that a process has used, milliseconds; undefined where there is no `/proc`. */
function cpuMs(pid: number): number | undefined {
  try {
    // The name in brackets may hold blanks.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    const ticksPerSecond = 100;
    return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1000;
  } catch {
    return undefined;
  }
}

/** @param part 0.5 for the median, 0.95, or 1 for the most */
function share(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}
