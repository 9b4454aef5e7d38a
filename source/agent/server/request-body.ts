import type {IncomingMessage} from 'node:http';
import {OperatorError} from '../../core/operator-error.js';

/** Milliseconds that a sender may be silent in the middle of a body while we wait for more. */
const bodySilenceMs = 60_000;

/**
 * The bytes of a streamed body as they come. The sender waits while nobody reads, and may not stop in the middle.
 * @throws OperatorError CONNECTION_LOST when it goes away or falls silent.
 */
export async function* receiveBody(request: IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = request.iterator({destroyOnReturn: false});
  let silent = false;
  let waiting = false;
  // One timer for all chunks: a body has thousands of them each second.
  const timer = setTimeout(() => {
    if (!waiting) timer.refresh();
    else {
      silent = true;
      request.destroy();
    }
  }, bodySilenceMs);
  try {
    for (;;) {
      waiting = true;
      timer.refresh();
      const next = await chunks.next();
      waiting = false;
      if (next.done === true) break;
      yield next.value as Buffer;
    }
  } catch (error) {
    throw new OperatorError(
      'CONNECTION_LOST',
      silent
        ? `The sender said nothing for ${bodySilenceMs / 1000} s.`
        : 'The sender went away before the end.',
      {cause: error},
    );
  } finally {
    clearTimeout(timer);
  }
  if (!request.complete) throw new OperatorError('CONNECTION_LOST', 'The sender went away before the end.');
}
