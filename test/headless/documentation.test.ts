import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {keyReference} from '../../source/console/key-reference.js';
import {errorCodes} from '../../source/core/error-codes.js';
import {errorReference} from '../../source/core/error-reference.js';

const root = path.resolve(import.meta.dirname, '..', '..', '..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
const architecture = readFileSync(path.join(root, 'ARCHITECTURE.md'), 'utf8');

for (const exit of [0, 1, 2, 3, 4, 5, 6, 7, 8, 64, 130, 143])
  test(`README documents exit status ${exit}`, t => t.regex(readme, new RegExp(`^\\| ${exit} \\|`, 'm')));

for (const [mark, of, reference] of [
  ['errors', 'error codes that there are', errorReference],
  ['keys', 'keys that the console has', keyReference],
] as const)
  test(`README lists the ${of}`, t => {
    const [, listed] =
      new RegExp(`<!-- ${mark}:.*?-->\\n([\\s\\S]*?)\\n<!-- /${mark} -->`).exec(readme) ?? [];
    t.is(listed, reference().trim(), '`npm run reference` writes README.md anew');
  });

test('every error code has an exit status that is documented, a meaning and a remedy', t => {
  for (const [code, {exit, meaning, remedy}] of Object.entries(errorCodes)) {
    t.true([1, 3, 4, 5, 6, 7, 8, 64].includes(exit), code);
    t.regex(meaning, /^\S.*\.$/, code);
    t.regex(remedy, /^\S.*[.?`]$/, code);
  }
});

test('README shows the pictures that `npm run pictures` takes', t => {
  const shown = [...readme.matchAll(/\]\((fixtures\/pictures\/[^)]+)\)/g)].map(([, file]) =>
    path.basename(file!),
  );
  t.deepEqual(shown.toSorted(), readdirSync(path.join(root, 'fixtures/pictures')).toSorted());
});

test('ARCHITECTURE says why each dependency is there', t => {
  const {dependencies, devDependencies} = JSON.parse(
    readFileSync(path.join(root, 'package.json'), 'utf8'),
  ) as Record<string, Record<string, string>>;
  const names = Object.keys({...dependencies, ...devDependencies});
  t.deepEqual(
    names.filter(name => !architecture.includes(`\`${name}\``)),
    [],
  );
});
