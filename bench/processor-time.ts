import {readdirSync, readFileSync} from 'node:fs';
import {runSql} from '../test/helpers/run-sql.js';

/** Clock ticks of `/proc/PID/stat` in a second; 100 on every Linux of today. */
const ticksPerSecond = 100;

/**
 * Seconds of processor time that a process, its children and those that it has waited for have used so far. On a
 * loaded machine it says more than the clock on the wall.
 * @returns 0 for a process that is gone or where there is no `/proc`
 */
export function processorSeconds(pid: number | undefined): number {
  if (pid === undefined) return 0;
  try {
    // The name of the program stands in brackets and may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, text) => sum + Number(text), 0);
    return childrenOf(pid).reduce((sum, child) => sum + processorSeconds(child), ticks / ticksPerSecond);
  } catch {
    return 0;
  }
}

/** The process of a database server on this machine; undefined when it is elsewhere or tells nobody. */
export async function serverProcess(url: string): Promise<number | undefined> {
  const isPostgres = url.startsWith('postgres');
  try {
    const [[place] = []] = await runSql(url, isPostgres ? 'SHOW data_directory' : 'SELECT @@pid_file');
    const file = isPostgres ? `${place}/postmaster.pid` : `${place}`;
    const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
    return Number.isSafeInteger(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap(task =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}
