import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {DatabaseSync} from 'node:sqlite';

/** Sizes of a made content site. */
export type ContentSiteSize = {readonly pages: number; readonly images: number};

const schemaFile = new URL(import.meta.resolve('#fixtures/content-site/schema.sql'));

/**
 * Makes a small content site: files under `root`, database at `databaseFile`. Deterministic, so that two calls
 * give the same site and a test can predict it. Without a size the site is *minimal*: the schema, an empty
 * database and the folders of an installation, as a new server starts out (E2).
 */
export function createContentSite(root: string, databaseFile: string, size?: ContentSiteSize): void {
  createSchema(databaseFile);
  for (const folder of [
    'assets',
    'privateassets',
    'uploadedimages',
    'uploadedfiles',
    'workarea',
    'templates',
    'bin',
  ])
    mkdirSync(path.join(root, folder), {recursive: true});
  if (size === undefined) return;
  writeFiles(root, size);
  fillDatabase(databaseFile, size);
}

function createSchema(databaseFile: string): void {
  mkdirSync(path.dirname(databaseFile), {recursive: true});
  const database = new DatabaseSync(databaseFile);
  database.exec(readFileSync(schemaFile, 'utf8'));
  database.close();
}

function writeFiles(root: string, size: ContentSiteSize): void {
  const write = (name: string, content: string | Uint8Array) => {
    const file = path.join(root, name);
    mkdirSync(path.dirname(file), {recursive: true});
    writeFileSync(file, content);
  };
  write('index.html', page('Welcome', 'The front page of the example site.'));
  write('web.config', '<configuration><!-- this server only --></configuration>\n');
  write('robots.txt', 'User-agent: *\nDisallow: /workarea/\n');
  for (const name of ['page', 'list', 'search', 'contact'])
    write(`templates/${name}.html`, page(`{{title}}`, `Template ${name}: {{body}}`));
  write('templates/styles/site.css', 'body { font: 16px/1.5 serif; margin: 2rem auto; max-width: 40rem }\n');
  write('workarea/menu.json', JSON.stringify({entries: ['content', 'users', 'reports']}, null, 2));
  write('workarea/reports/visits.html', page('Visits', 'Hits per page and day.'));
  write('workarea/help/index.html', page('Help', 'Belongs to the installation; never synchronised.'));
  write('bin/site.js', `export const version = '7.6.6';\n`);
  write('bin/render.wasm', pseudoRandomBytes(48 * 1024, 7));
  write(
    'assets/price-list.csv',
    Array.from({length: 200}, (_, row) => `item ${row};${row * 3}.00`).join('\n'),
  );
  write('privateassets/contract.pdf', pseudoRandomBytes(90 * 1024, 11));
  for (let image = 1; image <= size.images; image++)
    write(
      `uploadedimages/${image % 5 === 0 ? 'fair/' : ''}image-${String(image).padStart(3, '0')}.jpg`,
      pseudoRandomBytes(2048 + image * 311, image),
    );
}

function page(title: string, text: string): string {
  return `<!doctype html>\n<html>\n<head><title>${title}</title></head>\n<body>\n<h1>${title}</h1>\n<p>${text}</p>\n</body>\n</html>\n`;
}

/** Bytes that do not compress, the same for the same seed (xorshift32; Marsaglia 2003). */
export function pseudoRandomBytes(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let index = 0; index < length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state & 0xff;
  }
  return bytes;
}

function fillDatabase(databaseFile: string, size: ContentSiteSize): void {
  const database = new DatabaseSync(databaseFile);
  const day = (offset: number) => new Date(Date.UTC(2026, 0, 1) + offset * 86_400_000).toISOString();
  const rows = (
    count: number,
    sql: string,
    values: (index: number) => (string | number | null | Uint8Array)[],
  ) => {
    const statement = database.prepare(sql);
    for (let index = 1; index <= count; index++) statement.run(...values(index));
  };
  const users = Math.max(5, Math.round(size.pages / 20));
  const folders = Math.max(4, Math.round(size.pages / 15));
  database.exec('BEGIN');
  rows(users, 'INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)', index => [
    index,
    index === 1 ? 'admin' : `editor${index}`,
    index === 1 ? 'Administrator' : `Editor ${index}`,
    `editor${index}@example.com`,
    index === 1 ? null : 1 + ((index - 2) % 3),
    day(index),
  ]);
  rows(4, 'INSERT INTO groups VALUES (?, ?)', index => [
    index,
    ['Everyone', 'Authors', 'Editors', 'Administrators'][index - 1]!,
  ]);
  rows(users, 'INSERT INTO group_members VALUES (?, ?, ?)', index => [
    1 + (index % 4),
    index,
    index % 3 === 0 ? 'editor' : 'author',
  ]);
  rows(folders, 'INSERT INTO folders VALUES (?, ?, ?, ?)', index => [
    index,
    index === 1 ? null : 1 + Math.floor((index - 2) / 4),
    index === 1 ? 'Root' : `Section ${index}`,
    1 + (index % users),
  ]);
  rows(
    size.pages,
    'INSERT INTO content (id, folder_id, title, slug, body, status, editor_id, edit_date) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    index => [
      index,
      1 + (index % folders),
      `Page ${index}`,
      `page-${index}`,
      `This is the text of page ${index}. `.repeat(1 + (index % 7)),
      (['draft', 'approved', 'published'] as const)[index % 3]!,
      1 + (index % users),
      day(index),
    ],
  );
  rows(3, 'INSERT INTO metadata_definitions VALUES (?, ?)', index => [
    ['keywords', 'description', 'author'][index - 1]!,
    'text',
  ]);
  rows(size.pages, 'INSERT INTO metadata VALUES (?, ?, ?)', index => [
    index,
    'keywords',
    index % 4 === 0 ? null : index % 4 === 1 ? '' : `key${index}`,
  ]);
  rows(size.pages, 'INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)', index => [
    index,
    1 + (index % users),
    index > 1 && index % 3 === 0 ? index - 1 : null,
    `About page ${index}`,
    `Please have a look at page ${index}. 👍`,
    day(index),
  ]);
  rows(size.pages * 2, 'INSERT INTO ratings VALUES (?, ?, ?)', index => [
    1 + (index % size.pages),
    `visitor-${index}`,
    (index % 50) / 10,
  ]);
  rows(size.pages, 'INSERT INTO orders VALUES (?, ?, ?, ?, ?)', index => [
    `2026-${String(index).padStart(6, '0')}`,
    `Customer ${index}`,
    9_007_199_254 + index * 99,
    index % 10 === 0 ? pseudoRandomBytes(200, index) : null,
    day(index),
  ]);
  rows(30, 'INSERT INTO visits VALUES (?, ?, ?)', index => [`/page-${index}`, day(index), index * 17]);
  database.exec('COMMIT');
  database.close();
}
