import {randomBytes} from 'node:crypto';
import {mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import test from 'ava';
import type {ItemRecord} from '../../../source/core/item.js';
import {changes, commitAt, end, lease, makeFolder, move, putAll, scan, startTestAgent} from './test-agent.js';

for (const way of ['push', 'pull'] as const)
  test(`files come to the other side by ${way}, and nothing of the run stays`, async t => {
    const folder = await makeFolder();
    t.teardown(folder.remove);
    const source = await startTestAgent(folder.path, 'source');
    const target = await startTestAgent(folder.path, 'target');
    t.teardown(() => Promise.all([source.close(), target.close()]));
    await source.introduce(target.identity, ['main']);
    await target.introduce(source.identity, ['main']);
    const root = source.roots.main!;
    mkdirSync(join(root, 'a/b'), {recursive: true});
    for (let n = 0; n < 50; n++) writeFileSync(join(root, 'a/b', `${n}.html`), `page ${n}`);
    writeFileSync(join(root, 'empty'), '');
    writeFileSync(join(root, 'twin'), 'page 1');
    writeFileSync(join(root, 'large'), randomBytes(3_000_000));
    symlinkSync('a/b', join(root, 'link'));
    await Promise.all([scan(source), scan(target)]);
    const operations = putAll(await changes(source));
    await Promise.all([lease(source), lease(target)]);
    const moved =
      way === 'push'
        ? await move(source, 'push', target, operations)
        : await move(target, 'pull', source, operations);
    t.deepEqual(moved.missing, []);
    t.true(moved.bytes > 3_000_000 && moved.bytes < 3_010_000, `${moved.bytes}`);
    const outcomes = await commitAt(target, operations);
    t.deepEqual([...new Set(outcomes.map(({outcome}) => outcome))], ['applied']);
    t.is(outcomes.length, operations.length);
    t.deepEqual(await commitAt(target, operations), outcomes, 'a repeated call answers the same');
    await Promise.all([end(source), end(target)]);
    t.deepEqual(readdirSync(target.roots.main!).sort(), ['a', 'empty', 'large', 'link', 'twin']);
    t.deepEqual(
      readFileSync(join(target.roots.main!, 'large')),
      readFileSync(join(source.roots.main!, 'large')),
    );
    await scan(target);
    // Node sets times as floating-point seconds, which hold a microsecond.
    const strip = (records: ItemRecord[]) =>
      records.map(({seq: _, ...rest}) =>
        'mtime' in rest ? {...rest, mtime: rest.mtime.slice(0, -4)} : rest,
      );
    t.deepEqual(strip(await changes(target)), strip(await changes(source)));
  });

test('rows and files are committed together, and a second transfer sends nothing', async t => {
  const folder = await makeFolder();
  t.teardown(folder.remove);
  const [source, target] = await Promise.all(
    ['source', 'target'].map(async name => {
      const made = await startTestAgent(folder.path, name, ['main'], true);
      const database = new DatabaseSync(join(folder.path, name, 'main.db'));
      database.exec('CREATE TABLE page (id INTEGER PRIMARY KEY, title TEXT)');
      if (name === 'source') {
        for (let id = 1; id <= 1200; id++)
          database.prepare('INSERT INTO page VALUES (?, ?)').run(id, `title ${id}`);
        writeFileSync(join(made.roots.main!, 'x'), 'x');
      }
      database.close();
      return made;
    }),
  );
  t.teardown(() => Promise.all([source!.close(), target!.close()]));
  await target!.introduce(source!.identity, ['main']);
  await source!.introduce(target!.identity, ['main']);
  await Promise.all([scan(source!, 'main', true), scan(target!, 'main', true)]);
  const operations = putAll(await changes(source!, 'main', true));
  t.is(operations.length, 1201);
  await Promise.all([lease(source!), lease(target!)]);
  const first = await move(source!, 'push', target!, operations);
  t.deepEqual(first.missing, []);
  t.true(first.bytes > 0);
  t.is((await move(source!, 'push', target!, operations)).bytes, 0);
  const outcomes = await commitAt(target!, operations);
  t.deepEqual(
    outcomes.filter(({outcome}) => outcome !== 'applied'),
    [],
  );
  await end(target!);
  const database = new DatabaseSync(join(folder.path, 'target', 'main.db'));
  t.is(database.prepare('SELECT count(*) AS n FROM page').get()!.n, 1200);
  database.close();
  t.is(readFileSync(join(target!.roots.main!, 'x'), 'utf8'), 'x');
});

test('both sites may lie at one agent', async t => {
  const folder = await makeFolder();
  t.teardown(folder.remove);
  const agent = await startTestAgent(folder.path, 'agent', ['one', 'two']);
  t.teardown(() => agent.close());
  await agent.introduce(agent.identity, ['one', 'two']);
  writeFileSync(join(agent.roots.one!, 'x'), 'x');
  await Promise.all([scan(agent, 'one'), scan(agent, 'two')]);
  await Promise.all([lease(agent, 'one'), lease(agent, 'two')]);
  const operations = putAll(await changes(agent, 'one'));
  await move(agent, 'push', agent, operations, {here: 'one', there: 'two'});
  await commitAt(agent, operations, {site: 'two'});
  t.is(readFileSync(join(agent.roots.two!, 'x'), 'utf8'), 'x');
});
