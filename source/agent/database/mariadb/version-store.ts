import {randomBytes} from 'node:crypto';
import {OperatorError} from '../../../core/operator-error.js';
import type {DatabaseMemory} from '../database-options.js';
import type {StoredVersion} from '../row-store.js';
import {liveDelta, type Version} from '../row-version.js';
import {directTables, maxKeyBytes, ownTables} from './capture.js';
import type {MariadbConnection, Row} from './connection.js';
import {isMissingTable} from './server-error.js';
import {literal, quote} from './sql-text.js';

const schemaVersion = 1;

/** Versions that are written, or looked up, with one statement. */
const batchVersions = 1000;

/** Who a site database is, and where its sequence stands. */
export type Identity = {
  readonly replica: string;
  readonly lineage: string;
  readonly epoch: string;
  readonly seq: number;
};

/** What is kept of a table as a whole. `version` is only used for tables without a key. */
export type TableState = {
  readonly id: number;
  readonly name: string;
  readonly signature: string | null;
  /** Whether every row has its version, so that the log alone tells what changes. */
  readonly compared: boolean;
  readonly active: boolean;
  /** What the server called the table's storage when it was compared (`MariadbTable.stamp`). */
  readonly stamp: string | null;
  readonly live: number;
  readonly version: StoredVersion | undefined;
};

/**
 * Our own tables in the site's database. Writes belong into a transaction that begins with `begin` and ends with
 * `flush`; row versions are gathered and written many at a time.
 */
