import test from 'ava';
import {
  type FoundFolder,
  type JournalEnd,
  recoverUpdate,
  type UpdateDisk,
} from '../../source/core/update-recovery.js';
import {stepsOf, type UpdateStepName} from '../../source/core/update-steps.js';

/** The disk in a word: before the swaps, between them, after them, and after the clean-up. */
const disks = {
  before: {name: 'old', aside: 'absent', staged: 'new'},
  'before, unpacked gone': {name: 'old', aside: 'absent', staged: 'absent'},
  'before, unpacked foreign': {name: 'old', aside: 'absent', staged: 'other'},
  between: {name: 'absent', aside: 'old', staged: 'new'},
  'between, unpacked gone': {name: 'absent', aside: 'old', staged: 'absent'},
  after: {name: 'new', aside: 'old', staged: 'absent'},
  cleaned: {name: 'new', aside: 'absent', staged: 'absent'},
  'nothing there': {name: 'absent', aside: 'absent', staged: 'new'},
  'a stranger in its place': {name: 'other', aside: 'old', staged: 'absent'},
  'a stranger aside': {name: 'old', aside: 'other', staged: 'new'},
  'both in one': {name: 'new', aside: 'new', staged: 'absent'},
} as const satisfies Record<string, UpdateDisk>;

type Row = [journal: string, disk: keyof typeof disks, expected: string];

/** What follows in the words `repeat STEP`, `next after STEP`, or `withdraw`, `roll-back`, `attention`. */
const forward: Row[] = [
  ['download begun', 'before, unpacked gone', 'repeat download'],
  ['download done', 'before, unpacked gone', 'next after download'],
  ['verify begun', 'before, unpacked gone', 'repeat verify'],
  ['unpack begun', 'before, unpacked foreign', 'repeat unpack'],
  ['unpack done', 'before', 'next after unpack'],
  ['unpack done', 'before, unpacked gone', 'withdraw'],
  ['ready begun', 'before', 'repeat ready'],
  ['ready done', 'before, unpacked foreign', 'withdraw'],
  ['drain begun', 'before', 'repeat drain'],
  ['drain done', 'before, unpacked gone', 'withdraw'],
  ['backup begun', 'before', 'repeat backup'],
  ['backup done', 'before', 'next after backup'],
  ['backup done', 'between', 'attention'],
  ['stop begun', 'before', 'repeat stop'],
  ['stop done', 'before', 'next after stop'],
  ['stop begun', 'before, unpacked gone', 'roll-back'],
  ['carry begun', 'before', 'repeat carry'],
  ['carry done', 'before', 'next after carry'],
  ['carry done', 'after', 'attention'],
  ['swap-old begun', 'before', 'repeat swap-old'],
  ['swap-old begun', 'between', 'next after swap-old'],
  ['swap-old begun', 'after', 'next after swap-new'],
  ['swap-old begun', 'before, unpacked gone', 'roll-back'],
  ['swap-old done', 'between', 'next after swap-old'],
  ['swap-old done', 'before', 'repeat swap-old'],
  ['swap-old done', 'between, unpacked gone', 'roll-back'],
  ['swap-new begun', 'between', 'next after swap-old'],
  ['swap-new begun', 'after', 'next after swap-new'],
  ['swap-new begun', 'between, unpacked gone', 'roll-back'],
  ['swap-new done', 'after', 'next after swap-new'],
  ['swap-new done', 'between', 'next after swap-old'],
  ['start begun', 'after', 'repeat start'],
  ['start done', 'before', 'roll-back'],
  ['health begun', 'after', 'repeat health'],
  ['health done', 'between', 'roll-back'],
  ['migrate begun', 'after', 'roll-back'],
  ['migrate done', 'after', 'next after migrate'],
  ['migrate begun', 'cleaned', 'attention'],
  ['health-migrated begun', 'after', 'repeat health-migrated'],
  ['commit begun', 'after', 'repeat commit'],
  ['commit begun', 'before', 'roll-back'],
  ['commit done', 'after', 'next after commit'],
  ['commit done', 'before', 'attention'],
  ['commit done', 'between', 'attention'],
  ['reopen begun', 'after', 'repeat reopen'],
  ['final-backup begun', 'after', 'repeat final-backup'],
  ['final-backup done', 'before', 'attention'],
  ['clean-up begun', 'after', 'repeat clean-up'],
  ['clean-up begun', 'cleaned', 'repeat clean-up'],
  ['clean-up done', 'cleaned', 'next after clean-up'],
  ['notify begun', 'cleaned', 'repeat notify'],
  ['notify begun', 'after', 'repeat notify'],
];
const withdraw: Row[] = [
  ['withdraw-reopen begun', 'before', 'repeat withdraw-reopen'],
  ['withdraw-reopen done', 'before, unpacked gone', 'next after withdraw-reopen'],
  ['withdraw-clean-up begun', 'before, unpacked foreign', 'repeat withdraw-clean-up'],
  ['notify begun', 'before, unpacked gone', 'repeat notify'],
  ['withdraw-clean-up begun', 'between', 'attention'],
];
const rollback: Row[] = [
  ['rollback-drain begun', 'after', 'repeat rollback-drain'],
  ['rollback-stop begun', 'before', 'repeat rollback-stop'],
  ['rollback-stop begun', 'between', 'repeat rollback-stop'],
  ['rollback-stop done', 'after', 'next after rollback-stop'],
  ['rollback-new begun', 'after', 'repeat rollback-new'],
  ['rollback-new begun', 'between', 'next after rollback-new'],
  ['rollback-new begun', 'before', 'next after rollback-old'],
  ['rollback-new done', 'after', 'repeat rollback-new'],
  ['rollback-old begun', 'between', 'next after rollback-new'],
  ['rollback-old begun', 'before', 'next after rollback-old'],
  ['rollback-old done', 'between', 'next after rollback-new'],
  ['rollback-data begun', 'before', 'repeat rollback-data'],
  ['rollback-data begun', 'between', 'attention'],
  ['rollback-start begun', 'before', 'repeat rollback-start'],
  ['rollback-health done', 'before', 'next after rollback-health'],
  ['rollback-clean-up begun', 'before', 'repeat rollback-clean-up'],
  ['notify begun', 'before', 'repeat notify'],
  ['notify begun', 'after', 'attention'],
  ['rollback-stop begun', 'cleaned', 'attention'],
];

