import type {Plan} from '../core/plan.js';
import type {Profile} from '../core/profile.js';
import type {Settings} from '../core/settings.js';
import type {
  LiveDefinition,
  PreviewResult,
  RelationshipEntry,
  RunRequest,
  SiteAddress,
} from '../engine/engine.js';
import type {PackageCommand} from './commands/packages.js';
import type {ReleaseCommand} from './commands/releases.js';
import type {RolloutCommand} from './commands/rollouts.js';
import type {ServerCommand} from './server-command.js';
import type {Shared} from './shared-data.js';

/**
 * What `update` asks of the world outside, as data. `screen` is the id of the screen that gets the answer.
 * Carried out by commands.ts.
 */
export type Command =
  /** Gives the terminal back to the shell until it brings the console to the foreground again. */
  | {readonly type: 'suspend'}
  | ServerCommand
  | {readonly type: 'load'; readonly what: Shared}
  /** A quick one asks only whether the server answers as it should. */
  | {readonly type: 'check'; readonly server: string; readonly quick?: boolean}
  | {
      readonly type: 'add-server';
      readonly screen: number;
      readonly invitation: string;
      readonly name?: string;
    }
  | {readonly type: 'rename-server'; readonly screen: number; readonly name: string; readonly to: string}
  | {readonly type: 'remove-server'; readonly name: string}
  | {readonly type: 'update-agent'; readonly name: string}
  | {
      readonly type: 'connect';
      readonly screen: number;
      readonly invitation?: string;
      readonly server?: string;
      readonly local: string;
    }
  | {
      readonly type: 'create-relationship';
      readonly screen: number;
      readonly entry: Pick<RelationshipEntry, 'name' | 'local' | 'initial'> & {
        /** A site, or the name of a cluster. */
        readonly remote: SiteAddress | string;
      };
    }
  | {
      readonly type: 'save-cluster';
      readonly screen: number;
      readonly mode: 'create' | 'edit';
      readonly name: string;
      readonly members: readonly SiteAddress[];
      readonly sharedDatabase: boolean;
    }
  | {
      readonly type: 'save-live';
      readonly screen: number;
      readonly mode: 'create' | 'edit';
      readonly definition: LiveDefinition;
    }
  | {readonly type: 'delete-cluster'; readonly name: string}
  | {readonly type: 'preview-live'; readonly screen: number; readonly name: string}
  | {readonly type: 'run-live'; readonly name: string}
  | {readonly type: 'save-settings'; readonly changes: Partial<Settings>}
  | {readonly type: 'read-facts'; readonly screen: number}
  | {readonly type: 'open-plan'; readonly screen: number; readonly file: string}
  | {readonly type: 'delete-plans'; readonly files: readonly string[]}
  | {readonly type: 'delete-live'; readonly name: string}
  | {readonly type: 'review-collisions'; readonly ids: readonly string[]; readonly email: boolean}
  | {readonly type: 'delete-relationship'; readonly name: string}
  | {
      readonly type: 'save-profile';
      readonly screen: number;
      readonly mode: 'create' | 'edit';
      readonly profile: Profile;
    }
  | {readonly type: 'delete-profile'; readonly relationship: string; readonly name: string}
  | {
      readonly type: 'preview';
      readonly screen: number;
      readonly relationship: string;
      readonly profile: string;
      /** Of an initial sync instead of the profile. */
      readonly initial: boolean;
      readonly force: boolean;
      readonly select?: readonly string[];
    }
  | {
      readonly type: 'show-item';
      readonly screen: number;
      readonly relationship: string;
      readonly plan: Plan;
      readonly actionId: string;
    }
  | {
      readonly type: 'describe';
      readonly screen: number;
      readonly relationship: string;
      readonly plan: Plan;
      readonly actionIds: readonly string[];
    }
  | {readonly type: 'save-plan'; readonly screen: number; readonly preview: PreviewResult}
  | {
      readonly type: 'run-plan';
      readonly preview: PreviewResult;
      /** Percentage; overrules the profile's (E34). */
      readonly maxDelete?: number;
    }
  | {readonly type: 'start-run'; readonly request: RunRequest}
  | {readonly type: 'watch-run'; readonly screen: number; readonly runId: string}
  | {readonly type: 'show-run'; readonly screen: number; readonly runId: string}
  | {readonly type: 'cancel-run'; readonly runId: string}
  | {readonly type: 'list-backups'; readonly screen: number; readonly address: SiteAddress}
  | {readonly type: 'create-backup'; readonly screen: number; readonly address: SiteAddress}
  | {
      readonly type: 'restore-backup';
      readonly screen: number;
      readonly address: SiteAddress;
      readonly name: string;
    }
  | {
      readonly type: 'undo-run';
      readonly run: {readonly runId: string; readonly relationship: string; readonly profile: string};
      /** It was undone and is done again. */
      readonly redo: boolean;
    }
  | {
      readonly type: 'read-history';
      readonly screen: number;
      readonly address: SiteAddress;
      /** Only what this run changed. */
      readonly runId?: string;
      readonly limit: number;
    }
  | {readonly type: 'restore'; readonly address: SiteAddress; readonly entries: readonly string[]}
  | PackageCommand
  | ReleaseCommand
  | RolloutCommand
  /** Ends what a closed screen still waits for: a preview or a watch. The run itself goes on. */
  | {readonly type: 'stop'; readonly screen: number};
