import type {Relations} from '../relatives.js';
import {keyText, parentKeys, referringRows} from './references.js';
import type {Workspace, WorkTable} from './workspace.js';

/** Rows that refer to others, as this engine tells of them. */
export function relationsOf(workspace: Workspace): Relations<WorkTable> {
  const {connection, versions} = workspace;
  /** By the JSON text of keys, what there is. */
  const byKey = <T>(keys: readonly (readonly string[])[], find: (key: readonly string[]) => T | undefined) =>
    new Map(
      keys.flatMap(key => {
        const found = find(key);
        return found === undefined ? [] : [[JSON.stringify(key), found] as const];
      }),
    );
  return {
    tables: workspace.tables(),
    rows: ({access}, keys) => byKey(keys, key => access.read(key)),
    referring: ({table}, reference, values) =>
      [...referringRows(connection, table, reference, values, false)].flatMap(({index, row}) => {
        const key = keyText(table, row);
        return key === undefined ? [] : [{index, key}];
      }),
    referred: (child, key, reference, {table}) =>
      [...parentKeys(connection, child.access, key, reference, table)].flatMap(row => {
        const parent = keyText(table, row);
        return parent === undefined ? [] : [parent];
      }),
    versions: ({id}, keys) => byKey(keys, key => versions.get(id, JSON.stringify(key))),
  };
}
