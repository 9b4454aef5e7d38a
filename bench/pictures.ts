import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {Terminal} from '../test/helpers/terminal.js';
import {drawSvg} from './draw-svg.js';

const root = path.resolve(import.meta.dirname, '..', '..');
const program = path.join(root, 'source/bin/lockstep.cjs');
const folder = path.join(root, 'fixtures/pictures');
const esc = '\x1b';

/** What is photographed: keys from the screen before, what shows that the screen is there, and the picture's name. */
const stations: readonly (readonly [keys: string, shows: RegExp, picture?: string])[] = [
  ['', /3 checked ok[\s\S]*applied[\s\S]*runs[\s\S]*everything/, 'overview'],
  ['/staging-production\r', /1 of 2/],
  ['\r', /› staging-production[\s\S]*applied/, 'relationship'],
  ['/everything\r', /1 of 3/],
  ['p', /to production: +\d[\s\S]*actions/],
  ['/content\r', /\d+ of \d/],
  ['\r', /\n *- .*\n *\+ /, 'preview'],
  [esc, /› preview/],
  [esc, /actions +\d+ +as of/],
  ['r', /Run exactly/],
  ['\r', /› run [\s\S]*success/, 'run'],
  ['L', /› log [\s\S]*items +\d/, 'log'],
  ['?', /Keys of: log/, 'keys'],
];

/**
 * `npm run pictures`: opens the demo's console in a pseudo-terminal, walks through its main screens and writes each as
 * SVG to fixtures/pictures, where the README shows them from.
 */
async function takePictures(): Promise<void> {
  mkdirSync(folder, {recursive: true});
  const terminal = new Terminal([program, 'demo'], {columns: 110, rows: 32});
  try {
    for (const [keys, shows, picture] of stations) {
      await terminal.play([[keys, shows]]);
      if (picture === undefined) continue;
      const file = path.join(folder, `${picture}.svg`);
      writeFileSync(file, drawSvg(terminal.buffer, `The console of Lockstep: ${picture}`));
      process.stdout.write(`${path.relative(root, file)}\n`);
    }
    await terminal.play([
      [esc, /log/],
      ['q', /^(?![\s\S]*lockstep ›)/],
    ]);
    await terminal.ended;
  } finally {
    terminal.kill();
  }
}

await takePictures();
