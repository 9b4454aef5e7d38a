import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {type Engine, engines, usableEngines} from '../helpers/database-server.js';
import {type PreviewDocument, type RunSummaryLine, type TestServer, World} from '../helpers/lockstep.js';

/*
 * What must hold of rows whatever the engine, a test for each case. Every case has rows of its own, so that one run under
 * each policy decides them all; the tests look at what came of it.
 */

const schema = (engine: Engine) => {
  const cycle = `CREATE TABLE heads (id BIGINT PRIMARY KEY, tail_id BIGINT${engine === 'sqlite' ? ' REFERENCES tails (id)' : ''});
    CREATE TABLE tails (id BIGINT PRIMARY KEY, head_id BIGINT, FOREIGN KEY (head_id) REFERENCES heads (id));
    ${engine === 'sqlite' ? '' : 'ALTER TABLE heads ADD FOREIGN KEY (tail_id) REFERENCES tails (id);'}`;
  return `CREATE TABLE pages (id BIGINT PRIMARY KEY, v VARCHAR(100), w VARCHAR(100));
    CREATE TABLE parents (id BIGINT PRIMARY KEY, v VARCHAR(100));
    CREATE TABLE children (id BIGINT PRIMARY KEY, parent_id BIGINT NOT NULL, v VARCHAR(100),
      FOREIGN KEY (parent_id) REFERENCES parents (id) ON DELETE CASCADE);
    CREATE TABLE slots (id BIGINT PRIMARY KEY, slot VARCHAR(100) UNIQUE);
    CREATE TABLE pairs (a VARCHAR(50), b BIGINT, v VARCHAR(100), PRIMARY KEY (a, b));
    CREATE TABLE trees (id BIGINT PRIMARY KEY, parent_id BIGINT, FOREIGN KEY (parent_id) REFERENCES trees (id));
    CREATE TABLE keyless (v VARCHAR(100));
    ${cycle}`;
};

const numbers = Array.from({length: 30}, (_, index) => index + 1);
const rows = `INSERT INTO pages VALUES ${numbers.map(id => `(${id}, 'base', 'base')`).join(', ')};
  INSERT INTO parents VALUES ${numbers.map(id => `(${id}, 'base')`).join(', ')};
  INSERT INTO children VALUES ${numbers.map(id => `(${id}, ${id}, 'base')`).join(', ')};
  INSERT INTO slots VALUES (1, 'one'), (2, 'two'), (3, 'three');
  INSERT INTO pairs VALUES ('a', 1, 'base'), ('a', 2, 'base'), ('b', 1, 'base');
  INSERT INTO trees VALUES (1, NULL), (2, 1);
  INSERT INTO keyless VALUES ('twin'), ('twin');`;

/** Changes on both sides; \`base\` keeps the rows of the two policies apart. */
function changes(base: number): {local: string; remote: string} {
  const [updated, same, gone, kept, both, family, moved] = numbers.slice(base) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const fresh = 1000 + base;
  const [a, slotOfA, b, slotOfB] = base === 0 ? [1, 'one', 2, 'two'] : [2, 'one', 3, 'three'];
  return {
    local: `UPDATE pages SET v = 'local' WHERE id = ${updated};
      UPDATE pages SET v = 'same' WHERE id = ${same};
      DELETE FROM pages WHERE id IN (${gone}, ${both});
      UPDATE pages SET v = 'local' WHERE id = ${kept};
      INSERT INTO pages VALUES (${fresh}, 'local', ''), (${fresh + 1}, 'equal', NULL), (${fresh + 2}, '', NULL);
      DELETE FROM parents WHERE id = ${family};
      INSERT INTO parents VALUES (${fresh}, 'moved');
      UPDATE children SET parent_id = ${fresh} WHERE parent_id = ${moved};
      DELETE FROM parents WHERE id = ${moved};
      UPDATE slots SET slot = 'swapping' WHERE id = ${a};
      UPDATE slots SET slot = '${slotOfA}' WHERE id = ${b};
      UPDATE slots SET slot = '${slotOfB}' WHERE id = ${a};
      UPDATE pairs SET v = 'local ${base}' WHERE a = 'a' AND b = 1;
      INSERT INTO pairs VALUES ('c', ${fresh}, 'local');
      INSERT INTO trees VALUES (${fresh + 50}, NULL);
      INSERT INTO trees VALUES (${fresh + 10}, ${fresh + 50});
      INSERT INTO heads VALUES (${fresh}, NULL);
      INSERT INTO tails VALUES (${fresh}, ${fresh});
      UPDATE heads SET tail_id = ${fresh} WHERE id = ${fresh};`,
    remote: `UPDATE pages SET v = 'remote' WHERE id = ${updated};
      UPDATE pages SET v = 'same' WHERE id = ${same};
      UPDATE pages SET v = 'remote' WHERE id = ${gone};
      DELETE FROM pages WHERE id IN (${kept}, ${both});
      INSERT INTO pages VALUES (${fresh}, 'remote', ''), (${fresh + 1}, 'equal', NULL);
      INSERT INTO children VALUES (${fresh}, ${family}, 'remote');
      UPDATE pairs SET v = 'remote' WHERE a = 'b' AND b = 1;`,
  };
}

