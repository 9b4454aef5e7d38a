import {createRequire} from 'node:module';
import {Box, Text} from 'ink';
import type {ComponentType, PropsWithChildren} from 'react';

/**
 * `ink-table` is a CommonJS module that `require()`s Ink. Ink is an ES module with a top-level await, which
 * `require()` refuses. So the Ink that is already imported is put into the CommonJS cache, under the file name
 * that `ink-table` will look for, before it is loaded; both then use the same Ink. The parts that it uses are all that it gets: what
 * nobody uses stays out of the bundle.
 */
const require = createRequire(import.meta.url);
const inkFile = createRequire(require.resolve('ink-table')).resolve('ink');
// `require` looks at nothing else of an entry that is already loaded.
require.cache[inkFile] ??= {
  id: inkFile,
  filename: inkFile,
  loaded: true,
  exports: {Box, Text},
} as unknown as NodeJS.Module;

export type InkTableProps = {
  readonly data: readonly Readonly<Record<string, string>>[];
  readonly columns: readonly string[];
  readonly padding?: number;
  readonly header?: ComponentType<PropsWithChildren>;
  readonly cell?: ComponentType<PropsWithChildren<{column: number}>>;
  /** Frame and rules; `column` is absent for the characters between columns. */
  readonly skeleton?: ComponentType<PropsWithChildren<{column?: number}>>;
};

/** Its own types are those of an older React. */
export const {default: Table} = require('ink-table') as {default: ComponentType<InkTableProps>};