for (const [track, rows] of Object.entries({forward, withdraw, rollback}))
  for (const [journal, disk, expected] of rows)
    test(`${track}: the journal ends with ${journal}, the folders are ${disk}: ${expected}`, t => {
      const [step, phase] = journal.split(' ') as [UpdateStepName, 'begun' | 'done'];
      const found = recoverUpdate({track: track as JournalEnd['track'], step, phase}, disks[disk]);
      const words = {
        repeat: () => `repeat ${(found as {step: string}).step}`,
        next: () => `next after ${(found as {after: string}).after}`,
        withdraw: () => 'withdraw',
        'roll-back': () => 'roll-back',
        attention: () => 'attention',
      };
      t.is(words[found.kind](), expected);
    });

const ends: JournalEnd[] = (['forward', 'withdraw', 'rollback'] as const).flatMap(track =>
  stepsOf(track).flatMap(({name}) => (['begun', 'done'] as const).map(phase => ({track, step: name, phase}))),
);
const kinds: FoundFolder[] = ['old', 'new', 'absent', 'other'];
const allDisks: UpdateDisk[] = kinds.flatMap(name =>
  kinds.flatMap(aside => kinds.map(staged => ({name, aside, staged}))),
);

test('something strange where a version should be is never touched, whatever the journal says', t => {
  for (const end of ends)
    for (const disk of allDisks)
      if (
        disk.name === 'other' ||
        disk.aside === 'other' ||
        (disk.name === 'absent' && disk.aside === 'absent')
      )
        t.is(recoverUpdate(end, disk).kind, 'attention', `${JSON.stringify(end)} ${JSON.stringify(disk)}`);
});

test('after the commit nothing is rolled back by itself', t => {
  const committed = ends.filter(
    ({track, step, phase}) =>
      track === 'forward' &&
      (['reopen', 'final-backup', 'clean-up', 'notify'].includes(step) ||
        (step === 'commit' && phase === 'done')),
  );
  t.is(committed.length, 9);
  for (const end of committed)
    for (const disk of allDisks)
      t.true(
        ['repeat', 'next', 'attention'].includes(recoverUpdate(end, disk).kind),
        JSON.stringify([end, disk]),
      );
});

test('the way back is never left again', t => {
  const backward = stepsOf('rollback').map(({name}) => name);
  for (const end of ends.filter(({track}) => track === 'rollback'))
    for (const disk of allDisks) {
      const found = recoverUpdate(end, disk);
      if (found.kind === 'repeat') t.true(backward.includes(found.step));
      else if (found.kind === 'next') t.true(backward.includes(found.after));
      else t.is(found.kind, 'attention');
    }
});

test('a step is repeated or gone on from only where the folders are as that step needs them', t => {
  for (const end of ends.filter(({track}) => track === 'forward'))
    for (const disk of allDisks) {
      const found = recoverUpdate(end, disk);
      if (
        found.kind === 'repeat' &&
        ['start', 'health', 'migrate', 'health-migrated', 'commit'].includes(found.step)
      )
        t.deepEqual([disk.name, disk.aside], ['new', 'old'], JSON.stringify([end, disk]));
      if (found.kind === 'repeat' && found.step === 'swap-old')
        t.deepEqual(disk, {name: 'old', aside: 'absent', staged: 'new'});
    }
});
