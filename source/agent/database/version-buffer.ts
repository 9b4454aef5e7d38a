import type {StoredVersion} from './row-store.js';
import {liveDelta, type Version} from './row-version.js';

/** By how many live rows a transaction has changed its tables; of tables by number. */
export class LiveCounts<Id = number> {
  #deltas = new Map<Id, number>();
  #saved: ReadonlyMap<Id, number> = new Map();

  add(id: Id, rows: number): void {
    this.#deltas.set(id, this.of(id) + rows);
  }

  of(id: Id): number {
    return this.#deltas.get(id) ?? 0;
  }

  /** The tables whose counts have changed; they are none afterwards. */
  take(): [id: Id, delta: number][] {
    const changed = [...this.#deltas].filter(([, delta]) => delta !== 0);
    this.#deltas.clear();
    return changed;
  }

  forget(id: Id): void {
    this.#deltas.delete(id);
  }

  clear(): void {
    this.#deltas.clear();
  }

  /** For a savepoint of the transaction, and back to it. */
  save(): void {
    this.#saved = new Map(this.#deltas);
  }

  restore(): void {
    this.#deltas = new Map(this.#saved);
  }
}

/** Versions of rows that a transaction has made and not written yet, so that many are written at once. */
export class VersionBuffer {
  readonly live = new LiveCounts();
  #pending = new Map<number, Map<string, StoredVersion | undefined>>();
  #size = 0;

  /** Versions that wait to be written. */
  get size(): number {
    return this.#size;
  }

  /** @param version undefined for one that is forgotten @param before what was known, for the count of live rows */
  put(id: number, key: string, version: StoredVersion | undefined, before: Version | undefined): void {
    const ofTable = this.#pending.get(id) ?? new Map<string, StoredVersion | undefined>();
    this.#pending.set(id, ofTable);
    if (!ofTable.has(key)) this.#size++;
    ofTable.set(key, version);
    this.live.add(id, liveDelta(before, version));
  }

  /** What waits of the keys asked for, and the keys of which nothing does. */
  find(id: number, keys: Iterable<string>): {found: Map<string, StoredVersion>; rest: string[]} {
    const ofTable = this.#pending.get(id);
    const found = new Map<string, StoredVersion>();
    const rest: string[] = [];
    for (const key of keys) {
      const version = ofTable?.get(key);
      if (version !== undefined) found.set(key, version);
      else if (ofTable?.has(key) !== true) rest.push(key);
    }
    return {found, rest};
  }

  /** What waits, by table: versions to write and keys to forget. Nothing waits afterwards. */
  take(): {id: number; kept: [key: string, version: StoredVersion][]; gone: string[]}[] {
    const all = [...this.#pending].map(([id, ofTable]) => ({
      id,
      kept: [...ofTable].filter((entry): entry is [string, StoredVersion] => entry[1] !== undefined),
      gone: [...ofTable].flatMap(([key, version]) => (version === undefined ? [key] : [])),
    }));
    this.#drop();
    return all;
  }

  /** Forgets what waits of a table. */
  forget(id: number): void {
    this.#size -= this.#pending.get(id)?.size ?? 0;
    this.#pending.delete(id);
    this.live.forget(id);
  }

  clear(): void {
    this.#drop();
    this.live.clear();
  }

  /** Back to the savepoint at which `live.save` was called and nothing waited. */
  restore(): void {
    this.#drop();
    this.live.restore();
  }

  #drop(): void {
    this.#pending.clear();
    this.#size = 0;
  }
}
