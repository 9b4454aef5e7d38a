import {spawnSync} from 'node:child_process';
import {readFileSync, rmSync} from 'node:fs';
import path from 'node:path';

/*
 * Runs ava with the arguments given. On a busy machine, a test of real processes may fail that holds by itself: a file
 * with a failed test is run once more, alone, and what held only then is said last, so that nobody overlooks it.
 */

const failedList = path.resolve('node_modules/.cache/ava/failing-tests.json');

function ava(argv: readonly string[]): number {
  // ava keeps no list of what failed where it believes to be on a build server.
  const env = {...process.env, AVA_FORCE_CI: 'not-ci'};
  const {status, error} = spawnSync('ava', [...argv], {stdio: 'inherit', env});
  if (error !== undefined) throw error;
  return status ?? 1;
}

/** Files in which a test failed by an assertion or an error; a crash or a time-out of a whole file is in none. */
function failedFiles(): string[] {
  try {
    return JSON.parse(readFileSync(failedList, 'utf8')) as string[];
  } catch {
    return [];
  }
}

rmSync(failedList, {force: true});
const status = ava(process.argv.slice(2));
const failed = failedFiles().map(file => path.relative('.', file));
if (status === 0 || failed.length === 0) process.exit(status);
console.log(`\nOnce more, alone: ${failed.join(', ')}`);
const again = ava(['--concurrency=1', ...failed]);
if (again === 0)
  console.log(`\nUNSTEADY: failed among the others and held alone: ${failed.join(', ')}. Find out why.`);
process.exit(again);
