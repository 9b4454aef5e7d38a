import {readFileSync} from 'node:fs';
import path from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {keyReference} from '../source/console/key-reference.js';
import {errorReference} from '../source/core/error-reference.js';

const readme = path.resolve(import.meta.dirname, '..', '..', 'README.md');

/** What of the README is made from the program's own tables, by the mark around it. */
const parts: Readonly<Record<string, () => string>> = {keys: keyReference, errors: errorReference};

/** `npm run reference`: writes the tables of keys and of error codes into the README, between their marks. */
let text = readFileSync(readme, 'utf8');
for (const [mark, make] of Object.entries(parts)) {
  const between = new RegExp(`(<!-- ${mark}:.*?-->\\n)[\\s\\S]*?(\\n<!-- /${mark} -->)`);
  if (!between.test(text)) throw new Error(`README.md has no marks for ${mark}`);
  text = text.replace(between, (_all, begin: string, end: string) => begin + make().trim() + end);
}
writeFileAtomic.sync(readme, text);
