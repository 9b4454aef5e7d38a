import {mkdirSync, renameSync} from 'node:fs';
import {join} from 'node:path';
import type {Logger} from 'pino';
import {KeptUpdate} from './kept-update.js';
import {idsIn} from './kept-updates.js';
import {lookAt} from './server-folder.js';

/**
 * Puts a server folder back to its name where an agent ended between the two renames of a swap. Done before sites are
 * opened: opening one whose root is missing could create it. The journal learns of it when the update goes on.
 */
export function settleFolders(dataFolder: string, siteNames: readonly string[], log: Logger): void {
  for (const site of siteNames) {
    const updates = join(dataFolder, 'sites', site, 'updates');
    for (const update of idsIn(updates))
      try {
        const moved = settle(join(updates, update), update);
        if (moved !== undefined)
          log.warn({site, update}, `${moved.from} was put to ${moved.to} after an interruption`);
      } catch (err) {
        // One that cannot be read must not keep the agent from serving; it is said once more when updates are resumed.
        log.error({err, site, update}, 'the folders of an update cannot be settled');
      }
  }
}

/** @param folder of an update. @returns what was moved, if anything */
function settle(folder: string, update: string): {from: string; to: string} | undefined {
  const {request, progress} = new KeptUpdate(folder);
  const {facts, track, endedAt} = progress;
  if (endedAt !== undefined) return undefined;
  const disk = lookAt(request.folder, update, facts);
  if (disk.name !== 'absent' || disk.aside !== 'old') return undefined;
  const goesOn = track === 'forward' && disk.staged === 'new';
  const from = goesOn ? facts.staged! : facts.aside!;
  mkdirSync(join(from, '..'), {recursive: true});
  renameSync(from, request.folder);
  return {from, to: request.folder};
}
