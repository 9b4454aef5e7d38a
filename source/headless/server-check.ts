import type {ErrorCode} from '../core/error-codes.js';
import {OperatorError} from '../core/operator-error.js';
import type {ServerCheck} from '../engine/engine.js';
import type {Output} from './output.js';

/** Clocks may differ by this much (E26). */
const clockSkewLimitMs = 5 * 60_000;

const codes = {
  ok: undefined,
  unreachable: 'UNREACHABLE',
  'certificate-mismatch': 'CERTIFICATE_MISMATCH',
  'no-endpoint': 'NO_SUCH_ENDPOINT',
  'identity-refused': 'IDENTITY_REFUSED',
  'identity-moved': 'IDENTITY_MOVED',
} as const satisfies Record<ServerCheck['kind'], ErrorCode | undefined>;

/** What stands in the way of working with a checked server, as an error with its remedy; undefined when nothing. */
export function errorOfCheck(check: ServerCheck): OperatorError | undefined {
  const code = codes[check.kind];
  if (code !== undefined)
    return new OperatorError(code, check.detail, check.hint === undefined ? {} : {hint: check.hint});
  const skewMs = Math.abs(check.clockSkewMs ?? 0);
  if (skewMs > clockSkewLimitMs)
    return new OperatorError(
      'CLOCK_SKEW',
      `The clock of ${check.server} differs by ${Math.round(skewMs / 1000)} s; at most 300 s are allowed.`,
      {hint: 'Set the clocks right, for example with NTP, on that server and here.'},
    );
  return undefined;
}

/** `ok` or `fail`. */
export function wordOfCheck(check: ServerCheck, output: Output): string {
  return errorOfCheck(check) === undefined ? output.look('good', 'ok') : output.look('bad', 'fail');
}
