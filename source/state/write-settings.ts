import writeFileAtomic from 'write-file-atomic';
import type {Settings} from '../core/settings.js';
import {settingsPath} from './settings-file.js';

/** Replaces the settings as a whole; readers see the old file or the new one. The home exists. */
export async function writeSettings(home: string, settings: Settings): Promise<void> {
  await writeFileAtomic(settingsPath(home), `${JSON.stringify(settings, null, 2)}\n`, {mode: 0o600});
}
