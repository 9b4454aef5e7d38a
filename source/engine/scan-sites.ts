import {OperatorError} from '../core/operator-error.js';
import type {Side} from '../core/plan.js';
import type {ScanResult} from '../core/site-description.js';
import {scanSite} from '../protocol/record-endpoints.js';
import {bothSides, type SiteEnd, type SiteEnds, settleBoth} from './connect-sites.js';

/** Told how far long work has come; `unit` is what is counted. */
export type OnProgress = (progress: {
  side?: Side;
  done: number;
  total?: number;
  unit: 'items' | 'bytes' | 'rows';
}) => void;

export type ScanRequest = {
  readonly files: boolean;
  readonly database: boolean;
  /** An emptied root is taken as meant (`--max-delete 100%`). */
  readonly acceptRoot: boolean;
  /** Every row is compared with its version, so that what triggers missed is found (`run --verify`). */
  readonly verify?: boolean;
};

/** Lets both agents bring their indexes up to date, at the same time. */
export async function scanSites(
  ends: SiteEnds,
  request: ScanRequest,
  options: {signal: AbortSignal; onProgress: OnProgress},
): Promise<Record<Side, ScanResult>> {
  const [local, remote] = await settleBoth(
    scanSiteAt(ends.local, request, options),
    scanSiteAt(ends.remote, request, options),
  );
  return {local, remote};
}

/** Lets one agent bring its indexes up to date. */
export async function scanSiteAt(
  end: SiteEnd,
  {files, database, acceptRoot, verify = false}: ScanRequest,
  {signal, onProgress}: {signal: AbortSignal; onProgress: OnProgress},
): Promise<ScanResult> {
  const reply = await end.client.call(scanSite, {
    params: {site: end.site.name},
    body: {
      files,
      database: database && end.site.engine !== null,
      ...(acceptRoot ? {acceptRoot} : {}),
      ...(verify ? {verify} : {}),
    },
    signal,
  });
  for await (const line of reply) {
    if (line.type === 'scanned') return line.result;
    const {done, total, unit} = line;
    onProgress({
      side: end.side,
      done,
      ...(total === undefined ? {} : {total}),
      unit: unit === 'rows' ? 'rows' : 'items',
    });
  }
  throw new OperatorError('INVALID_ANSWER', `${end.server.name} ended its scan without a result.`);
}

/** What the databases told of themselves in a scan, with the site. */
export function databaseWarnings(ends: SiteEnds, scans: Readonly<Record<Side, ScanResult>>): string[] {
  return bothSides.flatMap(side =>
    (scans[side].database?.warnings ?? []).map(
      warning => `${ends[side].server.name}/${ends[side].site.name}: ${warning}`,
    ),
  );
}
