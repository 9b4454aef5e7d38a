import {mkdtempSync, rmSync, truncateSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {archivePath, openPackageLinks} from '../../../source/agent/packages/package-links.js';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-links-'));
test.after.always(() => rmSync(folder, {recursive: true, force: true}));

const now = Date.parse('2026-03-01T12:00:00Z');
const expires = now + 60_000;

function queryOf(link: string) {
  const query = new URL(link, 'https://agent').searchParams;
  return {expires: query.get('expires')!, signature: query.get('signature')!};
}

test('P8: a link opens its own package, until it expires, also after a restart', t => {
  const link = openPackageLinks(folder).sign('main', 'kit', expires);
  t.true(link.startsWith(`${archivePath('main', 'kit')}?`));
  const query = queryOf(link);
  const links = openPackageLinks(folder);
  t.true(links.verify('main', 'kit', query, now));
  t.false(links.verify('main', 'kit', query, expires));
  t.false(links.verify('main', 'other', query, now));
  t.false(links.verify('other', 'kit', query, now));
});

test('P8: a signature changed in any place, or another time, opens nothing', t => {
  const links = openPackageLinks(folder);
  const query = queryOf(links.sign('main', 'kit', expires));
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  for (const [place, own] of [...query.signature].entries())
    for (const letter of letters)
      if (letter !== own) {
        const signature = query.signature.slice(0, place) + letter + query.signature.slice(place + 1);
        t.false(links.verify('main', 'kit', {...query, signature}, now), `${letter} at ${place}`);
      }
  for (const signature of [undefined, '', `${query.signature}=`, query.signature.slice(0, -1)])
    t.false(
      links.verify('main', 'kit', {expires: query.expires, ...(signature !== undefined && {signature})}, now),
    );
  t.false(links.verify('main', 'kit', {...query, expires: String(Number(query.expires) + 1)}, now));
});

test('a key cut short by a crash is made anew', t => {
  const own = mkdtempSync(join(folder, 'cut-'));
  const before = queryOf(openPackageLinks(own).sign('main', 'kit', expires));
  truncateSync(join(own, 'link-key'), 0);
  const links = openPackageLinks(own);
  t.false(links.verify('main', 'kit', before, now));
  t.true(links.verify('main', 'kit', queryOf(links.sign('main', 'kit', expires)), now));
});
