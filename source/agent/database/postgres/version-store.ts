import type {DatabaseMemory} from '../database-options.js';
import {
  establishMeta,
  type Identity,
  identityOf,
  type Meta,
  mustKnowSchema,
  randomId,
  renewedReplica,
  replacementsOf,
} from '../own-meta.js';
import type {StoredVersion} from '../row-store.js';
import type {TableState, Version} from '../row-version.js';
import {VersionBuffer} from '../version-buffer.js';
import type {PgConnection, PgRow} from './connection.js';
import {ownSchema} from './own-schema.js';

/** Versions that are gathered before they are written. */
const gathered = 2000;

/** With the signature of the replacements (E28) that the rows are written with. */
type Known = Identity & {readonly replacements: string};

/**
 * Our own tables in the site's database. Writes belong into a transaction that holds the advisory lock, begins with
 * `begin` and ends with `flush`; versions are gathered and written many at once.
 */
export class VersionStore {
  readonly #connection: PgConnection;
  #identity: Identity | undefined;
  #seq = 0;
  readonly #buffer = new VersionBuffer();

  constructor(connection: PgConnection) {
    this.#connection = connection;
  }

  /**
   * Makes our tables where they are missing and decides who this database is. Belongs into a write transaction.
   * @param replacements of a new database, whose rows are taken to be as the site wants them
   * @returns `renewed` when the database turned out to be a copy or a restored one
   */
  async establish(
    lastKnown: DatabaseMemory | undefined,
    replacements: string,
  ): Promise<{identity: Identity; renewed: boolean}> {
    if (!(await this.#exists())) await this.#connection.run(ownSchema);
    const {values, renewed} = establishMeta(await this.#meta(), lastKnown, replacements);
    if (Object.keys(values).length > 0) await this.#set(values);
    return {identity: (await this.identity())!, renewed};
  }

  /** Undefined as long as the database knows nothing of us. */
  async known(): Promise<Known | undefined> {
    const meta = await this.#meta();
    mustKnowSchema(meta);
    const identity = identityOf(meta);
    return identity && {...identity, replacements: replacementsOf(meta)};
  }

  async identity(): Promise<Identity | undefined> {
    const known = await this.known();
    if (known === undefined) return undefined;
    const {replacements: _, ...identity} = known;
    return identity;
  }

  async setReplacements(signature: string): Promise<void> {
    await this.#set({replacements: signature});
  }

  async #meta(): Promise<Meta> {
    if (!(await this.#exists())) return new Map();
    const rows = await this.#connection.rows('SELECT name, value FROM lockstep.meta');
    return new Map(rows.map(([name, value]) => [name!, value!]));
  }

  async #exists(): Promise<boolean> {
    return (await this.#connection.row("SELECT to_regclass('lockstep.meta') IS NOT NULL"))?.[0] === 't';
  }

  async renewEpoch(): Promise<void> {
    await this.#set({epoch: randomId()});
  }

  /** To be called when versions are made of rows of which others may know earlier ones. */
  async renewReplica(): Promise<void> {
    await this.#set(renewedReplica());
    this.#identity = await this.identity();
  }

  async setLineage(lineage: string): Promise<void> {
    await this.#set({lineage});
  }

  /** Reads the sequence as the transaction finds it; to be called first. */
  async begin(): Promise<void> {
    this.#identity = await this.identity();
    this.#seq = this.#identity?.seq ?? 0;
    this.#buffer.clear();
  }

  /** The replica under which this transaction's changes are recorded. */
  get replica(): string {
    return this.#identity?.replica ?? '';
  }

  nextSeq(): number {
    return ++this.#seq;
  }

  /** Writes what is gathered, sequence and row counts; to be called last, before COMMIT. */
  async flush(): Promise<void> {
    await this.writeOut();
    // A transaction that found nothing writes nothing.
    if (this.#seq !== this.#identity?.seq) await this.#set({seq: String(this.#seq)});
    for (const [id, delta] of this.#buffer.live.take())
      await this.#connection.run('UPDATE lockstep.tab SET live = live + $1 WHERE id = $2', [delta, id]);
  }

  /** Makes what is gathered part of a savepoint that is set next. */
  async save(): Promise<void> {
    await this.writeOut();
    this.#buffer.live.save();
  }

  /** Goes back to `save`, together with the savepoint. */
  restore(): void {
    this.#buffer.restore();
  }

  async get(id: number, key: string): Promise<StoredVersion | undefined> {
    return (await this.getMany(id, [key])).get(key);
  }

  async getMany(id: number, keys: readonly string[]): Promise<Map<string, StoredVersion>> {
    const {found, rest: asked} = this.#buffer.find(id, keys);
    if (asked.length === 0) return found;
    const rows = await this.#connection.rows(
      // Key by key in the index, also where the planner knows nothing of the table yet.
      `SELECT v.* FROM unnest($2::text[]) AS w(wanted) CROSS JOIN LATERAL (
         SELECT key, encode(digest, 'hex'), vector, deleted, seq FROM lockstep.version
         WHERE tab = $1 AND key = w.wanted OFFSET 0) AS v`,
      [id, asked],
    );
    for (const [key, ...version] of rows) found.set(key!, versionOf(version));
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
    if (this.#buffer.size >= gathered) await this.writeOut();
  }

  /** Writes the versions that are gathered. */
  async writeOut(): Promise<void> {
    for (const {id, kept, gone} of this.#buffer.take()) {
      if (gone.length > 0)
        await this.#connection.run('DELETE FROM lockstep.version WHERE tab = $1 AND key = ANY($2::text[])', [
          id,
          gone,
        ]);
      if (kept.length === 0) continue;
      await this.#connection.run(
        `INSERT INTO lockstep.version(tab, key, digest, vector, deleted, seq)
         SELECT $1, k, decode(d, 'hex'), v, x = '1', s FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[]) AS u(k, d, v, x, s)
         ON CONFLICT (tab, key) DO UPDATE SET
           digest = excluded.digest, vector = excluded.vector, deleted = excluded.deleted, seq = excluded.seq`,
        [
          id,
          kept.map(([key]) => key),
          kept.map(([, {digest}]) => digest),
          kept.map(([, {vector}]) => vector),
          kept.map(([, {deleted}]) => (deleted ? '1' : '0')),
          kept.map(([, {seq}]) => seq),
        ],
      );
    }
  }

  /** Counts rows whose versions were made by a statement of their own. */
  countLive(id: number, rows: number): void {
    this.#buffer.live.add(id, rows);
  }

  /** Live rows of a table, with what this transaction has changed so far. */
  async live(id: number): Promise<number> {
    return ((await this.table(id))?.live ?? 0) + this.#buffer.live.of(id);
  }

  /** Forgets all versions of a table. */
  async forget(id: number): Promise<void> {
    this.#buffer.forget(id);
    await this.#connection.run('DELETE FROM lockstep.version WHERE tab = $1', [id]);
    await this.#connection.run('UPDATE lockstep.tab SET live = 0 WHERE id = $1', [id]);
  }

  /** Forgets a table that is gone: one that is made anew under its name is another one. */
  async forgetTable(id: number): Promise<void> {
    await this.forget(id);
    await this.#connection.run(
      'UPDATE lockstep.tab SET signature = NULL, digest = NULL, vector = NULL, deleted = NULL WHERE id = $1',
      [id],
    );
  }

  async tables(): Promise<TableState[]> {
    return (await this.#connection.rows(`${tableColumns} ORDER BY id`)).map(stateOf);
  }

  async table(id: number): Promise<TableState | undefined> {
    const row = await this.#connection.row(`${tableColumns} WHERE id = $1`, [id]);
    return row && stateOf(row);
  }

  async setTableVersion(id: number, version: Version, rows: number): Promise<void> {
    await this.#connection.run(
      'UPDATE lockstep.tab SET digest = $1, vector = $2, deleted = $3, live = $4, seq = $5 WHERE id = $6',
      [version.digest, version.vector, version.deleted, rows, this.nextSeq(), id],
    );
  }

  async #set(values: Readonly<Record<string, string>>): Promise<void> {
    await this.#connection.run(
      'INSERT INTO lockstep.meta(name, value) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      [Object.keys(values), Object.values(values)],
    );
  }
}

const tableColumns =
  'SELECT id, name, signature, compared, active, live, digest, vector, deleted, seq FROM lockstep.tab';

/** Digest, vector, deleted and sequence number as they were selected. */
export function versionOf([digest, vector, deleted, seq]: PgRow): StoredVersion {
  return {digest: digest!, vector: vector!, deleted: deleted === 't', seq: Number(seq)};
}

function stateOf([id, name, signature, compared, active, live, ...version]: PgRow): TableState {
  return {
    id: Number(id),
    name: name!,
    signature: signature!,
    compared: compared === 't',
    active: active === 't',
    live: Number(live),
    version: version[1] === null ? undefined : versionOf(version),
  };
}
