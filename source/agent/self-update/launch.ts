import {programRoot} from '../../system/program-files.js';
import {version} from '../../system/version.js';
import {identityOf} from '../update/server-folder.js';

/** Exit status of an agent that is to be started anew, in source/bin/agent-program.cjs as well. */
const restartStatus = 75;

/** How this process of an agent came about (source/bin/agent-program.cjs). */
export type Launch = {
  readonly version: string;
  /** Folder of the program that runs, as it was called when it started. */
  readonly root: string;
  /** `device:inode` of that folder, which stays when it gets another name. */
  readonly identity: string | undefined;
  /** Whether it is a new version that somebody watches over until it is decided for. */
  readonly onTrial: boolean;
  /** Whether whoever started it can start another version in its place. */
  readonly canChange: boolean;
};

/** Reads how this process came about, and lets none of the programs that it starts believe the same of themselves. */
export function readLaunch(environment: NodeJS.ProcessEnv = process.env): Launch {
  const onTrial = environment.LOCKSTEP_TRIAL !== undefined;
  const canChange = onTrial || environment.LOCKSTEP_LAUNCHED !== undefined;
  delete environment.LOCKSTEP_TRIAL;
  delete environment.LOCKSTEP_LAUNCHED;
  return {version, root: programRoot, identity: identityOf(programRoot), onTrial, canChange};
}

/**
 * Lets the launcher choose the program anew: in the place of this process where the system can do that, so that whoever
 * watches it sees no end; else this process ends, and whoever watches it starts another one.
 */
export function startAnew({onTrial}: Launch): never {
  if (!onTrial && process.execve !== undefined && process.platform !== 'win32')
    process.execve(
      process.execPath,
      [process.execPath, ...process.execArgv, ...process.argv.slice(1)],
      process.env,
    );
  process.exit(restartStatus);
}
