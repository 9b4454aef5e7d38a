import type {RegisteredFile} from '../core/package.js';
import type {ReleaseManifest} from '../core/release.js';
import type {RunEvent, RunItem} from '../core/run-event.js';
import type {UpdateEvent, UpdateStatus} from '../core/update-status.js';
import type {
  ActionDetail,
  BackupDescription,
  ConnectionTest,
  HistoryEntry,
  LivePreview,
  PreviewResult,
  RunEntry,
  ServerCheck,
  ShownItem,
  SiteAddress,
} from '../engine/engine.js';
import type {PackageEntry} from '../engine/packages.js';
import type {ReleaseEntry} from '../engine/releases.js';
import type {RolloutCheck, RolloutEntry} from '../engine/rollouts/rollout-verbs.js';
import type {HomeFacts} from '../engine/settings.js';
import type {AuditEntry, AuditVerdict, ConsoleRole, PinnedPeer} from '../engine/trust.js';
import type {Key} from './key-splitter.js';
import type {PickerEntry} from './picker/picker-entries.js';
import type {Fault, Shared, SharedData} from './shared-data.js';

/** What `update` is told. Times are epoch milliseconds. */
export type ConsoleEvent =
  | {readonly type: 'key'; readonly key: Key}
  | {readonly type: 'paste'; readonly text: string}
  | {readonly type: 'tick'; readonly now: number}
  | {readonly type: 'resize'; readonly columns: number; readonly rows: number}
  | {
      readonly type: 'loaded';
      readonly what: Shared;
      readonly value: SharedData[Shared]['value'];
      readonly at: number;
    }
  | {readonly type: 'load-failed'; readonly what: Shared; readonly fault: Fault}
  | {
      readonly type: 'checked';
      readonly server: string;
      readonly check: ServerCheck;
      /** Its databases were not asked; what they said before still stands. */
      readonly quick: boolean;
      readonly at: number;
    }
  | {readonly type: 'check-failed'; readonly server: string; readonly fault: Fault}
  | {
      readonly type: 'packages-read';
      readonly address: SiteAddress;
      readonly packages: readonly PackageEntry[];
      readonly files: readonly RegisteredFile[];
      /** Names of packages that had expired and are deleted (P7). */
      readonly expired: readonly string[];
      readonly at: number;
    }
  | {readonly type: 'packages-failed'; readonly address: SiteAddress; readonly fault: Fault}
  /** Another process changed the state file or started a run. */
  | {readonly type: 'world-changed'; readonly what: 'state' | 'runs'}
  | {readonly type: 'changed'; readonly text: string; readonly reload: readonly Shared[]}
  | {readonly type: 'failed'; readonly doing: string; readonly fault: Fault}
  | {
      readonly type: 'run-started';
      readonly runId: string;
      readonly relationship: string;
      readonly profile: string;
    }
  | {readonly type: 'answer'; readonly screen: number; readonly answer: Answer};

/** An answer that only the screen which asked cares for; when it has been closed, nobody does. */
export type Answer =
  | {readonly kind: 'fault'; readonly fault: Fault}
  | {readonly kind: 'saved'; readonly text: string}
  | {
      readonly kind: 'connected';
      readonly server: string;
      readonly checks: Readonly<Record<string, ServerCheck>>;
    }
  /** An agent has begun something that takes long. */
  | {readonly kind: 'working'; readonly text: string}
  | {
      readonly kind: 'backups';
      readonly folder: string;
      readonly backups: readonly BackupDescription[];
      readonly at: number;
    }
  | {
      readonly kind: 'peers';
      readonly peers: readonly (PinnedPeer & {readonly own: boolean})[];
      readonly at: number;
    }
  | {
      readonly kind: 'invited';
      readonly invitation: string;
      readonly expiresAt: string;
      readonly role: ConsoleRole;
    }
  | {
      readonly kind: 'audit';
      readonly entries: readonly AuditEntry[];
      /** There are older ones. */
      readonly more: boolean;
      /** They are older than this one, and go behind those that are there. */
      readonly before?: number;
      readonly verdict?: AuditVerdict;
      readonly at: number;
    }
  | {readonly kind: 'rollout-shown'; readonly entry: RolloutEntry; readonly at: number}
  | {readonly kind: 'rollout-checked'; readonly checks: readonly RolloutCheck[]; readonly at: number}
  | {
      readonly kind: 'update-journal';
      readonly status: UpdateStatus;
      readonly events: readonly UpdateEvent[];
      readonly at: number;
    }
  | {
      readonly kind: 'release-shown';
      readonly release: ReleaseEntry & Pick<ReleaseManifest, 'files'>;
      readonly at: number;
    }
  | {readonly kind: 'release-verified'; readonly signedBy: string; readonly trustedComment: string}
  | {
      readonly kind: 'key-made';
      readonly keyId: string;
      readonly publicKey: string;
      readonly secretFile: string;
    }
  | {readonly kind: 'link-made'; readonly url: string; readonly expiresAt: string}
  /** One level of what a site holds; `at` says which one was asked for. */
  | {
      readonly kind: 'level';
      readonly tree: 'content' | 'files';
      readonly at?: string | readonly string[];
      readonly entries: readonly PickerEntry[];
      readonly more: boolean;
      readonly taken: number;
    }
  | {readonly kind: 'preview-progress'; readonly text: string}
  | {readonly kind: 'preview-taken'; readonly preview: PreviewResult; readonly at: number}
  | {readonly kind: 'facts'; readonly facts: HomeFacts; readonly at: number}
  | {readonly kind: 'connections'; readonly tests: readonly ConnectionTest[]; readonly at: number}
  | {readonly kind: 'live-preview'; readonly preview: LivePreview; readonly at: number}
  | {
      readonly kind: 'item-shown';
      readonly actionId: string;
      readonly local: ShownItem;
      readonly remote: ShownItem;
    }
  | {readonly kind: 'described'; readonly details: readonly ActionDetail[]}
  | {readonly kind: 'item-fault'; readonly actionId: string; readonly fault: Fault}
  | {
      readonly kind: 'history-read';
      readonly entries: readonly HistoryEntry[];
      /** There are older ones. */
      readonly more: boolean;
      readonly at: number;
    }
  | {readonly kind: 'run-events'; readonly events: readonly RunEvent[]}
  | {readonly kind: 'run-shown'; readonly run: RunEntry & {items: readonly RunItem[]}; readonly at: number};
