import {readFileSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {AfterSync, type AfterSyncHook} from './after-sync.js';
import {effectiveFlags, flagsInEnvironment, publishFlags} from './publish-flags.js';
import type {WebAlert} from './send-web-alert.js';

/** What agent.json says of a site's flags and of its actions after a sync (E29, E30, E32). */
export type SiteActions = {
  readonly name: string;
  /** Name of the server. */
  readonly server?: string;
  readonly root: string;
  readonly staging: boolean;
  readonly flags?: Readonly<Record<string, boolean>>;
  /** Where the flags are published; a file in the agent's data when absent. Absolute. */
  readonly flagsFile?: string;
  readonly hooks?: readonly AfterSyncHook[];
  readonly webAlert?: WebAlert;
};

/** The file that holds the published flags. */
export function flagsFileOf({flagsFile}: SiteActions, folder: string): string {
  return flagsFile ?? join(folder, 'flags.json');
}

/**
 * Publishes the flags of a site and makes ready what it does after a sync.
 * @param folder the site's folder in the agent's data
 */
export function openAfterSync(
  site: SiteActions,
  folder: string,
  isAtWork: (runId: string) => boolean,
): AfterSync {
  const flags = effectiveFlags(site.flags ?? {}, site.staging);
  const file = flagsFileOf(site, folder);
  forgetFormer(folder, file);
  publishFlags(file, flags);
  return new AfterSync({
    site: site.name,
    server: site.server ?? '',
    root: site.root,
    runsFolder: join(folder, 'runs'),
    hooks: site.hooks ?? [],
    webAlert: flags.webAlerts === true ? site.webAlert : undefined,
    environment: {LOCKSTEP_STAGING: site.staging ? '1' : '0', ...flagsInEnvironment(file, flags)},
    isAtWork,
  });
}

/** Removes the file that was published elsewhere before: left in the site it would be taken for a part of it. */
function forgetFormer(folder: string, file: string): void {
  const note = join(folder, 'flags-file');
  let former: string | undefined;
  try {
    former = readFileSync(note, 'utf8');
  } catch {
    // None was published before.
  }
  if (former === file) return;
  if (former !== undefined) rmSync(former, {force: true});
  writeFileSync(note, file, {mode: 0o600});
}
