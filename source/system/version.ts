import {readFileSync} from 'node:fs';

/** The version of this program, of its console as of its agent. */
export const {version} = JSON.parse(readFileSync(new URL(import.meta.resolve('#package')), 'utf8')) as {
  version: string;
};
