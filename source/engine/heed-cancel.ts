import {existsSync} from 'node:fs';

/** Milliseconds between looks at whether somebody asked to cancel. */
const cancelPollMs = 500;

/**
 * Calls `ask` when SIGTERM or the cancel file asks a detached process to end. Signals of a terminal that goes away are
 * ignored.
 * @returns what ends the listening
 */
export function heedCancel(cancelFile: string, ask: () => void): () => void {
  const ignore = () => {};
  process.on('SIGTERM', ask);
  for (const signal of ['SIGHUP', 'SIGINT'] as const) process.on(signal, ignore);
  const timer = setInterval(() => {
    if (existsSync(cancelFile)) ask();
  }, cancelPollMs);
  return () => {
    clearInterval(timer);
    process.off('SIGTERM', ask);
    for (const signal of ['SIGHUP', 'SIGINT'] as const) process.off(signal, ignore);
  };
}
