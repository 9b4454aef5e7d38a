import type {MemberResult, RunStatus, RunSummary} from './run-event.js';

/** What became of one remote site in a run over several. */
export type MemberOutcome = {
  readonly member: string;
  readonly applied: number;
  readonly skipped: number;
  readonly conflicts: number;
  readonly collisions: number;
  readonly deleted: number;
  readonly bytes: number;
  /** Why it was left out, or left behind. */
  readonly error?: {readonly code: string; readonly message: string; readonly hint?: string};
};

export type SummedMembers = Pick<
  RunSummary,
  | 'status'
  | 'error'
  | 'applied'
  | 'skipped'
  | 'total'
  | 'conflicts'
  | 'collisions'
  | 'deleted'
  | 'bytes'
  | 'members'
>;

/** How a run over several remote sites ended: what failed at one is named, the others count (E23, G7). */
export function sumMembers(outcomes: readonly MemberOutcome[]): SummedMembers {
  const sum = (what: 'applied' | 'skipped' | 'conflicts' | 'collisions' | 'deleted' | 'bytes') =>
    outcomes.reduce((total, outcome) => total + outcome[what], 0);
  const failed = outcomes.filter(({error}) => error !== undefined);
  const [applied, skipped] = [sum('applied'), sum('skipped')];
  const status: RunStatus = failed.length > 0 || skipped > 0 ? 'warning' : 'success';
  return {
    status,
    ...(failed.length === 0 ? {} : {error: errorOf(failed)}),
    applied,
    skipped,
    total: applied + skipped,
    conflicts: sum('conflicts'),
    collisions: sum('collisions'),
    deleted: sum('deleted'),
    bytes: sum('bytes'),
    members: outcomes.map(resultOf),
  };
}

function resultOf({member, applied, skipped, error}: MemberOutcome): MemberResult {
  return {
    member,
    status: error !== undefined ? 'failed' : skipped > 0 ? 'warning' : 'success',
    applied,
    skipped,
    ...(error === undefined ? {} : {error}),
  };
}

function errorOf(failed: readonly MemberOutcome[]): NonNullable<RunSummary['error']> {
  const reasons = failed.map(({member, error}) => `${member}: ${error?.message}`);
  return {
    code: 'MEMBER_FAILED',
    message: `${failed.map(({member}) => member).join(', ')} ${failed.length === 1 ? 'was' : 'were'} not brought up to date. ${reasons.join(' ')}`,
    hint: 'The others are. Once it is well again the next run brings it up to date.',
  };
}
