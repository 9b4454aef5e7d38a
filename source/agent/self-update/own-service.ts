import {OperatorError} from '../../core/operator-error.js';
import {compareReleaseVersions} from '../../core/release.js';
import type {Service} from '../service/service.js';
import {Interrupted} from '../update/interrupted.js';
import {identityOf, readMarker} from '../update/server-folder.js';
import type {Launch} from './launch.js';
import {endTrial, readTrial, writeTrial} from './trial.js';

/** Milliseconds beyond the time for its health within which a new version must have opened its sites. */
const openingMs = 300_000;

export type OwnServiceOptions = {
  readonly launch: Launch;
  /** `program` in the agent's data. */
  readonly folder: string;
  /** For the health of the new version, milliseconds. */
  readonly healthMs: () => number;
  /** Name of the console that has reached this process; undefined before one has. */
  readonly reachedBy: () => string | undefined;
  /** Asks for this process to end and the launcher to choose anew. */
  readonly restart: () => void;
};

/**
 * The agent itself as the service of its update (U13). It cannot stop and go on: to start the version that lies in its
 * place means to be replaced by it, and the update goes on there. A new version runs on trial until it was decided for, so
 * that one that crashes, hangs or cannot be reached leaves the launcher to start the old one.
 */
export function createOwnService(options: OwnServiceOptions): Service {
  const {launch, folder, healthMs, reachedBy, restart} = options;
  const isNew = (place: string) => readMarker(place)?.part === 'new';
  const replaced = () => {
    restart();
    return new Interrupted();
  };

  return {
    can: () => false,
    state: async () => 'running',
    sessions: async () => 0,
    stop: async () => 'It runs on until the other version takes its place.',
    migrate: async () => '',
    structureVersion: async () => undefined,

    async start({folder: place, environment}) {
      if (!isNew(place)) {
        endTrial(folder);
        // Its folder has another name by now, or none: what it has not loaded yet it would not find.
        if (launch.onTrial || identityOf(launch.root) !== launch.identity) throw replaced();
        return;
      }
      if (identityOf(place) === launch.identity) return;
      const update = environment.LOCKSTEP_UPDATE_ID!;
      const trial = readTrial(folder);
      if (trial?.update === update && trial.failed !== undefined)
        throw notStarted(environment.LOCKSTEP_TO!, trial.failed);
      if (trial?.update !== update) await writeTrial(folder, {update, limitMs: healthMs() + openingMs});
      throw replaced();
    },

    async tell(verb, {folder: place, environment}) {
      if (verb !== 'openLogins' || !isNew(place)) return;
      // It is decided: the new version needs nobody who watches over it any more.
      endTrial(folder);
      if (launch.onTrial || compareReleaseVersions(launch.version, environment.LOCKSTEP_TO!) < 0)
        throw replaced();
    },

    async health(version, {folder: place}) {
      if (!isNew(place)) return {kind: 'well', detail: `version ${launch.version} runs`};
      if (launch.version !== version) throw notStarted(version, readTrial(folder)?.failed);
      const by = reachedBy();
      return by === undefined
        ? {kind: 'unwell', detail: `version ${version} runs, and no console has reached it`}
        : {kind: 'well', detail: `version ${version} runs, and ${by} has reached it`};
    },
  };
}

/** @param why what the launcher noted of it */
function notStarted(version: string, why = 'another version was started in its place'): OperatorError {
  return new OperatorError('SERVICE_FAILED', `Version ${version} of the agent did not stay: ${why}`, {
    hint: 'The version before runs. What the new one said is in the log of its service, too.',
  });
}
