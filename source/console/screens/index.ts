import type {Screen, ScreenKind} from '../screen.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {addServer} from './add-server.js';
import {audit} from './audit.js';
import {backups} from './backups.js';
import {clusterForm} from './cluster-form.js';
import {clusterRelationship} from './cluster-relationship.js';
import {clusters} from './clusters.js';
import {collisions} from './collisions.js';
import {connections} from './connections.js';
import {doctor} from './doctor.js';
import {downloadFiles} from './download-files.js';
import {history} from './history.js';
import {identity} from './identity.js';
import {importFile} from './import-file.js';
import {liveForm} from './live-form.js';
import {livePreview} from './live-preview.js';
import {lives} from './lives.js';
import {log} from './log.js';
import {notices} from './notices.js';
import {overview} from './overview.js';
import {packageDefinition} from './package.js';
import {packageAssign} from './package-assign.js';
import {packageFetch} from './package-fetch.js';
import {packageForm} from './package-form.js';
import {packageLink} from './package-link.js';
import {packageSites} from './package-sites.js';
import {packages} from './packages.js';
import {peers} from './peers.js';
import {picker} from './picker.js';
import {plans} from './plans.js';
import {preview} from './preview.js';
import {profileForm} from './profile-form.js';
import {relationship} from './relationship.js';
import {relationships} from './relationships.js';
import {release} from './release.js';
import {releaseForm} from './release-form.js';
import {releaseKey} from './release-key.js';
import {releaseSign} from './release-sign.js';
import {releaseVerify} from './release-verify.js';
import {releases} from './releases.js';
import {renameServer} from './rename-server.js';
import {rollout} from './rollout.js';
import {rolloutCheck} from './rollout-check.js';
import {rolloutForm} from './rollout-form.js';
import {rollouts} from './rollouts.js';
import {run} from './run.js';
import {runs} from './runs.js';
import {schedule} from './schedule.js';
import {selection} from './selection.js';
import {server} from './server.js';
import {serverJournal} from './server-journal.js';
import {servers} from './servers.js';
import {settings} from './settings.js';
import {skipped} from './skipped.js';
import {takeOver} from './take-over.js';
import {trustForm} from './trust-form.js';
import {wizard} from './wizard.js';

type Definitions = {readonly [K in ScreenKind]: ScreenDefinition<Extract<Screen, {kind: K}>>};

/** Every screen of the console, by kind. */
export const screens: Definitions = {
  overview,
  servers,
  server,
  'add-server': addServer,
  'rename-server': renameServer,
  doctor,
  connections,
  settings,
  plans,
  'live-preview': livePreview,
  picker,
  notices,
  peers,
  'trust-form': trustForm,
  identity,
  audit,
  backups,
  relationships,
  relationship,
  wizard,
  'profile-form': profileForm,
  preview,
  run,
  runs,
  log,
  history,
  schedule,
  selection,
  collisions,
  clusters,
  'live-form': liveForm,
  'cluster-form': clusterForm,
  'cluster-relationship': clusterRelationship,
  lives,
  releases,
  release,
  'release-form': releaseForm,
  'release-sign': releaseSign,
  'release-verify': releaseVerify,
  'release-key': releaseKey,
  rollouts,
  rollout,
  'rollout-form': rolloutForm,
  'rollout-check': rolloutCheck,
  'server-journal': serverJournal,
  'take-over': takeOver,
  packages,
  package: packageDefinition,
  'package-form': packageForm,
  'package-assign': packageAssign,
  'package-fetch': packageFetch,
  'package-link': packageLink,
  'package-sites': packageSites,
  'download-files': downloadFiles,
  'import-file': importFile,
  skipped,
};

/** The definition of a screen; the kind ties the two together, which the type system cannot follow here. */
export function definitionOf(screen: Screen): ScreenDefinition<Screen> {
  return screens[screen.kind] as unknown as ScreenDefinition<Screen>;
}
