import {createHash} from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import AdmZip from 'adm-zip';
import anyTest, {type TestFn} from 'ava';
import {unpackRelease} from '../../../source/agent/releases/unpack-release.js';
import {defaultArchiveLimits} from '../../../source/core/archive-rules.js';
import type {ReleaseManifest} from '../../../source/core/release.js';
import {hostile, type RawEntry, rawZip} from './hostile-archive.js';

const test = anyTest as TestFn<{folder: string}>;
test.beforeEach(t => {
  t.context.folder = mkdtempSync(join(tmpdir(), 'lockstep-unpack-'));
  writeFileSync(join(t.context.folder, 'victim'), 'untouched');
});
test.afterEach.always(t => rmSync(t.context.folder, {recursive: true, force: true}));

const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');

/** A manifest for files as they should be. */
function manifestOf(
  files: Readonly<Record<string, string | Buffer>>,
  more: Partial<ReleaseManifest> = {},
): ReleaseManifest {
  const listed = Object.entries(files).map(([path, content]) => ({
    path,
    sizeBytes: content.length,
    sha256: sha256(content),
    mode: path.endsWith('.sh') ? 0o755 : 0o644,
  }));
  return {
    format: 1,
    name: 'app',
    version: '2.0.0',
    createdAt: '2026-11-21T00:00:00Z',
    archive: {kind: 'zip', sizeBytes: 0, sha256: ''},
    unpackedBytes: listed.reduce((sum, file) => sum + file.sizeBytes, 0),
    entries: listed.length,
    files: listed,
    ...more,
  };
}

test('exactly what was signed lies in the folder, with its modes', async t => {
  const {folder} = t.context;
  const files = {
    'bin/start.sh': '#!/bin/sh\n',
    'Grüße.txt': 'hello',
    'big.bin': Buffer.alloc(3_000_000, 'abc'),
  };
  const zip = new AdmZip();
  for (const [name, content] of Object.entries(files)) zip.addFile(`app-2/${name}`, Buffer.from(content));
  zip.addFile('app-2/logs/', Buffer.alloc(0));
  zip.writeZip(join(folder, 'a.zip'));
  const to = join(folder, 'new');
  // What the update puts there itself does not count.
  mkdirSync(to);
  writeFileSync(join(to, '.lockstep-marker'), '');
  const manifest = manifestOf(files, {strip: 'app-2', folders: ['logs'], entries: 4});
  const seen: number[] = [];
  const done = await unpackRelease({
    archive: join(folder, 'a.zip'),
    folder: to,
    manifest,
    limits: defaultArchiveLimits,
    onProgress: bytes => seen.push(bytes),
  });
  t.deepEqual(done, {files: 3, bytes: manifest.unpackedBytes});
  t.is(seen.at(-1), manifest.unpackedBytes);
  t.deepEqual(readdirSync(to).sort(), ['.lockstep-marker', 'Grüße.txt', 'big.bin', 'bin', 'logs']);
  t.is(readFileSync(join(to, 'Grüße.txt'), 'utf8'), 'hello');
  t.is(statSync(join(to, 'bin/start.sh')).mode & 0o7777, 0o755);
  t.is(statSync(join(to, 'Grüße.txt')).mode & 0o7777, 0o644);
  const again = unpackRelease({
    archive: join(folder, 'a.zip'),
    folder: to,
    manifest,
    limits: defaultArchiveLimits,
  });
  await t.throwsAsync(again, {code: 'ALREADY_EXISTS'} as object);
  t.true(existsSync(join(to, 'big.bin')));
});

for (const [why, entries] of Object.entries(hostile))
  test(`nothing is unpacked when an entry ${why}`, async t => {
    const {folder} = t.context;
    const archive = join(folder, 'a.zip');
    writeFileSync(archive, rawZip(...entries));
    const manifest = manifestOf(Object.fromEntries(entries.map(({name}) => [name, 'x'])), {
      entries: entries.length,
    });
    const error = await t.throwsAsync(
      unpackRelease({archive, folder: join(folder, 'new'), manifest, limits: defaultArchiveLimits}),
    );
    t.is((error as {code?: string}).code, 'ARCHIVE_REFUSED', error?.message);
    t.deepEqual(readdirSync(folder).sort(), ['a.zip', 'victim']);
    t.is(readFileSync(join(folder, 'victim'), 'utf8'), 'untouched');
  });

const honest: readonly RawEntry[] = [{name: 'a'}, {name: 'b/c', content: 'yes'}];
for (const [why, entries, code, change] of [
  ['has a file that was not signed', [...honest, {name: 'extra'}], 'ARCHIVE_REFUSED', {entries: 3}],
  ['has a folder that was not signed', [...honest, {name: 'extra/'}], 'ARCHIVE_REFUSED', {entries: 3}],
  ['lacks a file that was signed', [{name: 'a'}, {name: 'b/'}], 'ARCHIVE_REFUSED', {entries: 2}],
  ['has another number of entries', [...honest, {name: 'b/'}], 'ARCHIVE_REFUSED', {}],
  ['has a file of another size', [{name: 'a', content: 'xx'}, honest[1]!], 'ARCHIVE_REFUSED', {}],
  ['has a file of other content', [{name: 'a'}, {name: 'b/c', content: 'non'}], 'CONTENT_MISMATCH', {}],
] as const)
  test(`nothing stays when the archive ${why}`, async t => {
    const {folder} = t.context;
    const archive = join(folder, 'a.zip');
    writeFileSync(archive, rawZip(...entries));
    const manifest = manifestOf({a: 'x', 'b/c': 'yes'}, change);
    const error = await t.throwsAsync(
      unpackRelease({archive, folder: join(folder, 'new'), manifest, limits: defaultArchiveLimits}),
    );
    t.is((error as {code?: string}).code, code, error?.message);
    t.false(existsSync(join(folder, 'new')));
  });

test('a damaged archive, a truncated one and one that is none are refused, and an abort leaves nothing', async t => {
  const {folder} = t.context;
  const archive = join(folder, 'a.zip');
  const zip = new AdmZip();
  const content = Buffer.from(Array.from({length: 200_000}, (_, index) => (index * 7919) % 251));
  zip.addFile('a', content);
  const whole = zip.toBuffer();
  const manifest = manifestOf({a: content});
  const unpack = (signal?: AbortSignal) =>
    unpackRelease({
      archive,
      folder: join(folder, 'new'),
      manifest,
      limits: defaultArchiveLimits,
      ...(signal ? {signal} : {}),
    });
  const damaged = Buffer.from(whole);
  damaged.fill(0, 100, 600);
  for (const bytes of [damaged, whole.subarray(0, -50), Buffer.from('not a zip'), Buffer.alloc(0)]) {
    writeFileSync(archive, bytes);
    const error = await t.throwsAsync(unpack());
    t.is((error as {code?: string}).code, 'ARCHIVE_REFUSED', error?.message);
  }
  writeFileSync(archive, whole);
  await t.throwsAsync(unpack(AbortSignal.abort(new Error('enough'))), {message: 'enough'});
  t.false(existsSync(join(folder, 'new')));
  t.is((await unpack()).files, 1);
});
