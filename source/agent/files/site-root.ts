import {type BigIntStats, lstatSync, readdirSync, readFileSync, realpathSync, statSync} from 'node:fs';
import {basename, dirname, join, relative, resolve, sep} from 'node:path';
import {compareCodePoints} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import {isSafePath, pathToText, textToBytes} from '../../core/path-text.js';
import {isAbsent, reasonOf} from './system-error.js';

/** A path for file system calls: text where the bytes are UTF-8, else the bytes themselves. */
export type DiskPath = string | Buffer;

/** Names that Lockstep uses for itself inside a site root while a run is in progress. */
export const ownPrefix = '.lockstep';

/** The folder that holds a site's files, and how item paths become paths on the disk. */
export class SiteRoot {
  readonly folder: string;
  readonly #excluded: ReadonlySet<string>;
  /** The folder that `obstacleAbove` last found nothing to object to, and until when that is believed. */
  #clear = {folder: '', until: 0};
  /** Begins every path in the folder that `obstacleAbove` last found absent; believed as long. */
  #absent = {prefix: '/', until: 0};

  /** @param excluded absolute paths that are no part of the site: its database, the agent's own data. */
  constructor(folder: string, excluded: readonly string[]) {
    this.folder = resolve(folder);
    const real = realFolder(this.folder);
    this.#excluded = new Set(
      excluded
        .flatMap(path => {
          const absolute = resolve(path);
          return [
            relative(this.folder, absolute),
            relative(real, join(realFolder(dirname(absolute)), basename(absolute))),
          ];
        })
        .filter(path => path !== '' && path !== '..' && !path.startsWith(`..${sep}`))
        .map(path => pathToText(Buffer.from(path)).path),
    );
  }

  /** The path on the disk of an item; '' is the root. */
  absolute(path: string): DiskPath {
    if (path === '') return this.folder;
    if (!path.includes('\\')) return `${this.folder}/${path}`;
    return Buffer.concat([Buffer.from(`${this.folder}/`), textToBytes(path)]);
  }

  /** Whether a path is no part of the site, by itself or because a folder above it is not. */
  excludes(path: string): boolean {
    if (path.startsWith(ownPrefix) || path.includes(`/${ownPrefix}`)) return true;
    if (this.#excluded.size === 0) return false;
    if (this.#excluded.has(path)) return true;
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1))
      if (this.#excluded.has(path.slice(0, slash))) return true;
    return false;
  }

  /** Like `excludes` for one entry of a folder that is itself part of the site. */
  excludesEntry(folder: string, name: string): boolean {
    if (name.startsWith(ownPrefix)) return true;
    return this.#excluded.size > 0 && this.#excluded.has(folder === '' ? name : `${folder}/${name}`);
  }

  /**
   * The site's entries of a folder in code point order, in text form.
   * @throws what the operating system says when the folder cannot be listed.
   */
  list(folder: string): string[] {
    const disk = this.absolute(folder);
    let names: string[] = readdirSync(disk);
    let plain = true;
    for (const name of names) if (needsBytes.test(name)) plain = false;
    if (!plain) names = readdirSync(disk, {encoding: 'buffer'}).map(name => pathToText(name).path);
    names = names.filter(name => !this.excludesEntry(folder, name));
    // JavaScript's own order is that of code points as long as nothing lies above U+D7FF.
    return names.some(name => highUnits.test(name)) ? names.sort(compareCodePoints) : names.sort();
  }

  /**
   * What is at a path, links not followed; undefined when there is nothing.
   * @throws what the operating system says when it cannot tell.
   */
  stat(path: string): BigIntStats | undefined {
    try {
      return lstatSync(this.absolute(path), {bigint: true, throwIfNoEntry: false});
    } catch (thrown) {
      if (isAbsent(thrown)) return undefined;
      throw thrown;
    }
  }

  /** What the root looks like, its own link followed. */
  look(): {kind: 'present'; stat: BigIntStats} | {kind: 'missing'; detail: string} {
    try {
      const stat = statSync(this.folder, {bigint: true});
      if (!stat.isDirectory()) return {kind: 'missing', detail: `${this.folder} is not a folder`};
      return {kind: 'present', stat};
    } catch (thrown) {
      const detail = isAbsent(thrown)
        ? `${this.folder} does not exist`
        : `${this.folder} cannot be read: ${reasonOf(thrown)}`;
      return {kind: 'missing', detail};
    }
  }

  /**
   * Refuses a path that must never come from another server: absolute, climbing, not in canonical text form, or one
   * of Lockstep's own names.
   * @throws OperatorError UNSAFE_PATH
   */
  assertSafe(path: string): void {
    textToBytes(path);
    if (!isSafePath(path) || `/${path}`.includes(`/${ownPrefix}`))
      throw new OperatorError('UNSAFE_PATH', `${path.slice(0, 200)} is not a path inside a site.`);
  }

  /**
   * The first part of a path's folders that is not a real folder, and what it is instead. The last part of the path
   * is not looked at. Paths come in order, so the last answer is believed for some milliseconds (whoever makes a
   * folder says so with `madeFolder`); Node has no `openat` to hold on to it in any case.
   */
  obstacleAbove(path: string): {kind: 'absent' | 'link' | 'other'; path: string} | undefined {
    const above = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    if (above === '' || (above === this.#clear.folder && performance.now() < this.#clear.until))
      return undefined;
    const {prefix, until} = this.#absent;
    if (path.startsWith(prefix) && performance.now() < until)
      return {kind: 'absent', path: prefix.slice(0, -1)};
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
      const folder = path.slice(0, slash);
      const stat = this.stat(folder);
      if (stat === undefined) {
        this.#absent = {prefix: `${folder}/`, until: performance.now() + believedMs};
        return {kind: 'absent', path: folder};
      }
      if (stat.isSymbolicLink()) return {kind: 'link', path: folder};
      if (!stat.isDirectory()) return {kind: 'other', path: folder};
    }
    this.#clear = {folder: above, until: performance.now() + believedMs};
    return undefined;
  }

  /** Says that a folder was made, so that nothing in it is taken for absent any more. */
  madeFolder(): void {
    this.#absent = {prefix: '/', until: 0};
  }

  /** Absolute paths of the folders below the root at which another file system is mounted, longest first. */
  mountPoints(): string[] {
    let table: string;
    try {
      table = readFileSync('/proc/self/mountinfo', 'utf8');
    } catch {
      return [];
    }
    const real = realFolder(this.folder);
    return table
      .split('\n')
      .map(line => line.split(' ')[4] ?? '')
      .map(point =>
        point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
      )
      .filter(point => point.startsWith(`${real}/`))
      .map(point => relative(real, point))
      .sort((a, b) => b.length - a.length);
  }
}

const believedMs = 5;
const needsBytes = /[\ufffd\\]/;
const highUnits = /[\ud800-\uffff]/;

function realFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}
