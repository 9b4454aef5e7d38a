import type {ReleaseManifest} from '../../../core/release.js';
import {windowAt} from '../../../core/rollout-window.js';
import type {UpdateCheckReport} from '../../../core/update-status.js';
import {type UpdateTimings, worstCaseFrom} from '../../../core/update-steps.js';
import type {Service, ServiceContext} from '../../service/service.js';
import type {UpdateSettings} from '../update-settings.js';
import type {UpdateSubject} from '../update-subject.js';
import {lateness, timingsOf} from '../update-timings.js';
import {checkRelease} from './check-release.js';
import {checkBackup, checkSpace} from './check-room.js';
import {checkCarried, checkFolder} from './check-server-folder.js';
import {checkService} from './check-service.js';
import {collectFindings, type Findings} from './findings.js';

export type PreflightSubject = {
  readonly site: UpdateSubject;
  readonly settings: UpdateSettings;
  readonly service: Service;
  readonly context: ServiceContext;
  /** The agent's data folder; absolute. */
  readonly dataFolder: string;
  /** The update that asks; its own lease and marker are no obstacle. */
  readonly updateId: string | undefined;
  /** What `ReleaseTools.read` answered or threw; undefined without a release. */
  readonly release: {readonly manifest: ReleaseManifest} | {readonly error: unknown} | undefined;
  /** Epoch milliseconds. */
  readonly nowMs: number;
  readonly untilMs: number | undefined;
};

export type PreflightResult = UpdateCheckReport & {
  readonly timings: UpdateTimings;
  readonly structure: string | undefined;
};

/** Checks everything that an update needs, without changing anything (U15). */
export async function preflight(subject: PreflightSubject): Promise<PreflightResult> {
  const {site, settings} = subject;
  const findings = collectFindings();
  const manifest = checkRelease(subject, findings);
  checkLease(subject, findings);
  const there = await checkFolder(subject, findings);
  const carried = there ? await checkCarried(subject, findings) : undefined;
  const dataBytes = await checkBackup(subject, findings);
  const sizes = {
    archiveBytes: manifest?.archive.sizeBytes ?? 0,
    unpackedBytes: manifest?.unpackedBytes ?? 0,
    carriedBytes: carried?.bytes ?? 0,
    dataBytes,
  };
  const timings = timingsOf(settings, sizes);
  if (there) await checkSpace(subject, sizes, (manifest?.entries ?? 0) + (carried?.entries ?? 0), findings);
  const structure = await checkService(subject, findings);
  checkWindow(subject, timings, findings);
  if (settings.administrators.length > 0 && site.configuration.mail === undefined)
    findings.add(
      'mail',
      'warning',
      'An administrator is to be told, and the site has no mail server.',
      'Add "mail": {"smtp", "from"} to the site in agent.json.',
    );
  return {
    site: site.name,
    from: site.version,
    ...(manifest === undefined ? {} : {to: manifest.version}),
    checks: findings.checks,
    passed: findings.checks.every(({outcome}) => outcome !== 'failed'),
    worstCaseMs: worstCaseFrom('preflight', timings),
    timings,
    structure,
  };
}

function checkLease({site, updateId}: PreflightSubject, {add}: Findings): void {
  const {holder} = site.lease;
  if (holder === undefined || holder.runId === updateId)
    add('site', 'passed', 'No run and no other update holds the site.');
  else
    add(
      'site',
      'failed',
      `${holder.work === 'update' ? 'Update' : 'Run'} ${holder.runId} of ${holder.by} holds the site since ${holder.since}.`,
      'Wait for its end.',
    );
}

function checkWindow(
  {nowMs, untilMs, settings}: PreflightSubject,
  timings: UpdateTimings,
  {add}: Findings,
): void {
  const late = lateness('preflight', timings, nowMs, untilMs);
  if (late !== undefined)
    add('window', 'failed', late, 'Choose a longer window, or shorter timeouts in agent.json.');
  else if (untilMs !== undefined)
    add(
      'window',
      'passed',
      `At most ${Math.ceil(worstCaseFrom('preflight', timings) / 1000)} s fit into the window until ${new Date(untilMs).toISOString()}.`,
    );
  if (settings.window !== undefined && windowAt(settings.window, nowMs).kind === 'closed')
    add('usual-window', 'warning', `This server is usually updated ${settings.window.text}.`);
}
