import type {Hold} from './hold.js';
import type {FileRecord, ItemRecord, ItemRef, RowRecord, RowRef} from './item.js';
import type {VersionVector} from './version-vector.js';

/** Where a change is made. */
export type Side = 'local' | 'remote';

export type ActionKind = 'create' | 'update' | 'delete' | 'conflict' | 'skip';

/**
 * What a side must still look like for an operation to be carried out: the receiver re-checks it at commit,
 * and `run --plan` is refused when it no longer holds.
 */
export type Expectation =
  | {readonly state: 'absent'}
  | {
      readonly state: 'present';
      readonly kind?: FileRecord['kind'];
      readonly digest: string;
      readonly mode?: number;
    };

/**
 * One thing that one side is asked to do. `put` takes the content of `record` from the other side; `touch`
 * changes a file's mode and modification time only; `adopt` changes nothing a person can see, only the version
 * vector; `copy-table` replaces a whole table by the other side's (initial sync, tables without a key) and
 * takes the other side's row versions along.
 */
export type Operation =
  | ({
      readonly op: 'put';
      readonly record: FileRecord | RowRecord;
      readonly expect: Expectation;
      readonly derived?: DerivedContent;
    } & Held)
  | ({readonly op: 'touch'; readonly record: FileRecord; readonly expect: Expectation} & Held)
  | ({
      readonly op: 'delete';
      readonly item: ItemRef;
      readonly expect: Expectation;
      readonly vector: VersionVector;
    } & Held)
  | {
      readonly op: 'adopt';
      readonly item: ItemRef;
      readonly expect: Expectation;
      readonly vector: VersionVector;
    }
  | ({
      readonly op: 'copy-table';
      readonly table: string;
      readonly keyed: boolean;
      readonly expect?: Expectation;
    } & Held);

/** Of an undo: runs leave alone what the operation puts back, until either side changes it (core/hold.ts). */
type Held = {readonly hold?: Pick<Hold, 'runId' | 'others'>};

/**
 * Content of a row that is another version's with some values changed (E18): a row that was renamed or renumbered, or
 * that refers to one. `record` then says what it is afterwards.
 */
export type DerivedContent = {
  /** The row as it is where it comes from. */
  readonly key: readonly string[];
  readonly digest: string;
  /** Column → new value on the wire. */
  readonly changes: Readonly<Record<string, string | null>>;
  /** It comes from the same side, so that nothing has to be brought; else from the other one. */
  readonly here: boolean;
};

/** A row that got another name or another primary key, as `collisions list` shows it (E18). */
export type PlannedCollision = {
  /** What the row is: users, folders, metadata, messages … */
  readonly kind: string;
  readonly table: string;
  /** The row's primary key from then on. */
  readonly key: readonly string[];
  readonly column: string;
  readonly original: string;
  readonly modified: string;
};

/** An operation with the action it belongs to. */
export type SideOperation = {readonly side: Side; readonly operation: Operation};

/** The row whose content a `put` takes: the record's own, or the one it is derived from. */
export function contentOf(record: RowRecord, derived: DerivedContent | undefined): RowRef & {digest: string} {
  const {key, digest} = derived ?? record;
  return {type: 'row', table: record.table, key, digest};
}

/** One line of a preview (E13). */
export type Action = {
  /** Position in the plan, as text; stable within one plan. */
  readonly id: string;
  /** Where the change will be made; for a conflict the side that loses. */
  readonly side: Side;
  /** The member of a cluster that it is about, `SERVER/SITE` (E23). */
  readonly member?: string;
  readonly kind: ActionKind;
  readonly item: ItemRef;
  /** Why, where the kind alone does not say: what was decided, what is in the way. */
  readonly reason?: string;
  /** For a conflict: whose version stays. */
  readonly winner?: Side;
  /** Name of the conflict as PostgreSQL's multi-master world calls it (`update_differing`, …). */
  readonly conflict?: string;
  /** The row collides with another one and is changed here, at its home (E18). */
  readonly collision?: PlannedCollision;
  /** `false` for a skip that is neither counted nor changes the exit status (a keyless table, a held item). */
  readonly counted?: boolean;
  /** What both sides' records were, for display and for the hash. */
  readonly before?: {readonly local?: ItemRecord; readonly remote?: ItemRecord};
  /**
   * What is to be done, in order. The first is the action itself; the others depend on it and are not
   * attempted when it was skipped (a winner's vector, the members of a family).
   */
  readonly operations: readonly SideOperation[];
};

export type SideCounts = {readonly create: number; readonly update: number; readonly delete: number};
export type PlanCounts = {
  readonly local: SideCounts;
  readonly remote: SideCounts;
  readonly conflicts: number;
  readonly skipped: number;
};

/** The exact list of actions that a run would take, in canonical order (`compareItems`). */
export type Plan = {
  readonly actions: readonly Action[];
  /** Operations without a visible effect: items found equal whose vectors are merged. Not part of the hash. */
  readonly adoptions: readonly SideOperation[];
  readonly counts: PlanCounts;
  /** SHA-256 in hex over what the actions do; the same world gives the same hash (X2). */
  readonly hash: string;
};
