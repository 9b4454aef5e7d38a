/** How an action after a sync ended (E29, E32). */
export type AfterSyncOutcome = 'done' | 'failed' | 'timeout' | 'interrupted';

/** What became of one action that a site took after a run had changed it. */
export type AfterSyncResult = {
  readonly kind: 'command' | 'web-alert';
  /** The command line, or where the alert was sent. */
  readonly name: string;
  readonly outcome: AfterSyncOutcome;
  /** Why, for every outcome but `done`. */
  readonly error?: string;
  /** The last part of what a command printed. */
  readonly output?: string;
  readonly durationMs: number;
};

/** Why an action was not done, with the last that its command said; empty for one that was. */
export function describeFailure({outcome, error, output}: AfterSyncResult): string {
  if (outcome === 'done') return '';
  const last = output?.trimEnd().split('\n').at(-1)?.trim() ?? '';
  return `${error ?? outcome}${last === '' ? '' : `: ${last}`}`;
}

/** A row or file that arrived by a sync, as a web alert tells of it (E29). */
export type Arrival = {
  readonly change: 'new' | 'changed';
  readonly item:
    | {readonly type: 'file'; readonly path: string}
    | {readonly type: 'row'; readonly table: string; readonly key: readonly string[]}
    | {readonly type: 'table'; readonly table: string; readonly rows: number};
  /** What people call the row. */
  readonly title?: string;
};
