import test from 'ava';
import {foldsNames} from '../../../source/agent/files/folds-names.js';

/** A file system that knows the paths, exactly or in any case. */
function world(paths: readonly string[], folds: boolean) {
  const key = (path: string) => (folds ? path.toLowerCase() : path);
  const inodes = new Map(paths.map((path, index) => [key(path), BigInt(index)]));
  return {
    list: (folder: string) =>
      paths.filter(path => path.startsWith(`${folder}/`)).map(path => path.slice(folder.length + 1)),
    stat(path: string) {
      const ino = inodes.get(key(path));
      return ino === undefined ? undefined : {ino, dev: 1n};
    },
  };
}

const cases: readonly (readonly [name: string, paths: string[], folds: boolean, expected: boolean])[] = [
  ['a file tells that case matters', ['/srv', '/srv/index.html'], false, false],
  ['a file tells that case does not matter', ['/srv', '/srv/index.html'], true, true],
  ['a name without letters tells nothing, the next one does', ['/srv', '/srv/1', '/srv/a'], true, true],
  ['twins that differ in case are two files', ['/srv', '/srv/A', '/srv/a'], false, false],
  ['an empty root is judged by its own name', ['/srv'], true, true],
  ['an empty root with a name without letters says nothing', ['/1'], true, false],
];

for (const [name, paths, folds, expected] of cases)
  test(name, t => {
    t.is(foldsNames(paths[0]!, world(paths, folds)), expected);
  });
