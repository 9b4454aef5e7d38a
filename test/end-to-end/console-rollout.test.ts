import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {createWorld, program} from '../helpers/lockstep.js';
import {keys, leftConsole, Terminal} from '../helpers/terminal.js';
import {updatableServer} from '../helpers/updatable-server.js';

test.serial(
  'U16: three servers are rolled out to in the console, with a gate and one that fails',
  async t => {
    const world = createWorld(t);
    const web: Awaited<ReturnType<typeof updatableServer>>[] = [];
    for (const name of ['web1', 'web2', 'web3']) web.push(await updatableServer(world, name, '1.0'));
    web[2]!.service.sick = ['1.1'];
    mkdirSync(path.join(world.folder, 'shop-1.1'));
    writeFileSync(path.join(world.folder, 'shop-1.1', 'version.txt'), '1.1');

    const {tab, enter, space, right, clear, save} = keys;
    const console = new Terminal([program, '--home', world.home], {folder: world.folder});
    t.teardown(() => console.kill());
    await console.play([
      ['', /3 servers[\s\S]*No relationships yet/],
      ['L', /No releases yet/],
      ['n', /add a release/],
      [`shop-1.1${tab}1.1${save}`, /│ shop-1\.1 +│ warn nobody/],
      ['u', /\(\*\) shop-1\.1[\s\S]*web3\/main/],
      [`first${tab.repeat(3)}${space}${right}${space}${right}${space}`, /\[x\] web3\/main/],
      // Nothing has started; what starts it says what it brings.
      [
        `${tab}${clear}canary=web1; rest${tab}2${tab}announced; 2=smoke test${save}`,
        /s starts it; nothing has been touched yet/,
      ],
      ['c', /all passed/],
      [keys.escape, /wait planned/],
      ['s', /Start the rollout first[\s\S]*wave 2 +web2\/main, web3\/main, after an approval/],
      // The own item first, then the gate.
      [enter, /wave 2 waits for its open items[\s\S]*ok +done/],
      [`${tab}/smoke${enter}`, /> │ \[ \] │ smoke test/],
      [space, /wave 2 waits for approval by anybody/],
      ['a', /Approve wave 2 of first/],
      [enter, /fail failed[\s\S]*web2\/main +│ ok +done[\s\S]*web3\/main +│ warn rolled-back/],
      [keys.escape, /1 of 3|\[x\] │ smoke/],
      [tab, /> │ 1 canary/],
      ['G', /web3\/main › /],
      [enter, /rolled-back[\s\S]*rollback-new ok[\s\S]*HEALTH_FAILED/],
      ['q', leftConsole],
    ]);
    t.is(await console.ended, 0);
    t.deepEqual(
      web.map(({service}) => service.version),
      ['1.1', '1.1', '1.0'],
    );
  },
);
