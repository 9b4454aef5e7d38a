import test from 'ava';
import {compareReleaseVersions, describeSource, isVersion, judgeRelease} from '../../source/core/release.js';

const now = Date.parse('2026-11-21T12:00:00Z');

for (const [version, running, more, kind] of [
  ['7.6.7', '7.6.6', {}, 'acceptable'],
  ['7.6.10', '7.6.9', {}, 'acceptable'],
  ['7.6.6', '7.6.6', {}, 'runs-already'],
  ['7.6.0', '7.6', {}, 'runs-already'],
  ['7.6.5', '7.6.6', {}, 'older'],
  ['7.6.6.9', '7.6.6.10', {}, 'older'],
  ['2.0.0-rc.2', '2.0.0', {}, 'older'],
  ['2.0.0', '2.0.0-rc.10', {}, 'acceptable'],
  ['9', '7', {minimumVersion: '8'}, 'below-minimum'],
  ['9', '8.0', {minimumVersion: '8'}, 'acceptable'],
  ['9', '', {}, 'acceptable'],
  ['9', '', {minimumVersion: '8'}, 'incomparable'],
  ['9', 'seven, patched', {}, 'incomparable'],
  ['9', '8', {expiresAt: '2026-11-21T12:00:00Z'}, 'expired'],
  ['9', '8', {expiresAt: '2026-11-21T12:00:01Z'}, 'acceptable'],
  ['7', '8', {expiresAt: '2026-01-01T00:00:00Z'}, 'expired'],
] as const)
  test(`${version} over "${running}" with ${JSON.stringify(more)} is ${kind}`, t =>
    t.is(judgeRelease({version, ...more}, running, now).kind, kind));

test('versions are numbers with dots, and a pre-release after three of them', t => {
  for (const text of ['7', '7.6', '7.6.6', '16.5.1.39', '2.0.0-rc.1', '20261121'])
    t.true(isVersion(text), text);
  for (const text of ['', 'v7', '7.x', '7..6', '1.2.3.4.5', '7.6-rc', '7.6.6 SP1', '*', '1.2.3+4'])
    t.false(isVersion(text), text);
  t.true(compareReleaseVersions('2026.11', '2026.9') > 0);
});

test('an address is shown without name and password', t => {
  t.is(describeSource({kind: 'ftp', url: 'ftp://me:p%40ss@host/a@b.zip'}), 'ftp://host/a@b.zip');
  t.is(describeSource({kind: 'http', url: 'https://host:8443/x.zip?a=b@c'}), 'https://host:8443/x.zip?a=b@c');
});
