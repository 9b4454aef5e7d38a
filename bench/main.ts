import {parseArgs} from 'node:util';
import {benchConsole} from './console.js';
import {benchFiles} from './files.js';
import {benchMemory} from './memory.js';
import {benchRollout} from './rollout.js';
import {benchRows} from './rows.js';

const {values, positionals} = parseArgs({
  allowPositionals: true,
  options: {
    files: {type: 'string', default: '100000'},
    mebibytes: {type: 'string', default: '1024'},
    rows: {type: 'string', default: '10000,100000,1000000'},
    changes: {type: 'string', default: '100'},
    engine: {type: 'string', default: 'sqlite'},
    many: {type: 'string', default: '200000'},
    entries: {type: 'string', default: '10000'},
    huge: {type: 'string', default: '4096'},
    sites: {type: 'string', default: '100'},
    agents: {type: 'string', default: '5'},
  },
});

const print = (line: string) => process.stdout.write(`${line}\n`);
const benches: Record<string, () => Promise<void>> = {
  console: () => benchConsole({entries: Number(values.entries)}, print),
  files: () => benchFiles({files: Number(values.files), mebibytes: Number(values.mebibytes)}, print),
  memory: () => benchMemory({many: Number(values.many), huge: Number(values.huge)}, print),
  rollout: () => benchRollout({sites: Number(values.sites), agents: Number(values.agents)}, print),
  rows: async () => {
    const sizes = values.rows.split(',').map(Number);
    for (const engine of values.engine.split(','))
      await benchRows({engine, sizes, changes: Number(values.changes)}, print);
  },
};

for (const name of positionals.length === 0 ? Object.keys(benches) : positionals) {
  const bench = benches[name];
  if (bench === undefined) {
    process.stderr.write(`bench: no bench named ${name}; there are ${Object.keys(benches).join(', ')}\n`);
    process.exitCode = 64;
    break;
  }
  await bench();
}
