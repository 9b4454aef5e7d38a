import {readFileSync} from 'node:fs';

/** What a file of our own holds as JSON; undefined when there is none or it cannot be read. */
export function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}
