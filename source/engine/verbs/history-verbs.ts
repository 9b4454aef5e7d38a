import type {ItemRef} from '../../core/item.js';
import type {Side} from '../../core/plan.js';
import type {PreviewResult} from './preview-verbs.js';
import type {SiteAddress} from './site-address.js';

/** What a restore names: a history entry, or the newest old version of an item. */
export type RestoreTarget = {readonly id: string} | {readonly item: ItemRef};

/** A version that a site's history keeps. */
export type HistoryEntry = {
  id: string;
  runId: string;
  at: string;
  /** Which side of its relationship the site was in that run. */
  side: Side;
  item: ItemRef;
  action: 'create' | 'update' | 'delete';
  restorable: boolean;
};

/** Old versions that sites keep (E10, X2). */
export type HistoryVerbs = {
  /** What runs changed at a site, newest first (E10); of one item, of one run, or all. */
  list(address: SiteAddress, filter?: {item?: ItemRef; runId?: string}): AsyncIterable<HistoryEntry>;
  /** Starts a run that brings old versions back as new edits of the site: entries by id, or the newest of an item. */
  restore(address: SiteAddress, entries: readonly RestoreTarget[]): Promise<{runId: string}>;
  /** What `restore` would do; read-only. */
  previewRestore(address: SiteAddress, entries: readonly RestoreTarget[]): Promise<PreviewResult>;
};
