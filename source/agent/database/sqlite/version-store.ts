import type {DatabaseMemory} from '../database-options.js';
import {
  establishMeta,
  type Identity,
  identityOf,
  isContinuation,
  type Meta,
  randomId,
  renewedReplica,
  replacementsOf,
} from '../own-meta.js';
import type {StoredVersion} from '../row-store.js';
import {liveDelta, type TableState, type Version} from '../row-version.js';
import {LiveCounts} from '../version-buffer.js';
import {ownSchema} from './capture.js';
import type {SqliteConnection, SqliteRow} from './connection.js';

export type SqliteTableState = TableState<bigint>;

/** Our own tables in the site's database. Writes belong into a transaction that ends with `flush`. */
export class VersionStore {
  readonly #connection: SqliteConnection;
  #seq = 0;
  readonly #live = new LiveCounts<bigint>();

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
  }

  /**
   * Makes our tables where they are missing and decides who this database is. Belongs into a write transaction.
   * @param replacements of a new database, whose rows are taken to be as the site wants them
   * @returns what has to be told to the operator when the database turned out to be a copy or a restored one
   */
  establish(
    lastKnown: DatabaseMemory | undefined,
    replacements: string,
  ): {identity: Identity; renewed: boolean} {
    this.#connection.exec(ownSchema);
    const {values, renewed} = establishMeta(this.#meta(), lastKnown, replacements);
    for (const [name, value] of Object.entries(values)) this.#set(name, value);
    return {identity: this.identity()!, renewed};
  }

  /** Whether the database is the one that is remembered, at that place or further on. */
  isContinuationOf(memory: DatabaseMemory | undefined): boolean {
    return isContinuation(this.identity(), memory);
  }

  /** Undefined as long as the database knows nothing of us. */
  identity(): Identity | undefined {
    if (this.#connection.get("SELECT 1 FROM sqlite_schema WHERE name = 'lockstep_meta'") === undefined)
      return undefined;
    return identityOf(this.#meta());
  }

  renewEpoch(): void {
    this.#set('epoch', randomId());
  }

  /** Signature of the replacements (E28) that the rows are written with. */
  replacements(): string {
    return replacementsOf(this.#meta());
  }

  setReplacements(signature: string): void {
    this.#set('replacements', signature);
  }

  /** To be called when versions are made of rows of which others may know earlier ones. */
  renewReplica(): void {
    for (const [name, value] of Object.entries(renewedReplica())) this.#set(name, value);
  }

  setLineage(lineage: string): void {
    this.#set('lineage', lineage);
  }

  /** Reads the sequence as the transaction finds it; to be called first. */
  begin(): void {
    this.#seq = this.identity()?.seq ?? 0;
    this.#live.clear();
  }

  nextSeq(): number {
    return ++this.#seq;
  }

  /** Writes sequence and row counts; to be called last, before COMMIT. */
  flush(): void {
    this.#set('seq', BigInt(this.#seq));
    for (const [id, delta] of this.#live.take())
      this.#connection.run('UPDATE lockstep_table SET live = live + ? WHERE id = ?', BigInt(delta), id);
  }

  /** Remembers the counts that are still to be written, for a savepoint of the transaction. */
  save(): void {
    this.#live.save();
  }

  /** Goes back to the counts of `save`, together with the savepoint. */
  restore(): void {
    this.#live.restore();
  }

  get(id: bigint, key: string): StoredVersion | undefined {
    const row = this.#connection.get(
      'SELECT digest, vector, deleted, seq FROM lockstep_version WHERE tab = ? AND key = ?',
      id,
      key,
    );
    return row && versionOf(row);
  }

  /** @param before what `get` told, for the count of live rows */
  set(id: bigint, key: string, version: Version, before: Version | undefined): void {
    this.put(id, key, {...version, seq: this.nextSeq()}, before);
  }

  /** Like `set`, under a given sequence number, or forgets the version. */
  put(id: bigint, key: string, version: StoredVersion | undefined, before: Version | undefined): void {
    if (version === undefined)
      this.#connection.run('DELETE FROM lockstep_version WHERE tab = ? AND key = ?', id, key);
    else
      this.#connection.run(
        'INSERT OR REPLACE INTO lockstep_version(tab, key, digest, vector, deleted, seq) VALUES (?, ?, ?, ?, ?, ?)',
        id,
        key,
        Buffer.from(version.digest, 'hex'),
        version.vector,
        BigInt(version.deleted),
        BigInt(version.seq),
      );
    this.#live.add(id, liveDelta(before, version));
  }

  /** Counts rows whose versions were made by a statement of their own. */
  countLive(id: bigint, rows: number): void {
    this.#live.add(id, rows);
  }

  /** Live rows of a table, with what this transaction has changed so far. */
  live(id: bigint): number {
    return (this.table(id)?.live ?? 0) + this.#live.of(id);
  }

  /** Forgets all versions of a table. */
  forget(id: bigint): void {
    this.#connection.run('DELETE FROM lockstep_version WHERE tab = ?', id);
    this.#connection.run('UPDATE lockstep_table SET live = 0 WHERE id = ?', id);
    this.#live.forget(id);
  }

  /** Forgets a table that is gone: one that is made anew under its name is another one. */
  forgetTable(id: bigint): void {
    this.forget(id);
    this.#connection.run(
      'UPDATE lockstep_table SET signature = NULL, digest = NULL, vector = NULL, deleted = NULL WHERE id = ?',
      id,
    );
  }

  tables(): SqliteTableState[] {
    return this.#connection
      .all(
        'SELECT id, name, signature, compared, active, live, digest, vector, deleted, seq FROM lockstep_table',
      )
      .map(stateOf);
  }

  table(id: bigint): SqliteTableState | undefined {
    const row = this.#connection.get(
      'SELECT id, name, signature, compared, active, live, digest, vector, deleted, seq FROM lockstep_table WHERE id = ?',
      id,
    );
    return row && stateOf(row);
  }

  setTableVersion(id: bigint, version: Version, rows: number): void {
    this.#connection.run(
      'UPDATE lockstep_table SET digest = ?, vector = ?, deleted = ?, live = ?, seq = ? WHERE id = ?',
      version.digest,
      version.vector,
      BigInt(version.deleted),
      BigInt(rows),
      BigInt(this.nextSeq()),
      id,
    );
  }

  #meta(): Meta {
    const rows = this.#connection.all('SELECT name, value FROM lockstep_meta');
    return new Map(rows.map(([name, value]) => [String(name), String(value)]));
  }

  #set(name: string, value: string | bigint): void {
    this.#connection.run('INSERT OR REPLACE INTO lockstep_meta(name, value) VALUES (?, ?)', name, value);
  }
}

function versionOf([digest, vector, deleted, seq]: SqliteRow): StoredVersion {
  return {
    digest: Buffer.from(digest as Uint8Array).toString('hex'),
    vector: String(vector),
    deleted: deleted === 1n,
    seq: Number(seq),
  };
}

function stateOf([
  id,
  name,
  signature,
  compared,
  active,
  live,
  digest,
  vector,
  deleted,
  seq,
]: SqliteRow): SqliteTableState {
  return {
    id: id as bigint,
    name: String(name),
    signature: signature === null ? null : String(signature),
    compared: compared === 1n,
    active: active === 1n,
    live: Number(live),
    version:
      vector === null || vector === undefined
        ? undefined
        : {digest: String(digest), vector: String(vector), deleted: deleted === 1n, seq: Number(seq)},
  };
}
