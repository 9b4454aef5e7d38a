import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import os from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import test from 'ava';

type Chosen = {root: string; trial?: {update: string}};
const launcher = path.dirname(fileURLToPath(import.meta.resolve('#program')));
const {choose} = createRequire(import.meta.url)(path.join(launcher, 'agent-program.cjs')) as {
  choose(data: string, installed: string): Chosen;
};

type Folder = {readonly version: string; readonly part?: 'old' | 'new'};
type Found = {
  readonly installed: string;
  readonly current?: Folder;
  readonly current_old0001?: Folder;
  readonly current_old0002?: Folder;
  readonly trial?: object;
};

/** What lies in the agent's data, and the folder that is started; `trial` behind it where somebody watches over it. */
const cases: readonly [what: string, found: Found, chosen: string][] = [
  ['never updated', {installed: '1.0.0'}, 'installed'],
  ['updated', {installed: '1.0.0', current: {version: '1.1.0'}}, 'current'],
  ['by numbers and not by letters', {installed: '1.9.0', current: {version: '1.10.0'}}, 'current'],
  [
    'a version comes after its pre-release',
    {installed: '2.0.0-rc.1', current: {version: '2.0.0'}},
    'current',
  ],
  ['a newer one was installed by hand', {installed: '1.2.0', current: {version: '1.1.0'}}, 'installed'],
  ['the same one was installed by hand', {installed: '1.1.0', current: {version: '1.1.0'}}, 'installed'],
  [
    'a power cut between the two renames',
    {installed: '1.0.0', current_old0001: {version: '1.1.0', part: 'old'}},
    'current_old0001',
  ],
  [
    'the same in the first update: what was put aside is a copy of the installed one',
    {installed: '1.0.0', current_old0001: {version: '1.0.0', part: 'old'}},
    'installed',
  ],
  [
    'a new version is tried',
    {
      installed: '1.0.0',
      current: {version: '1.2.0', part: 'new'},
      current_old0001: {version: '1.1.0', part: 'old'},
      trial: {update: 'a', limitMs: 1, tries: 1},
    },
    'current trial',
  ],
  [
    'it has failed',
    {
      installed: '1.0.0',
      current: {version: '1.2.0', part: 'new'},
      current_old0001: {version: '1.1.0', part: 'old'},
      trial: {update: 'a', limitMs: 1, tries: 1, failed: 'it crashed'},
    },
    'current_old0001',
  ],
  [
    'it has failed, and the old one is in its place again',
    {
      installed: '1.0.0',
      current: {version: '1.1.0', part: 'old'},
      trial: {update: 'a', limitMs: 1, failed: 'it crashed'},
    },
    'current',
  ],
  [
    'it was decided for, and the old folder is not cleaned up yet',
    {
      installed: '1.0.0',
      current: {version: '1.2.0', part: 'new'},
      current_old0001: {version: '1.1.0', part: 'old'},
    },
    'current',
  ],
  [
    'of several that were put aside the newest',
    {installed: '1.0.0', current_old0001: {version: '1.1.0'}, current_old0002: {version: '1.2.0'}},
    'current_old0002',
  ],
];

for (const [what, {installed, trial, ...folders}, chosen] of cases)
  test(`the launcher starts ${chosen}: ${what}`, t => {
    const data = mkdtempSync(path.join(os.tmpdir(), 'lockstep-test-'));
    t.teardown(() => rmSync(data, {recursive: true, force: true}));
    const program = (folder: string, {version, part}: Folder) => {
      mkdirSync(folder, {recursive: true});
      writeFileSync(path.join(folder, 'package.json'), JSON.stringify({version}));
      if (part)
        writeFileSync(path.join(folder, '.lockstep-update.json'), JSON.stringify({update: 'a', part}));
    };
    program(path.join(data, 'installed'), {version: installed});
    for (const [name, folder] of Object.entries(folders)) program(path.join(data, 'program', name), folder);
    if (trial) writeFileSync(path.join(data, 'program/trial.json'), JSON.stringify(trial));
    const found = choose(data, path.join(data, 'installed'));
    t.is(`${path.basename(found.root)}${found.trial ? ' trial' : ''}`, chosen);
  });
