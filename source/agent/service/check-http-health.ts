import type {Health} from './service.js';
import type {HealthSettings, VersionPlace} from './service-settings.js';

/** Bytes of an answer that are looked at. */
const mostBytes = 256 * 1024;
/** Milliseconds for one answer. */
const patienceMs = 5_000;

/** Asks a service over HTTP whether it is well: the status, and the version where agent.json says where that stands. */
export async function checkHttpHealth(
  {url, status, version: place}: HealthSettings & {readonly url: string},
  version: string,
  signal: AbortSignal,
): Promise<Health> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(url, {
      redirect: 'manual',
      headers: {connection: 'close', 'cache-control': 'no-cache'},
      signal: AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]),
    });
    text = await readSome(answer);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    return {kind: 'unwell', detail: `${url} does not answer: ${reasonOf(error)}`};
  }
  if (answer.status !== status)
    return {kind: 'unwell', detail: `${url} answered ${answer.status}, expected ${status}`};
  if (place === undefined || version === '') return {kind: 'well', detail: `${url} answered ${status}`};
  const found = versionIn(place, answer, text, version);
  if (found === version) return {kind: 'well', detail: `${url} answered ${status} as version ${version}`};
  return {
    kind: 'unwell',
    detail:
      found === undefined
        ? `${url} answered ${status} without saying a version`
        : `${url} says version ${found}, expected ${version}`,
  };
}

async function readSome(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    chunks.push(chunk as Uint8Array);
    size += (chunk as Uint8Array).length;
    if (size >= mostBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, mostBytes).toString('utf8');
}

function versionIn(place: VersionPlace, answer: Response, text: string, wanted: string): string | undefined {
  switch (place.kind) {
    case 'header':
      return answer.headers.get(place.name)?.trim();
    case 'body': {
      // As a whole word: 7.6 is not in 7.6.1.
      const escaped = wanted.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
      return new RegExp(`(?<![\\w.])${escaped}(?![\\w]|\\.\\w)`).test(text) ? wanted : undefined;
    }
    case 'pointer': {
      const value = at(text, place.pointer);
      return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
    }
  }
}

/** The value at a JSON pointer (RFC 6901). */
function at(text: string, pointer: string): unknown {
  try {
    return pointer
      .split('/')
      .slice(1)
      .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
      .reduce<unknown>(
        (value, part) =>
          typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined,
        JSON.parse(text),
      );
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${patienceMs / 1000} s`;
  return error.cause instanceof Error ? error.cause.message || String(error.cause) : error.message;
}
