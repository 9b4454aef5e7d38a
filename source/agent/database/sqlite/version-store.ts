import {randomBytes} from 'node:crypto';
import {OperatorError} from '../../../core/operator-error.js';
import type {DatabaseMemory} from '../database-options.js';
import type {StoredVersion} from '../row-store.js';
import {liveDelta, type Version} from '../row-version.js';
import {ownSchema} from './capture.js';
import type {SqliteConnection, SqliteRow} from './connection.js';

const schemaVersion = 1n;

/** Who a site database is, and where its sequence stands. */
export type Identity = {
  readonly replica: string;
  readonly lineage: string;
  readonly epoch: string;
  readonly seq: number;
};

/** What is kept of a table as a whole. `version` is only used for tables without a key. */
export type TableState = {
  readonly id: bigint;
  readonly name: string;
  readonly signature: string | null;
  /** Whether every row has its version, so that the log alone tells what changes. */
  readonly compared: boolean;
  readonly active: boolean;
  readonly live: number;
  readonly version: StoredVersion | undefined;
};

/** Our own tables in the site's database. Writes belong into a transaction that ends with `flush`. */
export class VersionStore {
  readonly #connection: SqliteConnection;
  #seq = 0;
  #live = new Map<bigint, number>();
  #saved: ReadonlyMap<bigint, number> = new Map();

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
    const present = this.#meta();
    const version = present.get('schema');
    if (typeof version === 'bigint' && version > schemaVersion)
      throw new OperatorError(
        'STATE_TOO_NEW',
        'The lockstep tables in the site database were made by a newer version of Lockstep.',
        {hint: 'Update the agent.'},
      );
    if (present.get('replica') === undefined) {
      this.#set('schema', schemaVersion);
      this.#set('replica', randomId());
      this.#set('lineage', randomId());
      this.#set('epoch', randomId());
      this.#set('seq', 0n);
      this.setReplacements(replacements);
      return {identity: this.identity()!, renewed: false};
    }
    const known = this.identity()!;
    if (this.isContinuationOf(lastKnown)) return {identity: known, renewed: false};
    this.#set('replica', randomId());
    this.#set('epoch', randomId());
    return {identity: this.identity()!, renewed: true};
  }

  /** Whether the database is the one that is remembered, at that place or further on. */
  isContinuationOf(memory: DatabaseMemory | undefined): boolean {
    const known = this.identity();
    return (
      known !== undefined &&
      memory !== undefined &&
      known.replica === memory.replica &&
      known.epoch === memory.epoch &&
      known.seq >= memory.seq
    );
  }

  /** Undefined as long as the database knows nothing of us. */
  identity(): Identity | undefined {
    if (this.#connection.get("SELECT 1 FROM sqlite_schema WHERE name = 'lockstep_meta'") === undefined)
      return undefined;
    const meta = this.#meta();
    const text = (name: string) => String(meta.get(name) ?? '');
    if (text('replica') === '') return undefined;
    return {
      replica: text('replica'),
      lineage: text('lineage'),
      epoch: text('epoch'),
      seq: Number(meta.get('seq') ?? 0),
    };
  }

  renewEpoch(): void {
    this.#set('epoch', randomId());
  }

  /** Signature of the replacements (E28) that the rows are written with. */
  replacements(): string {
    return String(this.#meta().get('replacements') ?? '[]');
  }

  setReplacements(signature: string): void {
    this.#set('replacements', signature);
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
    for (const [id, delta] of this.#live)
      if (delta !== 0)
        this.#connection.run('UPDATE lockstep_table SET live = live + ? WHERE id = ?', BigInt(delta), id);
    this.#live.clear();
  }

  /** Remembers the counts that are still to be written, for a savepoint of the transaction. */
  save(): void {
    this.#saved = new Map(this.#live);
  }

  /** Goes back to the counts of `save`, together with the savepoint. */
  restore(): void {
    this.#live = new Map(this.#saved);
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
    this.#live.set(id, (this.#live.get(id) ?? 0) + liveDelta(before, version));
  }

  /** Counts rows whose versions were made by a statement of their own. */
  countLive(id: bigint, rows: number): void {
    this.#live.set(id, (this.#live.get(id) ?? 0) + rows);
  }

  /** Live rows of a table, with what this transaction has changed so far. */
  live(id: bigint): number {
    return (this.table(id)?.live ?? 0) + (this.#live.get(id) ?? 0);
  }

  /** Forgets all versions of a table. */
  forget(id: bigint): void {
    this.#connection.run('DELETE FROM lockstep_version WHERE tab = ?', id);
    this.#connection.run('UPDATE lockstep_table SET live = 0 WHERE id = ?', id);
    this.#live.delete(id);
  }

  tables(): TableState[] {
    return this.#connection
      .all(
        'SELECT id, name, signature, compared, active, live, digest, vector, deleted, seq FROM lockstep_table',
      )
      .map(stateOf);
  }

  table(id: bigint): TableState | undefined {
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

  #meta(): Map<string, unknown> {
    return new Map(
      this.#connection
        .all('SELECT name, value FROM lockstep_meta')
        .map(([name, value]) => [String(name), value]),
    );
  }

  #set(name: string, value: string | bigint): void {
    this.#connection.run('INSERT OR REPLACE INTO lockstep_meta(name, value) VALUES (?, ?)', name, value);
  }
}

/** 16 characters of [0-9a-z]: the form of replicas, lineages and epochs. */
export function randomId(): string {
  return randomBytes(16).reduce((text, byte) => text + (byte % 36).toString(36), '');
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
]: SqliteRow): TableState {
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