type Tables = Record<string, string[]>;
type Policy = 'local-wins' | 'remote-wins';

/** What came of the run under one policy. */
type Outcome = {
  readonly policy: Policy;
  readonly winner: 'local' | 'remote';
  /** Ids of the rows that the cases are about. */
  readonly ids: Record<'updated' | 'same' | 'gone' | 'kept' | 'both' | 'family' | 'moved', string>;
  /** The first id of what is new. */
  readonly fresh: number;
  readonly preview: PreviewDocument;
  readonly run: RunSummaryLine;
  readonly rerun: RunSummaryLine;
  /** Both sides afterwards. */
  readonly tables: {local: Tables; remote: Tables};
  /** Rows of the remote side, by key. */
  readonly pages: ReadonlyMap<string, string | undefined>;
  readonly rows: (table: string) => readonly Record<string, string>[];
  /** How an undo, a run after it and a redo ended, and what both sides were before and in between. */
  readonly undone: {
    before: Tables[];
    after: Tables[];
    undo: RunSummaryLine;
    held: RunSummaryLine;
    redone: Tables[];
  };
};

type Scenario = {
  readonly world: World;
  readonly local: TestServer;
  readonly remote: TestServer;
  readonly first: RunSummaryLine;
  readonly outcomes: Readonly<Record<Policy, Outcome>>;
};

const usable = await usableEngines();
const profile = 'pair/both';
const scenarios = new Map<Engine, Promise<Scenario>>();
const worlds: World[] = [];
test.after.always(() => Promise.all(worlds.map(world => world.close())));

