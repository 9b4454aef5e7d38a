import {lstat, statfs} from 'node:fs/promises';
import {dirname} from 'node:path';
import type {UpdateTimings} from '../../../core/update-steps.js';
import {nextFree} from '../server-folder.js';
import type {Findings} from './findings.js';
import type {PreflightSubject} from './preflight.js';

/** Left over of what an update needs, as a share (DESIGN.md, "Updating a server"). */
const reserveShare = 0.05;

/** @returns bytes of one backup; 0 where none is made. */
export async function checkBackup(
  {site, settings}: PreflightSubject,
  {add, attempt}: Findings,
): Promise<number> {
  const migrates = settings.service.commands.migrate !== undefined;
  if (!settings.backup || site.backups === null) {
    if (migrates)
      add(
        'backup',
        'warning',
        `${settings.backup ? 'The site has no database in agent.json' : 'Backups are off'}: a migration that fails cannot be taken back by itself.`,
        'Name the database of the site, or switch `update.backup` on.',
      );
    return 0;
  }
  const {backups} = site;
  const bytes = await attempt('backup', 'See whether the database is up.', () => backups.estimate());
  if (bytes !== undefined) add('backup', 'passed', `The database can be backed up, about ${bytes} bytes.`);
  return bytes ?? 0;
}

export async function checkSpace(
  {site, settings}: PreflightSubject,
  sizes: Pick<UpdateTimings, 'archiveBytes' | 'unpackedBytes' | 'carriedBytes' | 'dataBytes'>,
  entries: number,
  {add, attempt}: Findings,
): Promise<void> {
  await attempt('space', 'See whether the file system is well.', async () => {
    const parent = dirname(settings.folder);
    await nextFree(settings.folder, 'old');
    const beside = sizes.archiveBytes + sizes.unpackedBytes + sizes.carriedBytes;
    // Before the update, once more while nobody writes, and of the new version.
    const backups = sizes.dataBytes * (settings.service.commands.migrate === undefined ? 2 : 3);
    const backupFolder = site.backups?.folder ?? parent;
    const needs = new Map<string, {folder: string; bytes: number}>();
    for (const [folder, bytes] of [
      [parent, beside],
      [backupFolder, backups],
    ] as const) {
      const stat = await lstat(folder).catch(() => lstat(site.folder));
      const key = String(stat.dev);
      needs.set(key, {folder: needs.get(key)?.folder ?? folder, bytes: (needs.get(key)?.bytes ?? 0) + bytes});
    }
    for (const {folder, bytes} of needs.values()) {
      const {bavail, bsize} = await statfs(folder).catch(() => statfs(site.folder));
      const needed = Math.ceil(bytes * (1 + reserveShare));
      const free = bavail * bsize;
      add(
        'space',
        needed <= free ? 'passed' : 'failed',
        `${folder}: ${needed} bytes are needed, ${free} are free.`,
        needed <= free ? undefined : 'Free some space there.',
      );
    }
    const {ffree, files} = await statfs(parent);
    // File systems that make them as needed say 0.
    if (files > 0)
      add(
        'inodes',
        ffree >= entries * (1 + reserveShare) ? 'passed' : 'failed',
        `${parent}: ${entries} new files and folders, ${ffree} are possible.`,
        ffree >= entries * (1 + reserveShare) ? undefined : 'Remove files that are not needed.',
      );
  });
}
