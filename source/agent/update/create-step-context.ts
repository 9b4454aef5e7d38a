import type {ServiceContext} from '../service/service.js';
import {noteHook} from './running-hook.js';
import {workFolderOf} from './server-folder.js';
import type {StepContext} from './step-context.js';
import type {UpdateHost} from './update-host.js';

/** What the run of an update knows of itself when a step begins. */
type StepOfRun = Pick<
  StepContext,
  'request' | 'folder' | 'progress' | 'settings' | 'signal' | 'report' | 'usersLeft' | 'warn' | 'takeSite'
>;

/** Puts together what a step is given, of its run and of the agent. */
export function createStepContext(host: UpdateHost, run: StepOfRun): StepContext {
  const {request, settings, folder, signal} = run;
  const command: ServiceContext = {
    folder: settings.folder,
    signal,
    environment: {
      LOCKSTEP_SITE: request.site,
      LOCKSTEP_SERVER: host.serverName,
      LOCKSTEP_UPDATE_ID: request.id,
      LOCKSTEP_FOLDER: request.folder,
      LOCKSTEP_FROM: request.from,
      LOCKSTEP_TO: request.to,
    },
  };
  return {
    ...run,
    site: host.site(),
    service: host.service(settings),
    command,
    firm: {
      ...command,
      signal: new AbortController().signal,
      onCommand: (pid, verb) => noteHook(folder, pid, settings.service.commands[verb]?.timeoutMs),
    },
    tools: host.tools,
    dataFolder: host.dataFolder,
    workFolder: workFolderOf(request.folder, request.id),
    now: host.now,
    notice: (state, message, sessionsEndAt) =>
      host.publish({
        state,
        message,
        from: request.from,
        to: request.to,
        ...(sessionsEndAt === undefined ? {} : {sessionsEndAt}),
      }),
    setVersion: version => host.setVersion(version),
  };
}
