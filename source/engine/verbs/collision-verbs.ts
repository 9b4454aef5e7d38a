import type {ErrorCode} from '../../core/error-codes.js';

/** A row that a run renamed or renumbered (E18). */
export type CollisionEntry = {
  id: string;
  kind: string;
  table: string;
  key: readonly string[];
  column: string;
  original: string;
  modified: string;
  /** Where the row was made. */
  server: string;
  site: string;
  runId: string;
  at: string;
  reviewed: boolean;
  /** Who was told of it. */
  mailedTo?: string;
};

/** What came of the review of a collision; with an error it stays unreviewed. */
export type CollisionReview = {
  id: string;
  reviewed: boolean;
  to?: string;
  /** Why the mail is not with its server yet; the agent tries again. */
  waits?: string;
  error?: {code: ErrorCode; message: string; hint?: string};
};

/** Rows that runs renamed or renumbered (E18). */
export type CollisionVerbs = {
  /** Newest first. */
  list(filter?: {kind?: string}): Promise<readonly CollisionEntry[]>;
  /** Marks as reviewed; with `email` tells the users first, and leaves unreviewed what fails. */
  review(ids: readonly string[], options: {email: boolean}): Promise<readonly CollisionReview[]>;
};
