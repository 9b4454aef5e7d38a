import {mkdirSync, readFileSync, renameSync, writeFileSync} from 'node:fs';
import {basename, dirname, join} from 'node:path';
import {ownPrefix} from '../files/site-root.js';

/** Flags that are off on a staging site whatever agent.json says (E29, E30). */
const offOnStaging = ['webAlerts', 'orderProcessing'];

/** The flags of a site as they hold, the known ones always among them. */
export function effectiveFlags(
  flags: Readonly<Record<string, boolean>>,
  staging: boolean,
): Readonly<Record<string, boolean>> {
  const known = {webAlerts: false, orderProcessing: false, ...flags};
  return Object.fromEntries(
    Object.entries(known).map(([name, value]) => [name, value && !(staging && offOnStaging.includes(name))]),
  );
}

/**
 * Publishes the flags to the site as a JSON file, which its programs read (E30). The file is no part of what is
 * synchronised, wherever it lies. Not written when it is as it should be.
 */
export function publishFlags(file: string, flags: Readonly<Record<string, boolean>>): void {
  const text = `${JSON.stringify(flags)}\n`;
  try {
    if (readFileSync(file, 'utf8') === text) return;
  } catch {
    // It is written below.
  }
  mkdirSync(dirname(file), {recursive: true});
  // Under a name that is our own, in case the folder belongs to the site.
  const temporary = join(dirname(file), `${ownPrefix}-${basename(file)}-${process.pid}`);
  writeFileSync(temporary, text, {mode: 0o644, flush: true});
  renameSync(temporary, file);
}

/** The flags as environment of commands: `LOCKSTEP_FLAGS` as JSON and `LOCKSTEP_FLAG_WEB_ALERTS=0` one by one. */
export function flagsInEnvironment(
  file: string,
  flags: Readonly<Record<string, boolean>>,
): Readonly<Record<string, string>> {
  return {
    LOCKSTEP_FLAGS: JSON.stringify(flags),
    LOCKSTEP_FLAGS_FILE: file,
    ...Object.fromEntries(
      Object.entries(flags).map(([name, value]) => [`LOCKSTEP_FLAG_${upperSnake(name)}`, value ? '1' : '0']),
    ),
  };
}

function upperSnake(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase();
}
