import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {parseSettings, type Settings} from '../core/settings.js';

/** Bytes of a settings file, at most; a longer one is none. */
const maxBytes = 64 * 1024;

/** Where the settings of a console's home lie: beside its state, because they are nobody else's business. */
export function settingsPath(home: string): string {
  return join(home, 'settings.json');
}

/**
 * The settings of a home; defaults where there are none, or none that can be read: a console must open in order to
 * repair them. Synchronous and small, because they decide about the first frame.
 */
export function readSettings(home: string): Settings {
  try {
    const text = readFileSync(settingsPath(home), 'utf8');
    return parseSettings(text.length > maxBytes ? undefined : JSON.parse(text));
  } catch {
    return parseSettings(undefined);
  }
}
