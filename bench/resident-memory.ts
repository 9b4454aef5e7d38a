import {readFileSync} from 'node:fs';

/** What a process keeps in memory, in MiB, as the system counts it; `peak` since it started. */
export type ResidentMemory = {readonly now: number; readonly peak: number};

/** @returns undefined where there is no `/proc`, or no such process any more. */
export function residentMemory(pid: number | undefined): ResidentMemory | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const mebibytes = (name: string) =>
      Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
    return {now: mebibytes('VmRSS'), peak: mebibytes('VmHWM')};
  } catch {
    return undefined;
  }
}
