import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';

/** A process as it can be told apart from a later one with the same number. */
export type ProcessIdentity = {readonly pid: number; readonly startedAt: string};

export function ownProcess(): ProcessIdentity {
  return {pid: process.pid, startedAt: processStart(process.pid) ?? ''};
}

/** A process of that number; undefined when there is none. */
export function processIdentity(pid: number): ProcessIdentity | undefined {
  const startedAt = processStart(pid);
  return startedAt === undefined ? undefined : {pid, startedAt};
}

/** Whether exactly that process is still there. */
export function isAlive({pid, startedAt}: ProcessIdentity): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return processStart(pid) === startedAt;
}

/** When a process was started, in whatever unit the system tells; undefined when it is gone. */
function processStart(pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The name in parentheses may hold blanks and parentheses; the fields after it are fixed (proc_pid_stat(5)).
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' ? undefined : fields[19];
    } catch {
      return undefined;
    }
  }
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {encoding: 'utf8'}).trim() || undefined;
  } catch {
    return undefined;
  }
}