export class VersionStore {
  readonly #connection: MariadbConnection;
  #seq = 0;
  #live = new Map<number, number>();
  #saved: ReadonlyMap<number, number> = new Map();
  /** Row versions that are still to be written; undefined for one that is forgotten. */
  #pending = new Map<string, {id: number; key: string; version: StoredVersion | undefined}>();

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
    const present = await this.#meta();
    if (Number(present.get('schema') ?? 0) > schemaVersion)
      throw new OperatorError(
        'STATE_TOO_NEW',
        'The lockstep tables in the site database were made by a newer version of Lockstep.',
        {hint: 'Update the agent.'},
      );
    if (present.get('replica') === undefined) {
      await this.#set({
        schema: schemaVersion,
        lineage: randomId(),
        epoch: randomId(),
        seq: 0,
        replacements,
        replica: randomId(),
      });
      return {identity: (await this.identity())!, renewed: false};
    }
    if (await this.isContinuationOf(lastKnown)) return {identity: (await this.identity())!, renewed: false};
    await this.#set({replica: randomId(), epoch: randomId()});
    return {identity: (await this.identity())!, renewed: true};
  }

  /** Whether the database is the one that is remembered, at that place or further on. */
  async isContinuationOf(memory: DatabaseMemory | undefined): Promise<boolean> {
    const known = await this.identity();
    return (
      known !== undefined &&
      memory !== undefined &&
      known.replica === memory.replica &&
      known.epoch === memory.epoch &&
      known.seq >= memory.seq
    );
  }

  /** Undefined as long as the database knows nothing of us. */
  async identity(): Promise<Identity | undefined> {
    const meta = await this.#meta();
    const text = (name: string) => meta.get(name) ?? '';
    if (text('replica') === '') return undefined;
    return {
      replica: text('replica'),
      lineage: text('lineage'),
      epoch: text('epoch'),
      seq: Number(meta.get('seq') ?? 0),
    };
  }

  async renewEpoch(): Promise<void> {
    await this.#set({epoch: randomId()});
  }

  /** Signature of the replacements (E28) that the rows are written with. */
  async replacements(): Promise<string> {
    return (await this.#meta()).get('replacements') ?? '[]';
  }

  async setReplacements(signature: string): Promise<void> {
    await this.#set({replacements: signature});
  }

  async setLineage(lineage: string): Promise<void> {
    await this.#set({lineage});
  }

  /** Reads the sequence as the transaction finds it; to be called first. */
  async begin(): Promise<Identity> {
    const identity = (await this.identity())!;
    this.#seq = identity.seq;
    this.#live.clear();
    this.#pending.clear();
    return identity;
  }

  nextSeq(): number {
    return ++this.#seq;
  }

  /** Writes versions, sequence and row counts; to be called last, before COMMIT. */
  async flush(): Promise<void> {
    await this.#writePending();
    await this.#set({seq: this.#seq});
    for (const [id, delta] of this.#live)
      if (delta !== 0)
        await this.#connection.run(`UPDATE lockstep_table SET live = live + (${delta}) WHERE id = ${id}`);
    this.#live.clear();
  }

  /** To be called before a savepoint of the transaction. */
  async save(): Promise<void> {
    await this.#writePending();
    this.#saved = new Map(this.#live);
  }

  /** Goes back to what was at `save`, together with the savepoint. */
  restore(): void {
    this.#live = new Map(this.#saved);
    this.#pending.clear();
  }

  async get(id: number, key: string): Promise<StoredVersion | undefined> {
    return (await this.getMany(id, [key])).get(key);
  }

  async getMany(id: number, keys: Iterable<string>): Promise<Map<string, StoredVersion>> {
    const found = new Map<string, StoredVersion>();
    const wanted: string[] = [];
    for (const key of keys) {
      const pending = this.#pending.get(pendingId(id, key));
      if (pending === undefined) wanted.push(key);
      else if (pending.version !== undefined) found.set(key, pending.version);
    }
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
    this.#pending.set(pendingId(id, key), {id, key, version});
    const delta = liveDelta(before, version);
    if (delta !== 0) this.#live.set(id, (this.#live.get(id) ?? 0) + delta);
    if (this.#pending.size >= batchVersions) await this.#writePending();
  }

  /**
   * Counts rows whose versions a statement of their own made under the last number. The sequence goes on by as many: how
   * far it went is an upper bound of what changed.
   */
  countLive(id: number, rows: number): void {
    this.#live.set(id, (this.#live.get(id) ?? 0) + rows);
    this.#seq += rows;
  }

  /** Forgets all versions of a table. */
  async forget(id: number): Promise<void> {
    await this.#writePending();
    await this.#connection.run(`DELETE FROM lockstep_version WHERE tab = ${id}`);
    await this.#connection.run(`UPDATE lockstep_table SET live = 0 WHERE id = ${id}`);
    this.#live.delete(id);
  }

  async tables(): Promise<TableState[]> {
    const rows = await this.#connection.query(
      'SELECT id, name, signature, compared, active, stamp, live, digest, vector, deleted, seq FROM lockstep_table',
    );
    return rows.map(stateOf);
  }

  async table(id: number): Promise<TableState | undefined> {
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
    const all = [...this.#pending.values()];
    this.#pending.clear();
    const forgotten = Map.groupBy(
      all.filter(({version}) => version === undefined),
      ({id}) => id,
    );
    for (const [id, entries] of forgotten)
      await this.#connection.run(
        `DELETE FROM lockstep_version WHERE tab = ${id} AND k IN (${entries.map(({key}) => keyBytes(key)).join(',')})`,
      );
    const values = all.flatMap(({id, key, version}) =>
      version === undefined
        ? []
        : [
            `(${id},${keyBytes(key)},x'${version.digest}',${literal(version.vector)},${Number(version.deleted)},${version.seq})`,
          ],
    );
    if (values.length > 0)
      await this.#connection.run(
        `INSERT INTO lockstep_version (tab, k, digest, vector, deleted, seq) VALUES ${values.join(',')} ` +
          'ON DUPLICATE KEY UPDATE digest = VALUES(digest), vector = VALUES(vector), deleted = VALUES(deleted), seq = VALUES(seq)',
      );
  }

  async #meta(): Promise<Map<string, string>> {
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

/** 16 characters of [0-9a-z]: the form of replicas, lineages and epochs. */
export function randomId(): string {
  return randomBytes(16).reduce((text, byte) => text + (byte % 36).toString(36), '');
}

function pendingId(id: number, key: string): string {
  return `${id} ${key}`;
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
]: Row): TableState {
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
