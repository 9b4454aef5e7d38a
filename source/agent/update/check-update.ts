import type {UpdateCheckReport} from '../../core/update-status.js';
import {openService} from '../service/open-service.js';
import {settingsOf} from './create-update-host.js';
import {readOffer} from './preflight/check-release.js';
import {preflight} from './preflight/preflight.js';
import type {OfferedRelease, ReleaseTools} from './update-request.js';
import type {UpdateSubject} from './update-subject.js';

/** The preflight by itself, as a person asks for it (U15). @throws OperatorError UPDATE_NOT_CONFIGURED */
export async function checkUpdate(
  site: UpdateSubject,
  {release, untilMs}: {readonly release: OfferedRelease | undefined; readonly untilMs: number | undefined},
  {
    dataFolder,
    tools,
    nowMs,
    signal,
  }: {dataFolder: string; tools: ReleaseTools; nowMs: number; signal: AbortSignal},
): Promise<UpdateCheckReport> {
  const settings = settingsOf(site);
  const {folder} = settings;
  const {
    timings: _,
    structure: __,
    ...report
  } = await preflight({
    site,
    settings,
    service: site.own ?? openService(settings.service),
    context: {folder, environment: {LOCKSTEP_SITE: site.name, LOCKSTEP_FOLDER: folder}, signal},
    dataFolder,
    updateId: undefined,
    release: release && (await readOffer(tools, site.name, release)),
    nowMs,
    untilMs,
  });
  return report;
}
