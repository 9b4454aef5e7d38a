import type {Relations} from '../relatives.js';
import {parentKeys, referringRows} from './references.js';
import {readForeignRows} from './table-access.js';
import type {Workspace, WorkTable} from './workspace.js';

/** Rows that refer to others, as this engine tells of them. */
export function relationsOf({connection, tables, versions}: Workspace): Relations<WorkTable> {
  return {
    tables,
    rows: ({table}, keys) => readForeignRows(connection, table, keys),
    referring: ({table}, reference, values) => referringRows(connection, table, reference, values),
    referred: (child, key, reference, parent) =>
      parentKeys(connection, child.table, key, reference, parent.table),
    versions: ({id}, keys) =>
      versions.getMany(
        id,
        keys.map(key => JSON.stringify(key)),
      ),
  };
}
