import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import {program} from '../helpers/lockstep.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'lockstep-start-'));
test.after.always(() => rmSync(folder, {recursive: true, force: true}));

/** A hook that tells every module that is imported, one a line on stderr. */
const hook = path.join(folder, 'hook.mjs');
writeFileSync(
  hook,
  `import {registerHooks} from 'node:module';
import {writeSync} from 'node:fs';
registerHooks({load(url, context, next) { writeSync(2, 'loaded ' + url + '\\n'); return next(url, context); }});
`,
);

function modulesOf(...argv: string[]): {modules: string[]; status: number | null; stdout: string} {
  const {stderr, stdout, status} = spawnSync(process.execPath, ['--import', hook, program, ...argv], {
    encoding: 'utf8',
    env: {...process.env, LOCKSTEP_HOME: path.join(folder, 'home')},
    timeout: 60_000,
  });
  const modules = stderr
    .split('\n')
    .filter(line => line.startsWith('loaded '))
    .map(line => line.slice('loaded '.length));
  return {modules, status, stdout};
}

const isInterface = (url: string) =>
  /node_modules\/(ink|react|react-reconciler|yoga-layout|ink-table)\//.test(url);
const isNetwork = (url: string) => /node_modules\/(fastify|got|pino|@peculiar\/x509)\//.test(url);

for (const argv of [['--version'], ['--help'], ['run', '--help'], ['server', 'lisst']])
  test(`lockstep ${argv.join(' ')} loads neither user interface nor network`, t => {
    const {modules} = modulesOf(...argv);
    t.true(modules.length > 0);
    t.deepEqual(
      modules.filter(url => isInterface(url) || isNetwork(url)),
      [],
    );
  });

for (const argv of [
  ['server', 'list', '--json'],
  ['profile', 'list', '--json'],
  ['runs', 'list', '--json'],
  ['doctor', '--json'],
])
  test(`lockstep ${argv.join(' ')} loads no user interface`, t => {
    const {modules, status} = modulesOf(...argv);
    t.is(status, 0);
    t.deepEqual(modules.filter(isInterface), []);
  });
