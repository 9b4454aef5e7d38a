import {stepNamed, stepsOf, type UpdateStepName} from './update-steps.js';

/** What lies where an update expects its folders; `other` is something that is neither. */
export type FoundFolder = 'old' | 'new' | 'absent' | 'other';

/** The folders of an update, each known by its inode and by a marker file in it. */
export type UpdateDisk = {
  /** The server folder, NAME. */
  readonly name: FoundFolder;
  /** Where the old folder was put aside: NAME_oldNNNN, or where it is kept after the clean-up. */
  readonly aside: FoundFolder;
  /** Where the release was unpacked. */
  readonly staged: FoundFolder;
};

/** Where the journal of an update ends. */
export type JournalEnd = {
  readonly track: 'forward' | 'withdraw' | 'rollback';
  readonly step: UpdateStepName;
  /** `begun` without an end: the effect may have happened, in part or not at all. */
  readonly phase: 'begun' | 'done';
};

/**
 * What an agent does with an update that it finds unfinished when it starts (X6): goes on with a step; takes a step for
 * done and goes on with the next; withdraws or rolls back; or touches nothing and calls for a person.
 */
export type Recovery =
  | {readonly kind: 'repeat'; readonly step: UpdateStepName}
  | {readonly kind: 'next'; readonly after: UpdateStepName}
  | {readonly kind: 'withdraw'; readonly reason: string}
  | {readonly kind: 'roll-back'; readonly reason: string}
  | {readonly kind: 'attention'; readonly reason: string};

/** Both versions where they can be at once: before the swaps, between them, after them, and after the clean-up. */
type Placement = 'before' | 'between' | 'after' | 'cleaned';

const placements: Readonly<Record<string, Placement>> = {
  'old absent': 'before',
  'absent old': 'between',
  'new old': 'after',
  'new absent': 'cleaned',
};

/**
 * Trusts the disk and not the journal: an effect that the journal does not know of yet is taken for done, one that the
 * disk does not have is done again or given up; anything that no step of ours could have left is a person's business.
 */
export function recoverUpdate(end: JournalEnd, disk: UpdateDisk): Recovery {
  const placement = placements[`${disk.name} ${disk.aside}`];
  if (placement === undefined)
    return attention(
      `at the server folder lies ${describe[disk.name]}, where the old one is put aside ${describe[disk.aside]}`,
    );
  if (end.track === 'withdraw')
    return placement === 'before' ? goOn(end) : attention('the folders were exchanged by somebody else');
  if (end.track === 'rollback') return recoverRollback(end, placement);
  return recoverForward(end, placement, disk.staged);
}

const describe: Readonly<Record<FoundFolder, string>> = {
  old: 'the old version',
  new: 'the new version',
  absent: 'nothing',
  other: 'something that the update did not put there',
};

/** Exhausts the forward track in the order of its steps. */
function recoverForward(end: JournalEnd, placement: Placement, staged: FoundFolder): Recovery {
  const {step, phase} = end;
  const pastCommit =
    stepNamed(step).pastCommit || step === 'notify' || (step === 'commit' && phase === 'done');
  if (pastCommit) return recoverCommitted(end, placement);
  const order = forward.indexOf(step);
  const hasStaged = staged === 'new';
  if (order < forward.indexOf('swap-old')) {
    if (placement !== 'before') return attention('the folders were exchanged by somebody else');
    const needsStaged = order > forward.indexOf('unpack') || (step === 'unpack' && phase === 'done');
    if (!needsStaged || hasStaged) return goOn(end);
    return stepNamed(step).failure === 'withdraw' && !(step === 'backup' && phase === 'done')
      ? {kind: 'withdraw', reason: 'the unpacked release is gone'}
      : {kind: 'roll-back', reason: 'the unpacked release is gone'};
  }
  if (placement === 'cleaned')
    return attention('the old folder is gone before the new version was decided for');
  if (step === 'swap-old' || step === 'swap-new') {
    if (placement === 'after') return {kind: 'next', after: 'swap-new'};
    if (!hasStaged) return {kind: 'roll-back', reason: 'the unpacked release is gone'};
    return placement === 'between' ? {kind: 'next', after: 'swap-old'} : {kind: 'repeat', step: 'swap-old'};
  }
  if (placement !== 'after')
    return {kind: 'roll-back', reason: 'the new folder is not in its place any more'};
  if (step === 'migrate' && phase === 'begun')
    return {kind: 'roll-back', reason: 'the migration was interrupted'};
  return goOn(end);
}

/** After the commit nothing is rolled back by itself. */
function recoverCommitted(end: JournalEnd, placement: Placement): Recovery {
  return placement === 'after' || placement === 'cleaned'
    ? goOn(end)
    : attention('the new version was decided for, and is not in its place any more');
}

function recoverRollback(end: JournalEnd, placement: Placement): Recovery {
  if (placement === 'cleaned') return attention('the old folder is gone');
  const order = backward.indexOf(end.step);
  if (order < backward.indexOf('rollback-new')) return goOn(end);
  if (end.step === 'rollback-new' || end.step === 'rollback-old') {
    if (placement === 'after') return {kind: 'repeat', step: 'rollback-new'};
    return placement === 'between'
      ? {kind: 'next', after: 'rollback-new'}
      : {kind: 'next', after: 'rollback-old'};
  }
  return placement === 'before' ? goOn(end) : attention('the old version is not in its place any more');
}

const forward = stepsOf('forward').map(({name}) => name);
const backward = stepsOf('rollback').map(({name}) => name);

function goOn({step, phase}: JournalEnd): Recovery {
  return phase === 'begun' ? {kind: 'repeat', step} : {kind: 'next', after: step};
}

function attention(reason: string): Recovery {
  return {kind: 'attention', reason};
}
