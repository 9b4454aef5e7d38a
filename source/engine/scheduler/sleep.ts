import {watch} from 'node:fs';
import {basename, dirname} from 'node:path';

/** Waiting that ends early when a file changes. */
export type Sleep = {
  /** Resolves after `ms`, when the file changes, or when `signal` is aborted. */
  for(ms: number, signal: AbortSignal): Promise<void>;
  close(): void;
};

/** @param file is replaced by renaming, so its folder is watched; where that cannot be, only the time counts */
export function createSleep(file: string): Sleep {
  let wake: (() => void) | undefined;
  let changed = false;
  const name = basename(file);
  const watcher = (() => {
    try {
      return watch(dirname(file), (_, found) => {
        if (found !== name) return;
        changed = true;
        wake?.();
      });
    } catch {
      return undefined;
    }
  })();
  watcher?.on('error', () => {});
  return {
    async for(ms, signal) {
      if (!changed && !signal.aborted)
        await new Promise<void>(resolve => {
          const done = () => {
            clearTimeout(timer);
            signal.removeEventListener('abort', done);
            wake = undefined;
            resolve();
          };
          const timer = setTimeout(done, ms);
          signal.addEventListener('abort', done, {once: true});
          wake = done;
        });
      changed = false;
    },
    close: () => watcher?.close(),
  };
}
