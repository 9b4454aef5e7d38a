import type {OperationOutcome} from './site-description.js';

/** Consecutive operations with the same plain outcome: a commit of a hundred thousand files is mostly one of these. */
export type OutcomeRun = {
  readonly from: number;
  readonly count: number;
  readonly outcome: OperationOutcome['outcome'];
};

/** Outcomes in the order of their operations, some of them joined. */
export type PackedOutcomes = readonly (OperationOutcome | OutcomeRun)[];

/** Two lists of outcomes, each in order, as one. */
export function joinOutcomes(a: PackedOutcomes, b: PackedOutcomes): PackedOutcomes {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  return [...packOutcomes(merge(unpackOutcomes(a), unpackOutcomes(b)))];
}

function* merge(
  a: Iterator<OperationOutcome, void>,
  b: Iterator<OperationOutcome, void>,
): Generator<OperationOutcome, void> {
  let left = a.next();
  let right = b.next();
  while (!left.done || !right.done) {
    if (right.done || (!left.done && left.value.index < right.value.index)) {
      yield left.value!;
      left = a.next();
    } else {
      yield right.value;
      right = b.next();
    }
  }
}

/** Outcomes in order, with those that need no words joined into runs. */
export function* packOutcomes(
  outcomes: Iterable<OperationOutcome>,
): Generator<OperationOutcome | OutcomeRun, void> {
  let from = 0;
  let count = 0;
  let joined: OperationOutcome['outcome'] = 'applied';
  for (const one of outcomes) {
    const plain = one.error === undefined && one.conflict === undefined && one.rows === undefined;
    if (plain && count > 0 && one.outcome === joined && one.index === from + count) {
      count += 1;
      continue;
    }
    if (count > 0) yield {from, count, outcome: joined};
    count = 0;
    if (plain) {
      from = one.index;
      count = 1;
      joined = one.outcome;
    } else yield one;
  }
  if (count > 0) yield {from, count, outcome: joined};
}

/** The outcomes that `packOutcomes` joined, one by one. */
export function* unpackOutcomes(
  packed: Iterable<OperationOutcome | OutcomeRun>,
): Generator<OperationOutcome, void> {
  for (const one of packed) {
    if (!('count' in one)) yield one;
    else
      for (let index = 0; index < one.count; index++) yield {index: one.from + index, outcome: one.outcome};
  }
}
