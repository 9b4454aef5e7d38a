import {showKey} from '../bindings.js';
import {isRunning, siteText, subjectOf} from '../describe.js';
import {definitionOf} from '../key-tables.js';
import {type Model, type Step, step} from '../model.js';
import {currentScreen, jump, push} from '../navigate.js';
import {previewScreen} from '../preview/preview-screen.js';
import {addServerScreen} from '../screens/add-server.js';
import {auditScreen} from '../screens/audit.js';
import {clustersScreen} from '../screens/clusters.js';
import {collisionsScreen} from '../screens/collisions.js';
import {connectionsScreen} from '../screens/connections.js';
import {doctorScreen} from '../screens/doctor.js';
import {identityScreen} from '../screens/identity.js';
import {livesScreen} from '../screens/lives.js';
import {logScreen} from '../screens/log.js';
import {noticesScreen} from '../screens/notices.js';
import {openPackages, sitesOf} from '../screens/package-sites.js';
import {packagesScreen} from '../screens/packages.js';
import {peersScreen} from '../screens/peers.js';
import {plansScreen} from '../screens/plans.js';
import {profileFormScreen} from '../screens/profile-form.js';
import {relationshipScreen} from '../screens/relationship.js';
import {relationshipsScreen} from '../screens/relationships.js';
import {releaseScreen} from '../screens/release.js';
import {releasesScreen} from '../screens/releases.js';
import {rolloutScreen} from '../screens/rollout.js';
import {rolloutsScreen} from '../screens/rollouts.js';
import {openRun, runsScreen} from '../screens/runs.js';
import {scheduleScreen} from '../screens/schedule.js';
import {serverScreen} from '../screens/server.js';
import {serversScreen} from '../screens/servers.js';
import {settingsScreen} from '../screens/settings.js';
import {wizardScreen} from '../screens/wizard.js';

/** Something that can be gone to, or done, by its name. */
export type PaletteEntry = {readonly name: string; readonly description: string; run(model: Model): Step};

/** Runs are found by id; more than the newest few would only be in the way. */
const listedRuns = 50;

