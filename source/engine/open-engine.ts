import {watchHome} from '../state/watch-home.js';
import {createBackups} from './backups.js';
import {createBrowse} from './browse.js';
import {createClusters} from './clusters.js';
import {createCollisions} from './collisions/review-collisions.js';
import {createDescriptions} from './describe-actions.js';
import {examine} from './doctor.js';
import type {Engine} from './engine.js';
import {openEngineContext, type StartDetached} from './engine-context.js';
import {createHistory} from './history/history.js';
import {createLives} from './live/lives.js';
import {createPackages} from './packages.js';
import {savePlan} from './plan-file.js';
import {createProfiles} from './profiles.js';
import {createRelationships} from './relationships.js';
import {createReleases} from './releases/create-releases.js';
import {createRollouts} from './rollouts/rollouts.js';
import {createRuns} from './runs.js';
import {createPlans} from './saved-plans.js';
import {createScheduler} from './scheduler/scheduler.js';
import {createServers} from './servers.js';
import {createSettings} from './settings.js';
import {createPreviews} from './take-preview.js';
import {createTrust} from './trust.js';

/** The operator's verbs over the console's folder, which is made on first use. @param startDetached as of the context */
export async function openEngine(home: string, startDetached?: StartDetached): Promise<Engine> {
  const context = await openEngineContext(home, startDetached);
  const releases = createReleases(context);
  const servers = createServers(context, releases);
  const runs = createRuns(context);
  const collisions = createCollisions(context);
  return {
    home: context.home,
    watch: onChange => watchHome({home: context.home, statePath: context.state.path}, onChange),
    servers,
    clusters: createClusters(context),
    lives: createLives(context),
    relationships: createRelationships(context),
    profiles: createProfiles(context),
    ...createPreviews(context),
    ...createDescriptions(context),
    savePlan,
    doctor: () => examine(context, {servers, runs, collisions}),
    history: createHistory(context),
    packages: createPackages(context),
    releases,
    trust: createTrust(context, servers),
    browse: createBrowse(context),
    plans: createPlans(context),
    settings: createSettings(context),
    rollouts: createRollouts(context),
    collisions,
    runs,
    backups: createBackups(context),
    scheduler: createScheduler(context),
  };
}
