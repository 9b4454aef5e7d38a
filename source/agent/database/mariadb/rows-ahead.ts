import type {MissingParent, PresentRow, StoredVersion} from '../row-store.js';
import {missingParents} from './references.js';
import type {Workspace, WorkTable} from './workspace.js';

type Ahead = {
  row: PresentRow | undefined;
  version: StoredVersion | undefined;
  rowTaken: boolean;
  versionTaken: boolean;
};

/** What a commit asked of many rows at once, each for one answer, as long as nothing is written that could change it. */
export class RowsAhead {
  readonly #workspace: Workspace;
  readonly #rows = new Map<string, Ahead>();
  readonly #parents = new Map<string, MissingParent[]>();

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  /** Locks the rows and reads them with their versions. */
  async readRows({table, access, id}: WorkTable, keys: readonly (readonly string[])[]): Promise<void> {
    const rows = await access.readMany(keys, {lock: true});
    const versions = await this.#workspace.versions.getMany(
      id,
      keys.map(key => JSON.stringify(key)),
    );
    for (const key of keys) {
      const text = JSON.stringify(key);
      this.#rows.set(rowId(table.name, key), {
        row: rows.get(text),
        version: versions.get(text),
        rowTaken: false,
        versionTaken: false,
      });
    }
  }

  async readParents({table, access}: WorkTable, keys: readonly (readonly string[])[]): Promise<void> {
    for (const key of keys) this.#parents.set(rowId(table.name, key), []);
    for (const reference of table.foreignKeys)
      for (const {key, values} of await missingParents(this.#workspace.connection, access, keys, reference))
        this.#parents.get(rowId(table.name, key))?.push({reference, values});
  }

  /** @returns undefined when the table has to be asked; `row` is undefined where there is none */
  takeRow(table: string, key: readonly string[]): {row: PresentRow | undefined} | undefined {
    const ahead = this.#rows.get(rowId(table, key));
    if (ahead === undefined || ahead.rowTaken) return undefined;
    ahead.rowTaken = true;
    return {row: ahead.row};
  }

  /** As `takeRow`. */
  takeVersion(table: string, key: readonly string[]): {version: StoredVersion | undefined} | undefined {
    const ahead = this.#rows.get(rowId(table, key));
    if (ahead === undefined || ahead.versionTaken) return undefined;
    ahead.versionTaken = true;
    return {version: ahead.version};
  }

  missingParents(table: string, key: readonly string[]): MissingParent[] | undefined {
    return this.#parents.get(rowId(table, key));
  }

  /** A row is written: it may be another one's parent, too. */
  forget(table: string, key: readonly string[]): void {
    this.#rows.delete(rowId(table, key));
    this.#parents.clear();
  }

  clear(): void {
    this.#rows.clear();
    this.#parents.clear();
  }
}

function rowId(table: string, key: readonly string[]): string {
  return `${table}\0${JSON.stringify(key)}`;
}