/** Everything that can be gone to by name, and what the keys of the screen in sight do. */
export function paletteEntries(model: Model): PaletteEntry[] {
  const {servers, relationships, profiles, runs} = model.data;
  return [
    {name: 'overview', description: 'Where the console starts', run: before => step(jump(before))},
    {name: 'servers', description: 'All servers', run: before => step(jump(before, serversScreen()))},
    {
      name: 'relationships',
      description: 'All relationships',
      run: before => step(jump(before, relationshipsScreen())),
    },
    {
      name: 'doctor',
      description: 'What is wrong, and what to do',
      run: before => step(jump(before, doctorScreen())),
    },
    {
      name: 'saved plans',
      description: 'To be looked at, run exactly so, or deleted',
      run: before => step(jump(before, plansScreen())),
    },
    {
      name: 'settings',
      description: 'Times, colours, refreshing; what is kept where',
      run: before => step(push(before, settingsScreen())),
    },
    {
      name: 'own certificate',
      description: 'By which servers know this console',
      run: before => step(jump(before, identityScreen())),
    },
    {
      name: 'collisions',
      description: 'Rows that were renamed because two had one name',
      run: before => step(jump(before, collisionsScreen())),
    },
    {
      name: 'clusters',
      description: 'Sites behind a load balancer',
      run: before => step(jump(before, clustersScreen())),
    },
    {
      name: 'live syncs',
      description: 'Editorial sites and their live servers, in phases',
      run: before => step(jump(before, livesScreen())),
    },
    {
      name: 'releases',
      description: 'What servers can be updated to',
      run: before => step(jump(before, releasesScreen())),
    },
    {
      name: 'rollouts',
      description: 'Updates of servers to a release, in waves',
      run: before => step(jump(before, rolloutsScreen())),
    },
    {
      name: 'packages',
      description: 'Download packages of a site',
      run: before => openPackages(jump(before)),
    },
    {
      name: 'schedule',
      description: 'What starts by itself, and when',
      run: before => step(jump(before, scheduleScreen())),
    },
    {name: 'runs', description: 'Everything that ran', run: before => step(jump(before, runsScreen()))},
    {
      name: 'new relationship',
      description: 'Three steps; starts nothing',
      run: before => step(push(before, wizardScreen(before))),
    },
    {
      name: 'add server',
      description: 'By an invitation line',
      run: before => step(push(before, addServerScreen())),
    },
    {
      name: 'notices',
      description: 'What the console has said',
      run: before => step(push(before, noticesScreen())),
    },
    ...(model.offersDemo
      ? [
          {
            name: 'demo',
            description: 'Leave for three agents and a small site on this machine',
            run: (before: Model) => step({...before, demoWanted: true, leaving: true}),
          },
        ]
      : []),
    ...keysHere(model),
    {
      name: 'help',
      description: 'Keys of this screen',
      run: before => step({...before, overlay: {kind: 'help', top: 0}}),
    },
    {name: 'quit', description: 'Leave; runs continue', run: before => step({...before, leaving: true})},
    ...(relationships.value ?? []).map(entry => ({
      name: `relationship ${entry.name}`,
      description: 'Open it',
      run: (before: Model) => step(jump(before, relationshipScreen(entry.name))),
    })),
    ...(relationships.value ?? []).map(entry => ({
      name: `test ${entry.name}`,
      description: 'Try its connections',
      run: (before: Model) =>
        step(jump(before, relationshipScreen(entry.name), connectionsScreen(entry.name))),
    })),
    ...(profiles.value ?? []).flatMap(profile => [
      {
        name: `preview ${profile.relationship}/${profile.name}`,
        description: 'What it would change',
        run: (before: Model) =>
          step(
            jump(
              before,
              relationshipScreen(profile.relationship),
              previewScreen(profile.relationship, profile.name),
            ),
          ),
      },
      {
        name: `edit ${profile.relationship}/${profile.name}`,
        description: 'Edit the profile',
        run: (before: Model) =>
          step(
            jump(
              before,
              relationshipScreen(profile.relationship),
              profileFormScreen(before, profile, 'edit'),
            ),
          ),
      },
    ]),
    ...(servers.value ?? []).flatMap(server => [
      {
        name: `audit ${server.name}`,
        description: 'What was called, refused and done there',
        run: (before: Model) =>
          step(jump(before, serversScreen(), serverScreen(server.name), auditScreen(server.name))),
      },
      {
        name: `trust ${server.name}`,
        description: 'Whose certificates it has pinned',
        run: (before: Model) =>
          step(jump(before, serversScreen(), serverScreen(server.name), peersScreen(server.name))),
      },
    ]),
    ...(model.data.releases.value ?? []).map(({id, source}) => ({
      name: `release ${id}`,
      description: source,
      run: (before: Model) => step(jump(before, releasesScreen(), releaseScreen(id))),
    })),
    ...(model.data.rollouts.value ?? []).map(({name, release}) => ({
      name: `rollout ${name}`,
      description: release,
      run: (before: Model) => step(jump(before, rolloutsScreen(), rolloutScreen(name))),
    })),
    ...sitesOf(model).map(address => ({
      name: `packages ${siteText(address)}`,
      description: 'Its download packages',
      run: (before: Model) => step(jump(before, packagesScreen(address))),
    })),
    ...(servers.value ?? []).map(server => ({
      name: `server ${server.name}`,
      description: server.url,
      run: (before: Model) => step(jump(before, serversScreen(), serverScreen(server.name))),
    })),
    ...(runs.value ?? []).slice(0, listedRuns).map(run => ({
      name: `${isRunning(run) ? 'watch' : 'log'} ${run.runId}`,
      description: subjectOf(run),
      run: (before: Model) =>
        isRunning(run)
          ? openRun(jump(before, runsScreen()), run)
          : step(jump(before, runsScreen(), logScreen(run.runId))),
    })),
  ];
}

/** What the keys of the screen in sight do, for those who look for words. */
function keysHere(model: Model): PaletteEntry[] {
  const screen = currentScreen(model);
  return definitionOf(screen).bindings.flatMap(binding =>
    binding.label === undefined || binding.disabledBecause?.(model, screen) !== undefined
      ? []
      : [
          {
            name: binding.label,
            description: `${showKey(binding.keys[0])}  ${binding.description}`,
            run: (before: Model) => binding.run(before, screen),
          },
        ],
  );
}
