import test from 'ava';
import {asDatabaseError, constraintOf} from '../../../../source/agent/database/mariadb/server-error.js';
import {OperatorError} from '../../../../source/core/operator-error.js';

const serverError = (errno: number, code: string, message = code, sqlState = 'HY000') =>
  Object.assign(new Error(message), {errno, code, sqlState});

for (const [error, code, message, hint] of [
  [
    serverError(1419, 'ER_BINLOG_CREATE_ROUTINE_NEED_SUPER'),
    'DATABASE_UNAVAILABLE',
    /may not create triggers in db/,
    /log_bin_trust_function_creators = 1/,
  ],
  [
    serverError(1665, 'ER_BINLOG_STMT_MODE_AND_ROW_ENGINE'),
    'DATABASE_UNAVAILABLE',
    /by statement/,
    /MIXED or ROW/,
  ],
  [serverError(1045, 'ER_ACCESS_DENIED_ERROR'), 'DATABASE_UNAVAILABLE', /refused the user/, /database URL/],
  [
    serverError(1290, 'ER_OPTION_PREVENTS_STATEMENT'),
    'DATABASE_UNAVAILABLE',
    /does not accept changes/,
    /read_only/,
  ],
  [serverError(1205, 'ER_LOCK_WAIT_TIMEOUT'), 'DATABASE_LOCKED', /stayed locked for 30 s/, /leaves open/],
  [serverError(1213, 'ER_LOCK_DEADLOCK'), 'DATABASE_LOCKED', /waited for each other/, /run again/],
  [
    serverError(1030, 'ER_GET_ERRNO', 'Got error 28 "No space left on device"'),
    'NO_SPACE',
    /no space/,
    undefined,
  ],
  [
    Object.assign(new Error('gone'), {code: 'PROTOCOL_CONNECTION_LOST'}),
    'DATABASE_UNAVAILABLE',
    /was lost/,
    /running/,
  ],
  [
    Object.assign(new Error('late'), {code: 'PROTOCOL_SEQUENCE_TIMEOUT'}),
    'DATABASE_UNAVAILABLE',
    /did not answer in time/,
    /load/,
  ],
] as const)
  test(`${error.message} (${error.code}) is told as ${code}`, t => {
    const told = asDatabaseError(error, 'db', 30_000) as OperatorError;
    t.true(told instanceof OperatorError);
    t.is(told.code, code);
    t.regex(told.message, message);
    if (hint !== undefined) t.regex(told.hint ?? '', hint);
  });

test('a wrong statement is our own fault and stays as it is', t => {
  const error = serverError(1064, 'ER_PARSE_ERROR', 'syntax', '42000');
  t.is(asDatabaseError(error, 'db', 1000), error);
  t.is(constraintOf(error), undefined);
});

test('what refuses a row is told apart from what breaks a statement', t => {
  t.is(constraintOf(serverError(1062, 'ER_DUP_ENTRY', 'twice', '23000')), 'unique');
  t.is(constraintOf(serverError(1406, 'ER_DATA_TOO_LONG', 'long', '22001')), 'other');
  t.is(constraintOf(serverError(4025, 'ER_CONSTRAINT_FAILED', 'check', '23000')), 'other');
  t.is(constraintOf(serverError(1644, 'ER_SIGNAL_EXCEPTION', 'no', '45000')), 'other');
  t.is(constraintOf(serverError(1205, 'ER_LOCK_WAIT_TIMEOUT')), undefined);
});
