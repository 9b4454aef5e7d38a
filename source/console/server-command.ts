import type {SiteAddress} from '../engine/engine.js';
import type {ConsoleRole} from '../engine/trust.js';

/** What `update` asks about servers and trust, as data. `screen` is the id of the screen that gets the answer. */
export type ServerCommand =
  | {readonly type: 'test-connections'; readonly screen: number; readonly relationship: string}
  /** One level of what a site holds; `at` is a folder's path or its row's key. */
  | {
      readonly type: 'browse';
      readonly screen: number;
      readonly address: SiteAddress;
      readonly tree: 'content' | 'files';
      readonly at?: string | readonly string[];
    }
  | {readonly type: 'list-peers'; readonly screen: number; readonly server: string}
  | {
      readonly type: 'revoke-peer';
      readonly screen: number;
      readonly server: string;
      readonly fingerprint: string;
      readonly name: string;
    }
  | {
      readonly type: 'invite';
      readonly screen: number;
      readonly server: string;
      readonly role: ConsoleRole;
      readonly ttlMs: number;
    }
  | {
      readonly type: 'pin-console';
      readonly screen: number;
      readonly server: string;
      readonly file: string;
      readonly role: ConsoleRole;
      readonly name?: string;
    }
  | {
      readonly type: 'pin-server';
      readonly screen: number;
      readonly file: string;
      readonly name?: string;
      readonly url?: string;
    }
  /** Of a server, or of the console itself. */
  | {
      readonly type: 'export-certificate';
      readonly screen: number;
      readonly file: string;
      readonly server?: string;
    }
  | {readonly type: 'regenerate-identity'}
  | {
      readonly type: 'read-audit';
      readonly screen: number;
      readonly server: string;
      readonly before?: number;
      readonly verify: boolean;
    };
