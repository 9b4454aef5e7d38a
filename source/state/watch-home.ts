import {type FSWatcher, mkdirSync, watch} from 'node:fs';
import {basename, join} from 'node:path';

/** What somebody has changed in a console's home. */
export type HomeChange = 'state' | 'runs';

/** Changes that come close together are told once, milliseconds. */
const gatherMs = 150;

/**
 * Tells when another process changes the state file or starts a run, as far as the file system can say so; on one that
 * cannot (a network share) nothing is told, and whoever needs to know has to look from time to time.
 * @param home exists already
 * @returns how to stop
 */
export function watchHome(
  {home, statePath}: {home: string; statePath: string},
  onChange: (what: HomeChange) => void,
): () => void {
  const stops = [
    follow(
      home,
      'state',
      name => name === null || [basename(statePath), 'settings.json'].includes(name),
      onChange,
    ),
    // Of a run only its coming and going: what it does meanwhile stands in its journal, which is followed by itself.
    follow(join(home, 'runs'), 'runs', (_name, event) => event === 'rename', onChange),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function follow(
  folder: string,
  what: HomeChange,
  concerns: (name: string | null, event: string) => boolean,
  onChange: (what: HomeChange) => void,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let watcher: FSWatcher | undefined;
  try {
    mkdirSync(folder, {recursive: true, mode: 0o700});
    watcher = watch(folder, {persistent: false}, (event, name) => {
      if (!concerns(name, event)) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        onChange(what);
      }, gatherMs).unref();
    });
    watcher.on('error', () => watcher?.close());
  } catch {
    // Not every file system can be watched, and not every home written to.
  }
  return () => {
    clearTimeout(timer);
    watcher?.close();
  };
}
