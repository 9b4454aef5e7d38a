import {setTimeout as delay} from 'node:timers/promises';
import {OperatorError} from '../../core/operator-error.js';
import type {StepContext} from './step-context.js';

/** Milliseconds between two looks. */
const lookMs = 200;

/**
 * Waits until the service is well and answers as the version.
 * @returns a sentence about what it answered
 * @throws OperatorError HEALTH_FAILED with the last answer when it is not well in time
 */
export async function waitForHealth(
  {service, settings, command, signal}: Pick<StepContext, 'service' | 'settings' | 'command' | 'signal'>,
  version: string,
): Promise<string> {
  const {timeoutMs} = settings.service.health;
  const until = performance.now() + timeoutMs;
  for (;;) {
    const health = await service.health(version, command);
    if (health.kind === 'well') return health.detail;
    if (performance.now() >= until)
      throw new OperatorError(
        'HEALTH_FAILED',
        `The service was not well within ${timeoutMs / 1000} s: ${health.detail}.`,
        {hint: 'Look into the log of the service.'},
      );
    await delay(lookMs, undefined, {signal});
  }
}