async function bringAbout(engine: Engine): Promise<Scenario> {
  const world = new World();
  worlds.push(world);
  const at = engine === 'sqlite' ? {} : {engine};
  const {local, remote} = await world.pairOfServers(
    {...at, schema: schema(engine) + rows},
    {...at, schema: schema(engine)},
  );
  await world.profile(profile, '--items', 'database', '--policy', 'local-wins', '--max-delete', '100%');
  const first = await world.run(profile);
  const outcomes: Partial<Record<Policy, Outcome>> = {};
  for (const [base, policy] of [
    [0, 'local-wins'],
    [10, 'remote-wins'],
  ] as const) {
    await world.must('profile', 'edit', profile, '--policy', policy);
    const edits = changes(base);
    local.site.sql(edits.local);
    remote.site.sql(edits.remote);
    const both = () => [local, remote].map(({site}) => site.tables());
    const preview = await world.preview(profile);
    const before = both();
    const run = await world.run(profile);
    const undo = (await world.must('runs', 'undo', run.runId, '--json')).summary();
    const after = both();
    const held = await world.run(profile);
    await world.must('runs', 'redo', run.runId, '--json');
    const redone = both();
    const rerun = await world.run(profile);
    const tables = {local: local.site.tables(), remote: remote.site.tables()};
    const readRows = (table: string) =>
      tables.remote[table]!.map(text =>
        Object.fromEntries(
          [...text.matchAll(/(\w+)=('[^']*'|\S+)/g)].map(([, name, value]) => [name!, plain(value!)]),
        ),
      );
    const [updated, same, gone, kept, deleted, family, moved] = numbers.slice(base).map(String);
    outcomes[policy] = {
      policy,
      winner: policy === 'local-wins' ? 'local' : 'remote',
      ids: {
        ...{updated: updated!, same: same!, gone: gone!, kept: kept!},
        ...{both: deleted!, family: family!, moved: moved!},
      },
      fresh: 1000 + base,
      preview,
      run,
      rerun,
      tables,
      pages: new Map(readRows('pages').map(({id, v}) => [id!, v])),
      rows: readRows,
      undone: {before, after, undo, held, redone},
    };
  }
  return {world, local, remote, first, outcomes: outcomes as Record<Policy, Outcome>};
}

/** Every engine quotes values in its own way. */
function plain(value: string): string {
  return value.replace(/^'(.*)'$/, '$1');
}

function idsOf({actions}: PreviewDocument, kind: string, table: string): string[] {
  return actions
    .filter(action => action.kind === kind && action.item.table === table)
    .map(action => action.item.key![0]!)
    .sort((a, b) => Number(a) - Number(b));
}

const isAction = ({preview}: Outcome, table: string, id: string | number) =>
  preview.actions.some(({item}) => item.table === table && item.key?.includes(String(id)));

/** What must hold under both policies. */
const cases: Readonly<Record<string, (t: ExecutionContext, outcome: Outcome) => void>> = {
  'everything that differs is a conflict once, nothing is skipped, both sides are alike'(t, outcome) {
    const {ids, fresh, run, tables} = outcome;
    t.deepEqual(idsOf(outcome.preview, 'conflict', 'pages'), [
      ids.updated,
      ids.gone,
      ids.kept,
      String(fresh),
    ]);
    t.like(run, {status: 'success', skipped: 0});
    t.deepEqual(tables.remote, tables.local);
  },
  'a rerun applies nothing'(t, {rerun}) {
    t.like(rerun, {status: 'success', applied: 0, conflicts: 0, skipped: 0, bytes: 0});
  },
  'update against update: the policy decides'(t, {pages, ids, winner}) {
    t.is(pages.get(ids.updated), winner);
  },
  'the same change on both sides is no conflict and no action'(t, outcome) {
    t.is(outcome.pages.get(outcome.ids.same), 'same');
    t.false(isAction(outcome, 'pages', outcome.ids.same));
  },
  'deletion here against update there: the policy decides'(t, {pages, ids, winner}) {
    t.is(pages.get(ids.gone), winner === 'local' ? undefined : 'remote');
  },
  'update here against deletion there: the policy decides'(t, {pages, ids, winner}) {
    t.is(pages.get(ids.kept), winner === 'local' ? 'local' : undefined);
  },
  'deletion against deletion is no conflict and no action'(t, outcome) {
    t.false(outcome.pages.has(outcome.ids.both));
    t.false(isAction(outcome, 'pages', outcome.ids.both));
  },
  'insertion against insertion of one key: the policy decides; of equal rows nobody has to'(t, outcome) {
    const {pages, fresh, winner} = outcome;
    t.is(pages.get(String(fresh)), winner);
    t.is(pages.get(String(fresh + 1)), 'equal');
    t.false(isAction(outcome, 'pages', fresh + 1));
    t.is(pages.get(String(fresh + 2)), '');
  },
  'unique values are swapped'(t, {rows: of, policy}) {
    t.deepEqual(
      of('slots')
        .map(({id, slot}) => `${id} ${slot}`)
        .sort(),
      policy === 'local-wins' ? ['1 two', '2 one', '3 three'] : ['1 two', '2 three', '3 one'],
    );
  },
  'a key that changes takes its children along'(t, {rows: of, ids, fresh}) {
    t.is(of('children').find(({id}) => id === ids.moved)?.parent_id, String(fresh));
    t.false(of('parents').some(({id}) => id === ids.moved));
  },
  'rows with a composite key'(t, {rows: of, fresh, winner}) {
    const pair = (a: string, b: string) => of('pairs').find(row => row.a === a && row.b === b)?.v;
    t.is(pair('a', '1'), `local ${fresh - 1000}`);
    t.is(pair('b', '1'), 'remote', winner);
    t.is(pair('c', String(fresh)), 'local');
  },
  'a self-reference whose child has the lower id'(t, {rows: of, fresh}) {
    t.is(of('trees').find(({id}) => id === String(fresh + 10))?.parent_id, String(fresh + 50));
  },
  'a cycle of two rows that are both new'(t, {rows: of, fresh}) {
    t.is(of('heads').find(({id}) => id === String(fresh))?.tail_id, String(fresh));
    t.is(of('tails').find(({id}) => id === String(fresh))?.head_id, String(fresh));
  },
  'a parent that goes with its children against a new child there: one decision for the family'(t, outcome) {
    const {rows: of, ids, fresh, winner} = outcome;
    const family = of('children').filter(({parent_id}) => parent_id === ids.family);
    const parent = of('parents').some(({id}) => id === ids.family);
    t.is(parent, winner === 'remote');
    if (winner === 'local') t.deepEqual(family, []);
    else t.true(family.some(({id}) => id === String(fresh)));
  },
  'an undo gives both sides back, is held, and can be redone'(t, {undone, tables}) {
    t.like(undone.undo, {status: 'success', skipped: 0});
    t.deepEqual(undone.after, undone.before);
    t.like(undone.held, {applied: 0, skipped: 0, bytes: 0});
    t.deepEqual(undone.redone, [tables.local, tables.remote]);
  },
};

/** What is tried on its own, after the runs under the policies. */
const more: Readonly<Record<string, (t: ExecutionContext, scenario: Scenario) => Promise<void>>> = {
  async 'a run right after the initial sync applies nothing'(t, {first}) {
    t.like(first, {status: 'success', applied: 0, skipped: 0});
  },

  async 'a table without a key is refused both ways and equal as a whole one way'(t, {world, local, remote}) {
    local.site.sql(`INSERT INTO keyless VALUES ('twin')`);
    const left = await world.preview(profile);
    t.regex(left.actions.find(({item}) => item.table === 'keyless')?.reason ?? '', /no primary key/);
    t.like(await world.run(profile), {applied: 0, skipped: 0, status: 'success'});
    t.is(remote.site.rows('SELECT v FROM keyless').length, 2);
    await world.profile('pair/up', '--items', 'database', '--direction', 'upload');
    await world.run('pair/up');
    t.is(remote.site.rows('SELECT v FROM keyless').length, 3);
    assertAlike(t, local, remote);
    t.like(await world.run('pair/up'), {applied: 0, skipped: 0, bytes: 0});
  },

  async 'a row that changes at the destination after the preview refuses that plan as a whole'(t, scenario) {
    const {world, local, remote} = scenario;
    local.site.sql(`UPDATE pages SET v = 'planned' WHERE id IN (29, 30)`);
    const plan = path.join(world.folder, 'plan.json');
    await world.must('preview', profile, '--out', plan);
    remote.site.sql(`UPDATE pages SET w = 'meanwhile' WHERE id = 30`);
    const before = remote.site.tables();
    const refused = await world.run(profile, ['--plan', plan], 8);
    t.is(refused.error?.code, 'STALE_PLAN');
    t.deepEqual(remote.site.tables(), before);
    const log = (await world.must('runs', 'show', refused.runId, '--json')).json<RunSummaryLine>();
    t.like(log, {status: 'refused', error: {code: 'STALE_PLAN'}});
    await world.run(profile);
    assertAlike(t, local, remote);
    t.like(await world.run(profile), {applied: 0, bytes: 0});
  },

  async 'a unique value under another key on each side: neither row is lost, both are skipped with the reason'(
    t,
    {world, local, remote},
  ) {
    local.site.sql(`INSERT INTO slots VALUES (71, 'taken'); UPDATE pages SET v = 'beside' WHERE id = 28`);
    remote.site.sql(`INSERT INTO slots VALUES (72, 'taken')`);
    const partly = await world.run(profile, [], 3);
    t.like(partly, {status: 'warning', applied: 1, skipped: 2});
    const {items} = (await world.must('runs', 'show', partly.runId, '--json')).json<{
      items: {item: {key?: string[]}; outcome: string; conflict?: string; error?: string}[];
    }>();
    const skipped = items.filter(({outcome}) => outcome === 'skipped');
    t.deepEqual(skipped.map(({item}) => item.key?.[0]).sort(), ['71', '72']);
    for (const {conflict, error} of skipped) {
      t.is(conflict, 'insert_exists');
      t.regex(error ?? '', /unique|duplicate/i);
    }
    t.deepEqual(local.site.rows('SELECT id FROM slots WHERE id > 70').flat().map(String), ['71']);
    t.deepEqual(remote.site.rows('SELECT id FROM slots WHERE id > 70').flat().map(String), ['72']);
    // Tried again every time; somebody gives way, and all is well.
    t.like(await world.run(profile, [], 3), {applied: 0, skipped: 2});
    remote.site.sql('DELETE FROM slots WHERE id = 72');
    t.like(await world.run(profile), {status: 'success', applied: 1, skipped: 0});
    assertAlike(t, local, remote);
    t.like(await world.run(profile), {applied: 0, bytes: 0});
  },
};

for (const engine of engines) {
  const scenario = () => {
    const known = scenarios.get(engine) ?? bringAbout(engine);
    scenarios.set(engine, known);
    return known;
  };
  const declare = (title: string, body: (t: ExecutionContext, scenario: Scenario) => void | Promise<void>) =>
    (usable.has(engine) ? test.serial : test.serial.skip)(`${engine}: ${title}`, async t => {
      t.timeout(240_000);
      await body(t, await scenario());
    });
  for (const policy of ['local-wins', 'remote-wins'] as const)
    for (const [title, check] of Object.entries(cases))
      declare(`${title} (${policy})`, (t, {outcomes}) => check(t, outcomes[policy]));
  for (const [title, body] of Object.entries(more)) declare(title, body);
}

function assertAlike(t: ExecutionContext, local: TestServer, remote: TestServer): void {
  t.deepEqual(local.site.tables(), remote.site.tables());
}
