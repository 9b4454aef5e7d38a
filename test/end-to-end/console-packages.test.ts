import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {setTimeout} from 'node:timers/promises';
import test from 'ava';
import type {PackageEntry} from '../../source/engine/packages.js';
import {createWorld, program} from '../helpers/lockstep.js';
import {keys, leftConsole, Terminal} from '../helpers/terminal.js';

test.serial('P1–P7: a package is made, filled and expires, all in the console', async t => {
  const world = createWorld(t);
  const web = await world.server('web');
  writeFileSync(path.join(world.folder, 'logo.svg'), '<svg/>');
  const {tab, space, enter, save} = keys;
  const console = new Terminal([program, '--home', world.home], {folder: world.folder});
  t.teardown(() => console.kill());
  await console.play([
    ['', /1 server[\s\S]*No relationships yet/],
    ['P', /No packages yet/],
    ['n', /step 1 of 2/],
    [`kit${tab}Press kit${save}`, /add to kit[\s\S]*No registered file is left to add/],
    ['i', /import a file/],
    [`logo.svg${save}`, /│ logo\.svg[\s\S]*logo\.svg is registered/],
    [`${space}${enter}`, /kit +│ ok ready +│ +1 │/],
  ]);
  // Older than the shortest lifetime there is.
  await setTimeout(1100);
  await console.play([
    ['e', /edit kit/],
    [`${tab}${tab}1s${save}`, /kit would have expired on .* and be deleted at once/],
    [keys.escape, /Leave without saving/],
    ['y', /kit +│ ok ready/],
  ]);
  // As if its lifetime were over just now.
  const registry = path.join(web.data, 'sites/main/downloads/registry.json');
  const json = JSON.parse(readFileSync(registry, 'utf8')) as {packages: {attributes: object}[]};
  json.packages[0]!.attributes = {...json.packages[0]!.attributes, lifetimeMs: 1};
  writeFileSync(registry, JSON.stringify(json));
  await console.play([
    ['R', /kit had expired and was deleted/],
    ['F', /│ logo\.svg +│ +6 B │ -/],
    ['q', leftConsole],
  ]);
  t.is(await console.ended, 0);
  const left = (await world.must('package', 'list', web.siteAddress, '--json')).json<{
    packages: PackageEntry[];
  }>();
  t.deepEqual(left.packages, []);
});
