import {createHmac, randomBytes, timingSafeEqual} from 'node:crypto';
import {existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';

/** Signs and checks links to packages (P8): HMAC-SHA-256 over site, package and expiry, with a key of this agent. */
export type PackageLinks = {
  /** @returns path and query, below the address of the agent. @param expiresMs epoch milliseconds */
  sign(site: string, name: string, expiresMs: number): string;
  /** Whether a link was signed here for just this and has not expired at `nowMs`. */
  verify(site: string, name: string, query: {expires?: string; signature?: string}, nowMs: number): boolean;
};

/** Path under which archives are served to people, with range requests (RFC 9110, 14). */
export const archivePath = (site: string, name: string) =>
  `/v1/sites/${encodeURIComponent(site)}/packages/${encodeURIComponent(name)}/archive`;

export function openPackageLinks(dataFolder: string): PackageLinks {
  const file = join(dataFolder, 'link-key');
  let key: Buffer | undefined;
  const signature = (site: string, name: string, expires: string): string => {
    key ??= readOrMakeKey(file);
    return createHmac('sha256', key)
      .update(JSON.stringify([site, name, expires]))
      .digest('base64url');
  };
  return {
    sign(site, name, expiresMs) {
      const expires = String(Math.floor(expiresMs / 1000));
      return `${archivePath(site, name)}?expires=${expires}&signature=${signature(site, name, expires)}`;
    },
    verify(site, name, query, nowMs) {
      if (!/^\d{1,12}$/.test(query.expires ?? '') || Number(query.expires) * 1000 <= nowMs) return false;
      // Compared as text: decoding base64url ignores the last bits, so that several texts would be one signature.
      const given = Buffer.from(query.signature ?? '');
      const right = Buffer.from(signature(site, name, query.expires!));
      return given.length === right.length && timingSafeEqual(given, right);
    },
  };
}

const keyBytes = 32;

/** A key cut short by a crash while it was written would be easy to guess: it counts as none. */
function readOrMakeKey(file: string): Buffer {
  const kept = existsSync(file) ? readFileSync(file) : undefined;
  if (kept?.length === keyBytes) return kept;
  const made = randomBytes(keyBytes);
  writeFileAtomic.sync(file, made, {mode: 0o600});
  return made;
}
