import type {Relations} from '../relatives.js';
import {parentKeys, referringRows} from './references.js';
import type {Workspace, WorkTable} from './workspace.js';

/** Rows that refer to others, as this engine tells of them. */
export async function relationsOf(workspace: Workspace): Promise<Relations<WorkTable>> {
  const {connection, versions} = workspace;
  return {
    tables: await workspace.tables(),
    rows: ({access}, keys) => access.readMany(keys),
    referring: async ({access}, reference, values) =>
      (await referringRows(connection, access, reference, values, false)).flatMap(({index, row}) => {
        const key = access.keyText(row);
        return key === undefined ? [] : [{index, key}];
      }),
    referred: async (child, key, reference, {access}) =>
      (await parentKeys(connection, child.access, key, reference, access)).flatMap(row => {
        const parent = access.keyText(row);
        return parent === undefined ? [] : [parent];
      }),
    versions: ({id}, keys) =>
      versions.getMany(
        id,
        keys.map(key => JSON.stringify(key)),
      ),
  };
}
