import {lstatSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import type {ReadResult} from '../../../source/agent/files/read-content.js';
import {ReadingThread} from '../../../source/agent/files/reading-thread.js';
import {createWorld, sha256} from './world.js';

test('each of many files is read once, by whichever thread, and told with what it was found to be', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-reading-'));
  const results = new Map<string, ReadResult>();
  const reading = new ReadingThread(({path}, result) => {
    t.false(results.has(path));
    results.set(path, result);
  });
  try {
    const names = Array.from({length: 3000}, (_, index) => `file ${index}`);
    for (const name of names) writeFileSync(join(folder, name), name);
    const stats = new Map(names.map(name => [name, lstatSync(join(folder, name), {bigint: true})]));
    // Both early ones and late ones, so that each thread meets some.
    for (const index of [3, 2500]) writeFileSync(join(folder, `file ${index}`), 'longer than it was before');
    for (const index of [4, 2501]) rmSync(join(folder, `file ${index}`));
    for (const name of names) {
      const disk = name === 'file 2502' ? Buffer.from(join(folder, name)) : join(folder, name);
      reading.read({path: name, disk, stat: stats.get(name)!, readAt: 0n});
    }
    await reading.finish(new AbortController().signal);
    t.is(results.size, names.length);
    for (const [index, name] of names.entries()) {
      const result = results.get(name)!;
      if ([3, 2500].includes(index)) t.is(result.kind, 'changing');
      else if ([4, 2501].includes(index)) t.is(result.kind, 'vanished');
      else t.like(result, {kind: 'read', digest: sha256(name), stat: {ino: stats.get(name)!.ino}});
    }
  } finally {
    reading.close();
    rmSync(folder, {recursive: true});
  }
});

test('a first scan of many files and one after edits find what is there', async t => {
  const world = await createWorld();
  try {
    const paths = Array.from({length: 1500}, (_, index) => `folder ${index % 7}/page ${index}.html`);
    for (const path of paths) world.write(path);
    const found = new Map((await world.changed()).map(({path, digest}) => [path, digest]));
    t.deepEqual(
      paths.map(path => found.get(path)),
      paths.map(path => sha256(path)),
    );
    for (const path of paths) world.write(path, `${path}, edited`);
    const edited = (await world.changed()).filter(({kind}) => kind === 'file');
    t.is(edited.length, paths.length);
    t.true(edited.every(({path, digest}) => digest === sha256(`${path}, edited`)));
    t.deepEqual(await world.changed(), []);
  } finally {
    await world.close();
  }
});
