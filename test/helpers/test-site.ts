import {createHash} from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import type {ServerEngine} from './database-server.js';
import {runSqlNow, type SqlValue} from './run-sql.js';

export type TestSiteOptions = {
  /** Files by path; a path that ends in `/` is a folder. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Statements that make the database; without them the site has none. */
  readonly schema?: string;
  /** The engine of the database; SQLite when absent. Statements are given in its own language. */
  readonly engine?: ServerEngine;
  /** Works on the database of another site. */
  readonly databaseOf?: TestSite;
};

/** A site on disk that a test edits and looks at as the site's own programs would. */
export class TestSite {
  readonly root: string;
  readonly databaseFile: string | undefined;
  /** As agent.json has it; undefined for a site without a database. */
  readonly databaseUrl: string | undefined;

  /** @param serverDatabase URL of the database that was made for the site on its engine's server */
  constructor(folder: string, {files = {}, schema, databaseOf}: TestSiteOptions, serverDatabase?: string) {
    this.root = path.join(folder, 'site');
    mkdirSync(this.root, {recursive: true});
    for (const [name, content] of Object.entries(files)) this.write(name, content);
    this.databaseFile =
      databaseOf?.databaseFile ??
      (schema === undefined || serverDatabase !== undefined ? undefined : path.join(folder, 'content.db'));
    this.databaseUrl =
      databaseOf?.databaseUrl ?? serverDatabase ?? (this.databaseFile && `sqlite:${this.databaseFile}`);
    if (schema !== undefined) this.sql(schema);
  }

  path(name: string): string {
    return path.join(this.root, name);
  }

  /**
   * Times are whole milliseconds: Node sets them to a quarter of a microsecond, so another fraction could round to
   * another millisecond at the other side.
   * @param modified seconds to add to now, for a file that is older or newer than another.
   */
  write(name: string, content: string | Uint8Array = '', modified = 0): void {
    const file = this.path(name);
    if (name.endsWith('/')) {
      mkdirSync(file, {recursive: true});
      return;
    }
    mkdirSync(path.dirname(file), {recursive: true});
    writeFileSync(file, content);
    const at = Date.now() / 1000 + modified;
    utimesSync(file, at, at);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  has(name: string): boolean {
    return existsSync(this.path(name));
  }

  remove(name: string): void {
    rmSync(this.path(name), {recursive: true});
  }

  chmod(name: string, mode: number): void {
    chmodSync(this.path(name), mode);
  }

  sql(text: string): void {
    if (this.#server !== undefined) runSqlNow(this.#server, text);
    else this.#with(database => database.exec(text));
  }

  /** On a server every value is text, as `run-sql.ts` reads it. */
  rows(query: string, ...values: SqlValue[]): unknown[][] {
    if (this.#server !== undefined) return runSqlNow(this.#server, query, values);
    return this.#with(database => {
      const statement = database.prepare(query);
      statement.setReadBigInts(true);
      return statement.all(...values).map(row => Object.values(row));
    });
  }

  get #server(): string | undefined {
    return this.databaseFile === undefined ? this.databaseUrl : undefined;
  }

  #with<T>(use: (database: DatabaseSync) => T): T {
    if (this.databaseFile === undefined) throw new Error('the site has no database');
    const database = new DatabaseSync(this.databaseFile, {timeout: 30_000});
    try {
      return use(database);
    } finally {
      database.close();
    }
  }

  /** Every file, folder and link with kind, mode, time and content: what two equal sites have in common. */
  files(): Record<string, string> {
    const found: Record<string, string> = {};
    const visit = (folder: string) => {
      for (const name of readdirSync(this.path(folder)).sort()) {
        const relative = folder === '' ? name : `${folder}/${name}`;
        const full = this.path(relative);
        const stat = lstatSync(full);
        const mode = (stat.mode & 0o777).toString(8);
        if (stat.isDirectory()) {
          found[relative] = `folder ${mode}`;
          visit(relative);
        } else if (stat.isSymbolicLink()) found[relative] = `link ${readlinkSync(full)}`;
        else if (stat.isFile())
          found[relative] =
            `file ${mode} ${stat.mtimeMs.toFixed(0)} ${createHash('sha256').update(readFileSync(full)).digest('hex')}`;
        else found[relative] = 'special';
      }
    };
    visit('');
    return found;
  }

  /** Every row of every table of the site's own, as text, in an order that depends on nothing else. */
  tables(): Record<string, string[]> {
    const names = this.rows(tableNames[this.#engine])
      .map(([name]) => String(name))
      .filter(name => !/^_?lockstep/.test(name));
    return Object.fromEntries(names.map(name => [name, this.table(name)]));
  }

  table(name: string): string[] {
    const columns = this.rows(columnNames[this.#engine](name)).map(([column]) => String(column));
    const list = columns.map(column => exactColumn[this.#engine](column)).join(', ');
    const from = this.#engine === 'postgres' ? `"${name}"` : `\`${name}\``;
    return this.rows(`SELECT ${list} FROM ${from}`)
      .map(row => columns.map((column, index) => `${column}=${row[index]}`).join(' '))
      .sort();
  }

  get #engine(): ServerEngine | 'sqlite' {
    if (this.databaseUrl === undefined || this.databaseUrl.startsWith('sqlite:')) return 'sqlite';
    return this.databaseUrl.startsWith('postgres') ? 'postgres' : 'mysql';
  }
}

const tableNames = {
  sqlite: `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`,
  postgres: `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name`,
  mysql: `SELECT table_name FROM information_schema.tables WHERE table_schema = database() AND table_type = 'BASE TABLE' ORDER BY table_name`,
};

const columnNames = {
  sqlite: (table: string) => `SELECT name FROM pragma_table_info('${table}') ORDER BY name`,
  postgres: (table: string) =>
    `SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '${table}' ORDER BY column_name COLLATE "C"`,
  mysql: (table: string) =>
    `SELECT column_name FROM information_schema.columns WHERE table_schema = database() AND table_name = '${table}' ORDER BY BINARY column_name`,
};

const exactColumn = {
  sqlite: (column: string) => `quote("${column}")`,
  postgres: (column: string) => `quote_nullable("${column}")`,
  mysql: (column: string) => `quote(\`${column}\`)`,
};
