import {readFileSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {createWorld, program} from '../helpers/lockstep.js';
import {keys, leftConsole, pasted, Terminal} from '../helpers/terminal.js';

const repository = path.resolve(import.meta.dirname, '..', '..', '..');
const schema = readFileSync(path.join(repository, 'fixtures/content-site/schema.sql'), 'utf8');
const user = (id: number, name: string, at: string) =>
  `INSERT INTO users (id, name, display_name, email, created_at) VALUES (${id}, '${name}', '${name}', '${name}${id}@example.com', '2026-11-${at}');`;

const {down, enter, right, escape: esc, save} = keys;

test.serial(
  'an operator pairs, relates, syncs, picks, detaches, reviews and undoes on a terminal',
  async t => {
    const world = createWorld(t);
    // While this file is there, no run is over that changes the site there.
    const hold = path.join(world.folder, 'hold');
    const wait = {run: ['sh', '-c', `while [ -e '${hold}' ]; do sleep 0.1; done`], timeout: '10m'};
    const [here, there] = await Promise.all([
      world.unpairedServer('here', {schema: `${schema} ${user(1, 'root', '01')}`}),
      world.unpairedServer('there', {schema, agentJson: {hooks: {afterSync: [wait]}}}),
    ]);
    const open = () => {
      const terminal = new Terminal([program, '--home', world.home]);
      t.teardown(() => terminal.kill());
      return terminal;
    };
    const users = (server: typeof here) =>
      server.site.rows('SELECT id, name FROM users ORDER BY id').map(String);

    const first = open();
    await first.play([
      ['', /Nothing is set up yet/],
      // Two servers, by an invitation line each.
      ['a', /Invitation/],
      [pasted(`${await world.invitation(here)}\n`), /Invitation +[0-9a-f]{20,}\//],
      [save, /Server here is paired/],
      ['a', /Invitation/],
      [pasted(await world.invitation(there)), /Invitation +[0-9a-f]{20,}\//],
      [save, /2 servers[\s\S]*Server there is paired/],
      // A relationship in three steps; creating it starts nothing.
      ['n', /step 1 of 3[\s\S]*here\/main/],
      [`${enter}${enter}`, /step 2 of 3[\s\S]*sqlite/],
      [enter, /there\/main a mirror of here\/main/],
      [enter, /› here-there[\s\S]*Nothing was started/],
      // The first sync overwrites, so it wants the name.
      ['i', /initial sync[\s\S]*11 update/],
      ['r', /Type here-there/],
      [`here-there${enter}`, /run 20\d\d[\s\S]*success/],
      [esc, /› here-there +[^›]*\n[\s\S]*Default DB profile1/],
      // A profile that goes both ways.
      ['n', /new profile/],
      [`both${down} ${down}${right}${right}`, /--items database\s+--direction bidirectional/],
      [save, /Profile both is saved/],
    ]);
    t.deepEqual(users(there), ['1,root']);

    // Two new rows, of which one is left out, and exactly the other one travels.
    here.site.sql(`${user(10, 'anna', '20')} ${user(11, 'berta', '20')}`);
    await first.play([
      ['/both\r', /1 of 2/],
      ['p', /2 create[\s\S]*users 10[\s\S]*users 11/],
      [`${down}x`, /1 create[\s\S]*1 left out/],
      ['r', /warn Run exactly/],
      [enter, /run 20\d\d[\s\S]*success +1 applied/],
    ]);
    t.deepEqual(users(there), ['1,root', '10,anna']);

    // The same name on both sides, in a run that is left at once: it goes on, and is found again.
    here.site.sql(user(20, 'clara', '20'));
    there.site.sql(user(21, 'clara', '21'));
    writeFileSync(hold, '');
    await first.play([
      [esc, /› here-there/],
      ['r', /Run here-there\/both now/],
      ['yq', leftConsole],
    ]);
    t.is(await first.ended, 0);

    const second = open();
    await second.play([
      ['', /1 running/],
      ['R', /› runs[\s\S]* 3 +as of[\s\S]*in progress/],
      [enter, /run 20\d\d[\s\S]*running on[\s\S]*commit ok[\s\S]*after-sync run/],
    ]);
    rmSync(hold);
    await second.play([
      ['', /after-sync ok[\s\S]*success/],
      [esc, /› runs[\s\S]* 3 +as of/],
      [esc, /lockstep › overview/],
      ['c', /clara21/],
      ['v', /Nothing to review/],
      // What a run did is taken back, by name.
      [esc, /overview/],
      ['R', /› runs/],
      [enter, /log 20\d\d[\s\S]*success/],
      ['u', /Type here-there/],
      [`here-there${enter}`, /run 20\d\d[\s\S]*success/],
      ['q', leftConsole],
    ]);
    t.is(await second.ended, 0);
    t.deepEqual(users(here), ['1,root', '10,anna', '11,berta', '20,clara']);
    t.deepEqual(users(there), ['1,root', '10,anna', '21,clara']);
  },
);
