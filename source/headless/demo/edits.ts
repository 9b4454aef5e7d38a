import {appendFileSync, mkdirSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import {pseudoRandomBytes} from './content-site.js';
import type {DemoServer, DemoWorld} from './demo-world.js';

/** What an editor's day leaves waiting on each side: something for every kind of line in a preview. */
export function leaveEditsWaiting(world: DemoWorld): void {
  changeDatabase(world, 'staging', database => {
    database.exec(
      `UPDATE content SET title = 'Spring fair', body = 'The fair opens on Saturday.' WHERE id = 42`,
    );
    database.exec(`UPDATE content SET status = 'published' WHERE id BETWEEN 100 AND 110`);
    database.exec(`INSERT INTO content (folder_id, title, slug, body, status, editor_id, edit_date)
      VALUES (2, 'Opening hours', 'opening-hours', 'Nine to five.', 'approved', 1, '2026-11-20T10:00:00.000Z')`);
    database.exec('DELETE FROM messages WHERE id = 600');
  });
  const staging = world.rootOf('staging');
  mkdirSync(path.join(staging, 'uploadedimages/spring'), {recursive: true});
  writeFileSync(path.join(staging, 'uploadedimages/spring/hero.jpg'), pseudoRandomBytes(200_000, 99));
  appendFileSync(path.join(staging, 'templates/page.html'), '<!-- spring campaign -->\n');
  rmSync(path.join(staging, 'uploadedimages/image-001.jpg'));

  changeDatabase(world, 'production', database => {
    database.exec(`INSERT INTO ratings VALUES (42, 'visitor-from-production', 4.5)`);
    database.exec(
      `INSERT INTO orders VALUES ('2026-900001', 'A customer', 4999, NULL, '2026-11-20T11:00:00.000Z')`,
    );
  });
  writeFileSync(
    path.join(world.rootOf('production'), 'uploadedfiles/form-4711.csv'),
    'name;message\nAnna;Hello\n',
  );

  changeDatabase(world, 'development', database => {
    database.exec(`UPDATE folders SET name = 'Section two' WHERE id = 2`);
  });
  appendFileSync(path.join(world.rootOf('development'), 'bin/site.js'), 'export const build = 2;\n');
}

/** The same row and the same file changed differently on both sides of staging–production. */
export function makeConflict(world: DemoWorld): void {
  for (const server of ['staging', 'production'] as const) {
    changeDatabase(world, server, database =>
      database.exec(`UPDATE users SET email = 'editor3@${server}.example.com' WHERE id = 3`),
    );
    writeFileSync(
      path.join(world.rootOf(server), 'templates/contact.html'),
      `<p>Contact form as of ${server}</p>\n`,
    );
  }
}

export function changeDatabase(
  world: DemoWorld,
  server: DemoServer,
  change: (database: DatabaseSync) => void,
): void {
  const database = new DatabaseSync(world.databaseOf(server), {timeout: 10_000});
  try {
    change(database);
  } finally {
    database.close();
  }
}
