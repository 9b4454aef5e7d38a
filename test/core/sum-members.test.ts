import test from 'ava';
import {type MemberOutcome, sumMembers} from '../../source/core/sum-members.js';

const nothing = {applied: 0, skipped: 0, conflicts: 0, collisions: 0, deleted: 0, bytes: 0};
const gone = {code: 'UNREACHABLE', message: 'Nothing answers.'};

const cases: readonly [
  name: string,
  outcomes: MemberOutcome[],
  expected: {status: string; total: number; error?: string; members: string},
][] = [
  ['nothing to do', [{member: 'a/main', ...nothing}], {status: 'success', total: 0, members: 'success'}],
  [
    'counts add up',
    [
      {member: 'a/main', ...nothing, applied: 2, deleted: 1},
      {member: 'b/main', ...nothing, applied: 3},
    ],
    {status: 'success', total: 5, members: 'success success'},
  ],
  [
    'one skipped something',
    [
      {member: 'a/main', ...nothing, applied: 1, skipped: 2},
      {member: 'b/main', ...nothing},
    ],
    {status: 'warning', total: 3, members: 'warning success'},
  ],
  [
    'one was left behind',
    [
      {member: 'a/main', ...nothing, error: gone},
      {member: 'b/main', ...nothing, applied: 1},
    ],
    {status: 'warning', total: 1, error: 'MEMBER_FAILED', members: 'failed success'},
  ],
];

for (const [name, outcomes, expected] of cases)
  test(name, t => {
    const {status, total, error, members} = sumMembers(outcomes);
    t.deepEqual(
      {
        status,
        total,
        ...(error && {error: error.code}),
        members: (members ?? []).map(member => member.status).join(' '),
      },
      expected,
    );
    if (error !== undefined) t.regex(error.message, /a\/main.*Nothing answers/);
  });
