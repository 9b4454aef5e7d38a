import {asOperatorError} from '../../../core/operator-error.js';
import {judgeRelease, type ReleaseManifest, type ReleaseVerdict} from '../../../core/release.js';
import type {OfferedRelease, ReleaseTools} from '../update-request.js';
import type {Findings} from './findings.js';
import type {PreflightSubject} from './preflight.js';

const verdicts: Readonly<Record<ReleaseVerdict['kind'], (verdict: ReleaseVerdict) => string>> = {
  acceptable: () => 'It can be updated to.',
  'runs-already': () => 'This version runs already; it is put there again.',
  expired: verdict => `The release expired on ${(verdict as {expiresAt: string}).expiresAt}.`,
  older: verdict => `The release is older than ${(verdict as {running: string}).running}, which runs here.`,
  'below-minimum': verdict =>
    `The release needs at least version ${(verdict as {minimum: string}).minimum}; ${(verdict as {running: string}).running} runs here.`,
  incomparable: verdict =>
    `"${(verdict as {running: string}).running}" runs here, which cannot be compared with the version of the release.`,
};

/** The manifest of a release, or why it is not believed: one that is refused is a finding like others. */
export function readOffer(
  tools: ReleaseTools,
  site: string,
  offered: OfferedRelease,
): Promise<NonNullable<PreflightSubject['release']>> {
  return tools.read(site, offered).then(
    manifest => ({manifest}),
    (error: unknown) => ({error}),
  );
}

export function checkRelease(
  {release, site, nowMs}: PreflightSubject,
  {add}: Findings,
): ReleaseManifest | undefined {
  if (release === undefined) return undefined;
  if ('error' in release) {
    const {message, hint} = asOperatorError(release.error);
    add('release', 'failed', message, hint);
    return undefined;
  }
  const {manifest} = release;
  const verdict = judgeRelease(manifest, site.version, nowMs);
  const fits = verdict.kind === 'acceptable' || verdict.kind === 'runs-already';
  add(
    'release',
    fits ? 'passed' : 'failed',
    `${manifest.name} ${manifest.version}: ${verdicts[verdict.kind](verdict)}`,
    fits ? undefined : 'Choose another release, or correct `version` of the site in agent.json.',
  );
  return manifest;
}
