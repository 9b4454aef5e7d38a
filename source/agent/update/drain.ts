import {setTimeout as delay} from 'node:timers/promises';
import {countOf} from '../../core/count-of.js';
import {OperatorError} from '../../core/operator-error.js';
import {done, type StepContext, type StepResult, skipped} from './step-context.js';

/** Milliseconds between two looks at who is still on the service. */
const lookMs = 250;
/** Counts of the sessions that fail in a row before that ends an update: one bad answer is no reason to call it off. */
const missedCounts = 4;

/** Warns, waits, closes what is left (U4). Also before a version that was decided for is taken back by hand. */
export async function drain(context: StepContext, from: string, to: string): Promise<StepResult> {
  const {service, settings, command, progress, signal, now, usersLeft, notice} = context;
  if ((await service.state(command)) === 'stopped') return skipped('The service did not run.');
  const usersNow = await countSessions(context);
  const endAt = progress.facts.sessionsEndAt!;
  const message = `The service is updated from version ${from} to ${to}. Please finish: sessions are closed at ${endAt}.`;
  notice('ending-sessions', message, endAt);
  const environment = {
    ...command.environment,
    LOCKSTEP_MESSAGE: message,
    LOCKSTEP_SESSIONS_END_AT: endAt,
  };
  await service.tell('closeLogins', {...command, environment});
  await service.tell('warn', {...command, environment});
  const leave = async (untilMs: number): Promise<number | undefined> => {
    for (;;) {
      const left = await countSessions(context);
      usersLeft(left);
      if (left === 0 || now() >= untilMs) return left;
      await delay(Math.min(lookMs, Math.max(1, untilMs - now())), undefined, {signal});
    }
  };
  try {
    // Without a count everybody is given the whole time.
    let left = await leave(Date.parse(endAt));
    if (left === 0)
      return done(
        usersNow ? `${countOf(usersNow, 'user')} left by themselves.` : 'Nobody was on the service.',
      );
    if (settings.users === 'abort' && left !== undefined)
      throw remain(left, 'did not leave within the grace time');
    if (!service.can('logoff'))
      return done('The grace time is over; agent.json names no command to log users off.');
    await service.tell('logoff', {...command, environment});
    if (left === undefined) return done('Sessions were closed.');
    const closed = left;
    left = await leave(now() + settings.leaveMs);
    if (left !== 0 && left !== undefined)
      throw remain(left, 'are still on the service although they were logged off');
    return done(`${countOf(closed, 'session')} closed.`);
  } finally {
    usersLeft(undefined);
  }
}

/** @returns users on the service; undefined where nothing counts them */
async function countSessions({service, command, signal}: StepContext): Promise<number | undefined> {
  for (let misses = 1; ; misses++)
    try {
      return await service.sessions(command);
    } catch (error) {
      signal.throwIfAborted();
      if (misses >= missedCounts) throw error;
      await delay(lookMs, undefined, {signal});
    }
}

function remain(count: number, what: string): OperatorError {
  return new OperatorError('USERS_REMAIN', `${countOf(count, 'user')} ${what}.`, {
    hint: 'Logins are open again. Choose another time, or have them logged off: `"users": "logoff"` in agent.json.',
    details: {users: count},
  });
}
