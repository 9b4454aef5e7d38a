import test from 'ava';
import {type ArchiveLimits, checkArchive, type ListedEntry} from '../../source/core/archive-rules.js';
import {findClash, pathProblem} from '../../source/core/release-paths.js';

const limits: ArchiveLimits = {maxEntries: 10, maxUnpackedBytes: 2 ** 40, maxRatio: 200};
const regular = 0o100644;

/** Entries one after the other, each of ten bytes unless it says otherwise. */
function listing(...entries: (Partial<ListedEntry> & {name: string; mode?: number})[]): ListedEntry[] {
  let offset = 0;
  return entries.map(({mode, ...entry}) => {
    const folder = entry.name.endsWith('/');
    const sizeBytes = entry.sizeBytes ?? (folder ? 0 : 10);
    const listed = {
      sizeBytes,
      compressedBytes: sizeBytes,
      offset,
      method: 0,
      encrypted: false,
      attributes: ((mode ?? (folder ? 0o040755 : regular)) << 16) >>> 0,
      ...entry,
    };
    offset += 100 + listed.compressedBytes;
    return listed;
  });
}

const judge = (entries: ListedEntry[], strip?: string, archiveBytes = 10_000) =>
  checkArchive(entries, archiveBytes, limits, strip);

for (const [why, entries, reason] of [
  ['leads out', [{name: '../evil'}], /leads out/],
  ['leads out further in', [{name: 'a/../../evil'}], /leads out/],
  ['is absolute', [{name: '/etc/passwd'}], /absolute/],
  ['has a NUL', [{name: 'a\0b'}], /control characters/],
  ['has a backslash', [{name: 'a\\..\\b'}], /backslash/],
  ['has a drive letter', [{name: 'C:/windows'}], /drive letter/],
  ['has an empty part', [{name: 'a//b'}], /empty part/],
  ['is the folder itself', [{name: './'}], /empty part/],
  ['has a name of Lockstep', [{name: 'a/.lockstep-marker'}], /keeps for itself/],
  ['has a name that is too long', [{name: 'x'.repeat(256)}], /longer than 255/],
  ['is a symbolic link', [{name: 'link', mode: 0o120777}], /symbolic link/],
  ['is a device', [{name: 'tty', mode: 0o020666}], /character device/],
  ['is a block device', [{name: 'sda', mode: 0o060660}], /block device/],
  ['is a pipe', [{name: 'pipe', mode: 0o010644}], /pipe/],
  ['is setuid', [{name: 'su', mode: 0o104755}], /setuid/],
  ['is setgid', [{name: 'sg', mode: 0o102755}], /setuid/],
  ['is sticky', [{name: 'tmp/', mode: 0o041777}], /setuid/],
  ['is encrypted', [{name: 'a', encrypted: true}], /encrypted/],
  ['has an unknown compression', [{name: 'a', method: 93}], /method 93/],
  ['is a folder that says it is a file', [{name: 'a/', mode: regular}], /file by its type/],
  ['is a file that says it is a folder', [{name: 'a', mode: 0o040755}], /folder by its type/],
  ['is a folder with content', [{name: 'a/', sizeBytes: 5}], /folder with content/],
  ['is there twice', [{name: 'a'}, {name: 'a'}], /twice/],
  ['is a folder that is there twice', [{name: 'a/'}, {name: 'a/'}], /twice/],
  ['has a twin in case', [{name: 'README'}, {name: 'readme'}], /do not tell them apart/],
  ['has a twin in a form of Unicode', [{name: 'caf\u00e9'}, {name: 'cafe\u0301'}], /do not tell them apart/],
  ['has a folder with a twin', [{name: 'Bin/a'}, {name: 'bin/b'}], /do not tell them apart/],
  ['is a file where a folder has to be', [{name: 'a'}, {name: 'a/b'}], /file and a folder/],
  ['is a folder that is named after its file', [{name: 'a/b'}, {name: 'a'}], /file and a folder/],
  ['is one of too many', Array.from({length: 11}, (_, index) => ({name: `f${index}`})), /11 entries/],
  ['is a bomb', [{name: 'zero', sizeBytes: 2 ** 30, compressedBytes: 1000}], /a bomb/],
  ['is too large', [{name: 'zero', sizeBytes: 2 ** 41}], /bytes are allowed|are allowed/],
  [
    'shares bytes with another',
    [
      {name: 'a', compressedBytes: 500},
      {name: 'b', offset: 100},
    ],
    /lies over/,
  ],
  ['says more than the archive has', [{name: 'a', compressedBytes: 20_000}], /lies over/],
] as const)
  test(`an archive is refused when an entry ${why}`, t => {
    const result = judge(listing(...entries));
    t.is(result.kind, 'refused');
    if (result.kind === 'refused') t.regex(result.reason, reason);
  });

test('what is harmless is taken as it is, and a folder that all lies in is left away where that is said', t => {
  const entries = listing(
    {name: 'app-2/'},
    {name: 'app-2/bin/run', mode: 0o100755},
    {name: 'app-2/Grüße.txt', mode: 0},
    {name: 'app-2/empty/'},
  );
  const taken = judge(entries, 'app-2');
  t.deepEqual(
    taken.kind === 'accepted' && taken.entries.map(({kind, path, mode, index}) => [kind, path, mode, index]),
    [
      ['file', 'bin/run', 0o755, 1],
      ['file', 'Grüße.txt', 0o644, 2],
      ['folder', 'empty', 0o755, 3],
    ],
  );
  t.is(judge(entries).kind, 'accepted');
  t.is(judge(listing({name: 'app-2/a'}, {name: 'other/b'}), 'app-2').kind, 'refused');
});

test('paths and clashes', t => {
  for (const path of ['a', 'a/b.c', '.htaccess', 'ä/ö', 'a b', '...'])
    t.is(pathProblem(path), undefined, path);
  for (const path of ['', '.', 'a/', 'a/./b', '\ud800', 'a\nb', `${'x/'.repeat(1600)}y`])
    t.not(pathProblem(path), undefined, JSON.stringify(path));
  t.is(findClash(['a/b', 'a/c', 'ab'], ['a', 'd/e']), undefined);
  t.regex(findClash(['STRASSE', 'straße'], []) ?? '', /do not tell them apart/);
});
