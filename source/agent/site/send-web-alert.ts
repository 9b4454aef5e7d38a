import {setTimeout as delay} from 'node:timers/promises';
import type {AfterSyncOutcome, Arrival} from '../../core/after-sync.js';
import {runCommand} from './run-command.js';

/** Where and how a site tells of what arrived (E29). */
export type WebAlert = {
  /** Program and arguments; gets the alert as JSON on its standard input. */
  readonly run?: readonly string[];
  /** Address that the alert is posted to as JSON. */
  readonly post?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of one attempt. */
  readonly timeoutMs: number;
  readonly attempts: number;
};

/** What is sent. `total` also counts what `content` has no room for. */
export type AlertMessage = {
  readonly runId: string;
  readonly server: string;
  readonly site: string;
  readonly at: string;
  readonly total: number;
  readonly content: readonly Arrival[];
};

/** Milliseconds between the first two attempts; doubles each time. */
const pauseMs = 500;

/** Sends an alert, and again a few times when that fails. Never throws. */
export async function sendWebAlert(
  alert: WebAlert,
  message: AlertMessage,
  options: {cwd: string; environment: Readonly<Record<string, string>>; signal: AbortSignal},
): Promise<{outcome: AfterSyncOutcome; error?: string; output?: string}> {
  const body = JSON.stringify(message);
  let last: {outcome: AfterSyncOutcome; error?: string; output?: string} = {outcome: 'failed'};
  for (let attempt = 1; attempt <= alert.attempts; attempt++) {
    const result = await sendOnce(alert, body, options);
    last = result;
    if (result.outcome === 'done' || result.final || options.signal.aborted) break;
    if (attempt < alert.attempts)
      await delay(pauseMs * 2 ** (attempt - 1), undefined, {signal: options.signal}).catch(() => {});
  }
  const {outcome, error, output} = last;
  return {
    outcome: options.signal.aborted && outcome !== 'done' ? 'interrupted' : outcome,
    ...(error === undefined ? {} : {error}),
    ...(output === undefined || output === '' ? {} : {output}),
  };
}

type Attempt = {outcome: AfterSyncOutcome; error?: string; output?: string; final?: boolean};

async function sendOnce(
  alert: WebAlert,
  body: string,
  options: {cwd: string; environment: Readonly<Record<string, string>>; signal: AbortSignal},
): Promise<Attempt> {
  if (alert.run !== undefined) {
    const {end, ...rest} = await runCommand({
      argv: alert.run,
      input: body,
      timeoutMs: alert.timeoutMs,
      ...options,
    });
    return {outcome: end, ...rest};
  }
  const timeout = AbortSignal.timeout(alert.timeoutMs);
  try {
    const answer = await fetch(alert.post!, {
      method: 'POST',
      headers: {'content-type': 'application/json', ...alert.headers},
      body,
      // Where an alert goes says the configuration, not whoever answers.
      redirect: 'manual',
      signal: AbortSignal.any([timeout, options.signal]),
    });
    await answer.body?.cancel();
    if (answer.ok) return {outcome: 'done'};
    const mayPass = answer.status >= 500 || answer.status === 408 || answer.status === 429;
    return {outcome: 'failed', error: `it was answered with ${answer.status}`, final: !mayPass};
  } catch (error) {
    if (timeout.aborted) return {outcome: 'timeout', error: `no answer within ${alert.timeoutMs} ms`};
    const cause = (error as {cause?: {message?: string; code?: string}}).cause;
    return {outcome: 'failed', error: cause?.message || cause?.code || (error as Error).message};
  }
}
