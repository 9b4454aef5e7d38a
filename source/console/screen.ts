import type {PreviewScreen} from './preview/preview-screen.js';
import type {AddServerScreen} from './screens/add-server.js';
import type {AuditScreen} from './screens/audit.js';
import type {BackupsScreen} from './screens/backups.js';
import type {ClusterFormScreen} from './screens/cluster-form.js';
import type {ClusterRelationshipScreen} from './screens/cluster-relationship.js';
import type {ClustersScreen} from './screens/clusters.js';
import type {CollisionsScreen} from './screens/collisions.js';
import type {ConnectionsScreen} from './screens/connections.js';
import type {DoctorScreen} from './screens/doctor.js';
import type {DownloadFilesScreen} from './screens/download-files.js';
import type {HistoryScreen} from './screens/history.js';
import type {IdentityScreen} from './screens/identity.js';
import type {ImportFileScreen} from './screens/import-file.js';
import type {LiveFormScreen} from './screens/live-form.js';
import type {LivePreviewScreen} from './screens/live-preview.js';
import type {LivesScreen} from './screens/lives.js';
import type {LogScreen} from './screens/log.js';
import type {NoticesScreen} from './screens/notices.js';
import type {OverviewScreen} from './screens/overview.js';
import type {PackageScreen} from './screens/package.js';
import type {PackageAssignScreen} from './screens/package-assign.js';
import type {PackageFetchScreen} from './screens/package-fetch.js';
import type {PackageFormScreen} from './screens/package-form.js';
import type {PackageLinkScreen} from './screens/package-link.js';
import type {PackageSitesScreen} from './screens/package-sites.js';
import type {PackagesScreen} from './screens/packages.js';
import type {PeersScreen} from './screens/peers.js';
import type {PickerScreen} from './screens/picker.js';
import type {PlansScreen} from './screens/plans.js';
import type {ProfileFormScreen} from './screens/profile-form.js';
import type {RelationshipScreen} from './screens/relationship.js';
import type {RelationshipsScreen} from './screens/relationships.js';
import type {ReleaseScreen} from './screens/release.js';
import type {ReleaseFormScreen} from './screens/release-form.js';
import type {ReleaseKeyScreen} from './screens/release-key.js';
import type {ReleaseSignScreen} from './screens/release-sign.js';
import type {ReleaseVerifyScreen} from './screens/release-verify.js';
import type {ReleasesScreen} from './screens/releases.js';
import type {RenameServerScreen} from './screens/rename-server.js';
import type {RolloutScreen} from './screens/rollout.js';
import type {RolloutCheckScreen} from './screens/rollout-check.js';
import type {RolloutFormScreen} from './screens/rollout-form.js';
import type {RolloutsScreen} from './screens/rollouts.js';
import type {RunScreen} from './screens/run.js';
import type {RunsScreen} from './screens/runs.js';
import type {ScheduleScreen} from './screens/schedule.js';
import type {SelectionScreen} from './screens/selection.js';
import type {ServerScreen} from './screens/server.js';
import type {ServerJournalScreen} from './screens/server-journal.js';
import type {ServersScreen} from './screens/servers.js';
import type {SettingsScreen} from './screens/settings.js';
import type {SkippedScreen} from './screens/skipped.js';
import type {TakeOverScreen} from './screens/take-over.js';
import type {TrustFormScreen} from './screens/trust-form.js';
import type {WizardScreen} from './screens/wizard.js';

/** The state of one of the console's screens; `kind` says of which. */
export type Screen =
  | OverviewScreen
  | ServersScreen
  | ServerScreen
  | AddServerScreen
  | RenameServerScreen
  | DoctorScreen
  | ConnectionsScreen
  | SettingsScreen
  | PlansScreen
  | LivePreviewScreen
  | PickerScreen
  | NoticesScreen
  | PeersScreen
  | TrustFormScreen
  | IdentityScreen
  | AuditScreen
  | BackupsScreen
  | RelationshipsScreen
  | RelationshipScreen
  | WizardScreen
  | ProfileFormScreen
  | PreviewScreen
  | RunScreen
  | RunsScreen
  | LogScreen
  | HistoryScreen
  | ScheduleScreen
  | SelectionScreen
  | CollisionsScreen
  | ClustersScreen
  | LivesScreen
  | LiveFormScreen
  | ClusterFormScreen
  | ClusterRelationshipScreen
  | DownloadFilesScreen
  | ImportFileScreen
  | PackageScreen
  | PackageAssignScreen
  | PackageFetchScreen
  | PackageFormScreen
  | PackageLinkScreen
  | PackageSitesScreen
  | PackagesScreen
  | RolloutScreen
  | RolloutCheckScreen
  | RolloutFormScreen
  | RolloutsScreen
  | ServerJournalScreen
  | TakeOverScreen
  | ReleaseScreen
  | ReleaseFormScreen
  | ReleaseKeyScreen
  | ReleaseSignScreen
  | ReleaseVerifyScreen
  | ReleasesScreen
  | SkippedScreen;

export type ScreenKind = Screen['kind'];
