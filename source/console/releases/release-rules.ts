import {durationMs} from '../../core/duration.js';
import {momentOf} from '../../core/moment.js';
import {isReleaseName, isVersion, withoutCredentials} from '../../core/release.js';
import type {ReleaseOrigin} from '../../engine/releases.js';

/** What an operator has typed into the fields of a release. */
export type ReleaseInput = {
  readonly source: string;
  readonly name: string;
  readonly version: string;
  readonly minimumVersion: string;
  readonly expires: string;
  readonly signing: string;
  readonly key: string;
  readonly manifest: string;
};

/** Where a release is taken from: an address, a package, else a path of this machine. Undefined when it is none. */
export function originIn(text: string): ReleaseOrigin | undefined {
  if (text === '') return undefined;
  const kind = /^https?:\/\//i.test(text) ? 'http' : /^ftps?:\/\//i.test(text) ? 'ftp' : undefined;
  if (kind !== undefined) return URL.canParse(text) ? {kind, url: new URL(text).href} : undefined;
  if (!text.startsWith('package:')) return {kind: 'path', path: text};
  const [, server, site, name] = /^package:([^/]+)\/([^/]+)\/(.+)$/s.exec(text) ?? [];
  return server === undefined ? undefined : {kind: 'package', address: {server, site: site!}, name: name!};
}

/** What was understood of the source, for people. */
export function originText(origin: ReleaseOrigin): string {
  switch (origin.kind) {
    case 'path':
      return 'a ZIP archive or folder of this machine; the console sends it to the servers';
    case 'http':
    case 'ftp':
      return `${withoutCredentials(origin.url)}; read here once, servers fetch it themselves`;
    case 'package':
      return `the package ${origin.name} of ${origin.address.server}/${origin.address.site}`;
  }
}

/** The name of the file, folder or package, without `.zip` and the version at its end. */
export function nameIn(origin: ReleaseOrigin | undefined, version: string): string {
  if (origin === undefined) return '';
  const text = origin.kind === 'path' ? origin.path : origin.kind === 'package' ? origin.name : origin.url;
  const base =
    text
      .replace(/[?#].*$/, '')
      .replace(/\/+$/, '')
      .split('/')
      .at(-1) ?? '';
  const stem = base.replace(/\.zip$/i, '');
  return version !== '' && stem.endsWith(version)
    ? stem.slice(0, -version.length).replace(/[-_.v]+$/, '')
    : stem;
}

/** When a release expires, ISO 8601 in UTC: a moment, or a duration from now. Undefined for any other text. */
export function expiryIn(text: string, nowMs: number): string | undefined {
  const after = durationMs(text);
  return after === undefined ? momentOf(text) : new Date(nowMs + after).toISOString();
}

/** Why fields of a release cannot be saved as they are, by name of the field. @param taken ids in use */
export function releaseProblems(
  input: ReleaseInput,
  taken: readonly string[],
  nowMs: number,
): Record<string, string> {
  const problems: Record<string, string> = {};
  const origin = originIn(input.source);
  if (input.source === '') problems.source = 'an archive, a folder, an address or a package is needed';
  else if (origin === undefined) problems.source = 'no address, and not of the form package:SERVER/SITE/NAME';
  if (!isVersion(input.version)) problems.version = 'numbers with dots, such as 7.6.7 or 2.0.0-rc.1';
  if (input.minimumVersion !== '' && !isVersion(input.minimumVersion))
    problems.minimumVersion = 'numbers with dots, such as 7.0.0; empty for any';
  const name = input.name === '' ? nameIn(origin, input.version) : input.name;
  if (origin !== undefined && !isReleaseName(name))
    problems.name = 'letters, digits, dot, underscore and hyphen, at most 64';
  else if (taken.includes(`${name}-${input.version}`))
    problems.version = `there is already a release ${name}-${input.version}`;
  const expires = expiryIn(input.expires, nowMs);
  if (input.expires !== '' && expires === undefined)
    problems.expires = 'a moment such as 2027-01-31T00:00Z, or a duration such as 90d; empty for never';
  else if (expires !== undefined && Date.parse(expires) <= nowMs) problems.expires = 'that is over already';
  if (input.signing === 'secret-key' && input.key === '') problems.key = 'the file of the key is needed';
  if (input.signing === 'manifest' && input.manifest === '') problems.manifest = 'the manifest is needed';
  return problems;
}
