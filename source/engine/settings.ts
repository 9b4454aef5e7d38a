import {readdir, stat} from 'node:fs/promises';
import path from 'node:path';
import {parseSettings, type Settings} from '../core/settings.js';
import {readSettings, settingsPath} from '../state/settings-file.js';
import {stateVersion} from '../state/state.js';
import {writeSettings} from '../state/write-settings.js';
import type {EngineContext} from './engine-context.js';

/** Files of one kind in the console's folder; all of them stay until somebody deletes them. */
export type Kept = {count: number; bytes: number};

/** What a console keeps, and where. */
export type HomeFacts = {
  home: string;
  state: {path: string; bytes: number; version: number};
  settings: string;
  runs: Kept;
  rollouts: Kept;
  plans: Kept;
};

export type SettingsVerbs = {
  read(): Promise<Settings>;
  /** Saves what is named and leaves the rest. */
  change(changes: Partial<Settings>): Promise<Settings>;
  facts(): Promise<HomeFacts>;
};

export function createSettings(context: EngineContext): SettingsVerbs {
  const {home} = context;
  const read = async () => readSettings(home);
  return {
    read,
    async change(changes) {
      const settings = parseSettings({...(await read()), ...changes});
      await writeSettings(home, settings);
      return settings;
    },
    async facts() {
      const bytes = await stat(context.state.path).then(
        ({size}) => size,
        () => 0,
      );
      const [runs, rollouts, plans] = await Promise.all(
        [
          ['runs', '.ndjson'],
          ['rollouts', '.ndjson'],
          ['plans', '.json'],
        ].map(([folder, ending]) => measure(path.join(home, folder!), ending!)),
      );
      return {
        home,
        state: {path: context.state.path, bytes, version: stateVersion},
        settings: settingsPath(home),
        runs: runs!,
        rollouts: rollouts!,
        plans: plans!,
      };
    },
  };
}

/** How many files with an ending there are, and how much all files of the folder take. */
async function measure(folder: string, ending: string): Promise<Kept> {
  const names = await readdir(folder).catch(() => []);
  let bytes = 0;
  for (const name of names) bytes += (await stat(path.join(folder, name)).catch(() => undefined))?.size ?? 0;
  return {count: names.filter(name => name.endsWith(ending)).length, bytes};
}
