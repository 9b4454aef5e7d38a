import path from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {residentMemory} from './resident-memory.js';
import {makeBigFile, makeManyFiles} from './sample-files.js';
import {createTwoSites, type TwoSites} from './two-sites.js';

/** Milliseconds after which an agent counts as idle: it gives memory back some time after its last work. */
const idleMs = 4_000;

/**
 * `npm run bench -- memory [--many N] [--huge MEBIBYTES]`: what each of two agents keeps in memory, in MiB, sender and
 * receiver, with nothing to do, and while and after it brings many files or a huge one.
 */
export async function benchMemory(
  options: {many: number; huge: number},
  print: (line: string) => void,
): Promise<void> {
  print('work | idle before | peak | idle after (MiB resident; sender + receiver)');
  await measure(`${options.many} files of 4 KiB, first scan and first copy`, print, sites =>
    makeManyFiles(sites.localRoot, options.many),
  );
  await measure(`one file of ${options.huge} MiB, first copy`, print, sites =>
    makeBigFile(path.join(sites.localRoot, 'huge.bin'), options.huge),
  );
}

async function measure(
  work: string,
  print: (line: string) => void,
  fill: (sites: TwoSites) => void,
): Promise<void> {
  const sites = createTwoSites();
  const resident = (which: 'now' | 'peak') =>
    sites.agents.map(agent => residentMemory(agent.pid)?.[which] ?? '?').join(' + ');
  try {
    await sites.connect();
    await sites.createProfile();
    await delay(idleMs);
    const before = resident('now');
    fill(sites);
    const {summary} = await sites.time('run', 'bench/all');
    if (summary.status !== 'success') throw new Error(`${work}: ${JSON.stringify(summary)}`);
    await delay(idleMs);
    print([work, before, resident('peak'), resident('now')].join(' | '));
  } finally {
    await sites.close();
  }
}
