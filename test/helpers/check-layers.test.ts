import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test from 'ava';
import {checkLayers, importsOf} from './check-layers.js';

test('every form of import is seen, comments are not', t => {
  t.deepEqual(
    importsOf(`
      import a from './a.js';
      import {type B,
        c} from "./b.js";
      import './side-effect.js';
      export * from './d.js';
      export type {E} from './e.js';
      // import no from './comment.js';
      /* import no from './comment.js'; */
      const f = await import('./f.js');
      type G = import('./g.js').G;
      const h = require('./h.cjs');
      const text = 'an import of nothing';
    `),
    ['./a.js', './b.js', './side-effect.js', './d.js', './e.js', './f.js', './g.js', './h.cjs'],
  );
});

test('an import against the direction of the layers is named', async t => {
  const source = await mkdtemp(path.join(tmpdir(), 'lockstep-layers-'));
  t.teardown(() => rm(source, {recursive: true, force: true}));
  const write = async (file: string, text: string) => {
    await mkdir(path.dirname(path.join(source, file)), {recursive: true});
    await writeFile(path.join(source, file), text);
  };
  await write('main.ts', "import './console/open.js';");
  await write('console/open.tsx', "import '../engine/engine.js';\nimport '../agent/agent.js';");
  await write('engine/engine.ts', "const client = await import('../client/client.js');");
  await write(
    'core/rule.ts',
    "import {readFileSync} from 'node:fs';\nimport type {X} from '../protocol/x.js';",
  );
  await write('client/client.ts', "import '../state/state.js';\nimport 'got';");
  t.deepEqual(
    checkLayers(source).map(({file, imports}) => [file, imports]),
    [
      ['client/client.ts', '../state/state.js'],
      ['console/open.tsx', '../agent/agent.js'],
      ['core/rule.ts', 'node:fs'],
      ['core/rule.ts', '../protocol/x.js'],
    ],
  );
});
