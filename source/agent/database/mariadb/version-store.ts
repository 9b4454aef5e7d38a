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
import type {TableState, Version} from '../row-version.js';
import {VersionBuffer} from '../version-buffer.js';
import {directTables, maxKeyBytes, ownTables} from './capture.js';
import type {MariadbConnection, Row} from './connection.js';
import {isMissingTable} from './server-error.js';
import {literal, quote} from './sql-text.js';

/** Versions that are written, or looked up, with one statement. */
const batchVersions = 1000;

export type MariadbTableState = TableState & {
  /** What the server called the table's storage when it was compared (`MariadbTable.stamp`). */
  readonly stamp: string | null;
};

/**
 * Our own tables in the site's database. Writes belong into a transaction that begins with `begin` and ends with
 * `flush`; row versions are gathered and written many at a time.
 */
export class VersionStore {
  readonly #connection: MariadbConnection;
  #seq = 0;
  readonly #buffer = new VersionBuffer();

  constructor(connection: MariadbConnection) {
    this.#connection = connection;
  }

  /**
   * Makes our tables where they are missing. Every statement is a transaction of its own.
   * @param direct whether the site has tables without transactions
   */
  async createTables(direct: boolean): Promise<void> {
    const present = new Set(
      (
        await this.#connection.query(
          "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'lockstep\\_%'",
        )
      ).map(([name]) => String(name).toLowerCase()),
    );
    const wanted = direct ? [...ownTables, ...directTables] : [...ownTables];
    const missing = wanted.filter(([name]) => !present.has(name));
    for (const [name, definition] of missing)
      await this.#connection.run(`CREATE TABLE ${quote(name)} ${definition}`);
    // Whatever a lost log knew is lost.
    if (present.has('lockstep_table') && missing.some(([name]) => /_log|_version/.test(name)))
      await this.#connection.run('UPDATE lockstep_table SET compared = 0');
  }

  /**
   * Decides who this database is.
   * @param replacements of a new database, whose rows are taken to be as the site wants them
   * @returns what has to be told to the operator when the database turned out to be a copy or a restored one
   */
  async establish(
    lastKnown: DatabaseMemory | undefined,
    replacements: string,
  ): Promise<{identity: Identity; renewed: boolean}> {
    const {values, renewed} = establishMeta(await this.#meta(), lastKnown, replacements);
    if (Object.keys(values).length > 0) await this.#set(values);
    return {identity: (await this.identity())!, renewed};
  }

  /** Whether the database is the one that is remembered, at that place or further on. */
  async isContinuationOf(memory: DatabaseMemory | undefined): Promise<boolean> {
    return isContinuation(await this.identity(), memory);
  }

  /** Undefined as long as the database knows nothing of us. */
  async identity(): Promise<Identity | undefined> {
    return identityOf(await this.#meta());
  }

  async renewEpoch(): Promise<void> {
    await this.#set({epoch: randomId()});
  }

  /** Signature of the replacements (E28) that the rows are written with. */
  async replacements(): Promise<string> {
    return replacementsOf(await this.#meta());
  }

  async setReplacements(signature: string): Promise<void> {
    await this.#set({replacements: signature});
  }

  /** To be called when versions are made of rows of which others may know earlier ones. */
  async renewReplica(): Promise<void> {
    await this.#set(renewedReplica());
  }

  async setLineage(lineage: string): Promise<void> {
    await this.#set({lineage});
  }

  /** Reads the sequence as the transaction finds it; to be called first. */
  async begin(): Promise<Identity> {
    const identity = (await this.identity())!;
    this.#seq = identity.seq;
    this.#buffer.clear();
    return identity;
  }

  nextSeq(): number {
    return ++this.#seq;
  }

  /** Writes versions, sequence and row counts; to be called last, before COMMIT. */
  async flush(): Promise<void> {
    await this.#writePending();
    await this.#set({seq: this.#seq});
    for (const [id, delta] of this.#buffer.live.take())
      await this.#connection.run(`UPDATE lockstep_table SET live = live + (${delta}) WHERE id = ${id}`);
  }

  /** To be called before a savepoint of the transaction. */
  async save(): Promise<void> {
    await this.#writePending();
    this.#buffer.live.save();
  }

  /** Goes back to what was at `save`, together with the savepoint. */
  restore(): void {
    this.#buffer.restore();
  }

  async get(id: number, key: string): Promise<StoredVersion | undefined> {
    return (await this.getMany(id, [key])).get(key);
  }

  async getMany(id: number, keys: Iterable<string>): Promise<Map<string, StoredVersion>> {
    const {found, rest: wanted} = this.#buffer.find(id, keys);
    for (let from = 0; from < wanted.length; from += batchVersions) {
      const list = wanted.slice(from, from + batchVersions).map(keyBytes);
      const rows = await this.#connection.query(
        `SELECT k, digest, vector, deleted, seq FROM lockstep_version WHERE tab = ${id} AND k IN (${list.join(',')})`,
      );
      for (const [key, ...version] of rows) found.set(String(key), versionOf(version));
    }
    return found;
  }

  /** @param before what `get` told, for the count of live rows */
  async set(id: number, key: string, version: Version, before: Version | undefined): Promise<void> {
    await this.put(id, key, {...version, seq: this.nextSeq()}, before);
  }

  /** Like `set`, under a given sequence number, or forgets the version. */
  async put(
    id: number,
    key: string,
    version: StoredVersion | undefined,
    before: Version | undefined,
  ): Promise<void> {
    this.#buffer.put(id, key, version, before);
    if (this.#buffer.size >= batchVersions) await this.#writePending();
  }

  /**
   * Counts rows whose versions a statement of their own made under the last number. The sequence goes on by as many: how
   * far it went is an upper bound of what changed.
   */
  countLive(id: number, rows: number): void {
    this.#buffer.live.add(id, rows);
    this.#seq += rows;
  }

  /** Forgets all versions of a table. */
  async forget(id: number): Promise<void> {
    this.#buffer.forget(id);
    await this.#connection.run(`DELETE FROM lockstep_version WHERE tab = ${id}`);
    await this.#connection.run(`UPDATE lockstep_table SET live = 0 WHERE id = ${id}`);
  }

  /** Forgets a table that is gone: one that is made anew under its name is another one. */
  async forgetTable(id: number): Promise<void> {
    await this.forget(id);
    await this.#connection.run(
      `UPDATE lockstep_table SET signature = NULL, stamp = NULL, digest = NULL, vector = NULL, deleted = NULL WHERE id = ${id}`,
    );
  }

  async tables(): Promise<MariadbTableState[]> {
    const rows = await this.#connection.query(
      'SELECT id, name, signature, compared, active, stamp, live, digest, vector, deleted, seq FROM lockstep_table',
    );
    return rows.map(stateOf);
  }

  async table(id: number): Promise<MariadbTableState | undefined> {
    return (await this.tables()).find(state => state.id === id);
  }

  async addTable(name: string): Promise<void> {
    await this.#connection.run(`INSERT INTO lockstep_table (name) VALUES (${literal(name)})`);
  }

  async updateTable(
    id: number,
    values: Partial<{compared: boolean; active: boolean; signature: string; stamp: string}>,
  ): Promise<void> {
    const list = Object.entries(values).map(
      ([name, value]) => `${name} = ${typeof value === 'boolean' ? Number(value) : literal(value)}`,
    );
    await this.#connection.run(`UPDATE lockstep_table SET ${list.join(', ')} WHERE id = ${id}`);
  }

  async setTableVersion(id: number, version: Version, rows: number): Promise<void> {
    await this.#connection.run(
      `UPDATE lockstep_table SET digest = ${literal(version.digest)}, vector = ${literal(version.vector)},
       deleted = ${Number(version.deleted)}, live = ${rows}, seq = ${this.nextSeq()} WHERE id = ${id}`,
    );
  }

  async #writePending(): Promise<void> {
    const values: string[] = [];
    for (const {id, kept, gone} of this.#buffer.take()) {
      if (gone.length > 0)
        await this.#connection.run(
          `DELETE FROM lockstep_version WHERE tab = ${id} AND k IN (${gone.map(keyBytes).join(',')})`,
        );
      for (const [key, {digest, vector, deleted, seq}] of kept)
        values.push(`(${id},${keyBytes(key)},x'${digest}',${literal(vector)},${Number(deleted)},${seq})`);
    }
    if (values.length > 0)
      await this.#connection.run(
        `INSERT INTO lockstep_version (tab, k, digest, vector, deleted, seq) VALUES ${values.join(',')} ` +
          'ON DUPLICATE KEY UPDATE digest = VALUES(digest), vector = VALUES(vector), deleted = VALUES(deleted), seq = VALUES(seq)',
      );
  }

  async #meta(): Promise<Meta> {
    try {
      const rows = await this.#connection.query('SELECT name, value FROM lockstep_meta');
      return new Map(rows.map(([name, value]) => [String(name), String(value)]));
    } catch (error) {
      if (isMissingTable(error)) return new Map();
      throw error;
    }
  }

  async #set(values: Readonly<Record<string, string | number>>): Promise<void> {
    const list = Object.entries(values).map(
      ([name, value]) => `(${literal(name)}, ${literal(String(value))})`,
    );
    await this.#connection.run(
      `INSERT INTO lockstep_meta (name, value) VALUES ${list.join(', ')} ON DUPLICATE KEY UPDATE value = VALUES(value)`,
    );
  }
}

/** Whether the version table has room for a key. */
export function fitsKey(key: string): boolean {
  return key.length * 3 <= maxKeyBytes || Buffer.byteLength(key) <= maxKeyBytes;
}

/** As the bytes of its UTF-8. */
function keyBytes(key: string): string {
  return `_binary${literal(key)}`;
}

export function versionOf([digest, vector, deleted, seq]: Row): StoredVersion {
  return {
    digest: digest!.toString('hex'),
    vector: String(vector),
    deleted: String(deleted) === '1',
    seq: Number(seq),
  };
}

function stateOf([
  id,
  name,
  signature,
  compared,
  active,
  stamp,
  live,
  digest,
  vector,
  deleted,
  seq,
]: Row): MariadbTableState {
  return {
    id: Number(id),
    name: String(name),
    signature: signature === null ? null : String(signature),
    compared: String(compared) === '1',
    active: String(active) === '1',
    stamp: stamp === null ? null : String(stamp),
    live: Number(live),
    version:
      vector === null || vector === undefined
        ? undefined
        : {
            digest: String(digest),
            vector: String(vector),
            deleted: String(deleted) === '1',
            seq: Number(seq),
          },
  };
}
