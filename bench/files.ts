import {mkdirSync, rmSync} from 'node:fs';
import path from 'node:path';
import {residentMemory} from './resident-memory.js';
import {installedRivals, type Measured, type Rival} from './rivals.js';
import {makeBigFile, makeManyFiles, scatterChanges} from './sample-files.js';
import {startSshServer} from './ssh-server.js';
import {createTwoSites, type TwoSites} from './two-sites.js';

/** `npm run bench -- files [--files N] [--mebibytes N]`: the same work by Lockstep and by its rivals, in one run. */
export async function benchFiles(
  options: {files: number; mebibytes: number},
  print: (line: string) => void,
): Promise<void> {
  print(`work | lockstep | rivals | ratio to rsync | bytes lockstep / rsync | agents' resident memory`);
  await withSites(async (sites, rivals) => {
    makeManyFiles(sites.localRoot, options.files);
    const label = `${options.files} files of 4 KiB`;
    report(
      print,
      `${label}, first copy`,
      await sites.time('run', 'bench/all'),
      rivals,
      rival => copyAgain(rival, sites, true),
      sites,
    );
    await sites.time('run', 'bench/all');
    report(
      print,
      `${label}, nothing changed`,
      await sites.time('run', 'bench/all'),
      rivals,
      rival => copyAgain(rival, sites, false),
      sites,
    );
  });
  await withSites(async (sites, rivals) => {
    const big = path.join(sites.localRoot, 'big.bin');
    makeBigFile(big, options.mebibytes);
    const label = `one file of ${options.mebibytes} MiB`;
    report(
      print,
      `${label}, first copy`,
      await sites.time('run', 'bench/all'),
      rivals,
      rival => copyAgain(rival, sites, true),
      sites,
    );
    scatterChanges(big, options.mebibytes, 100);
    report(
      print,
      `${label}, 100 scattered 64 KiB changes`,
      await sites.time('run', 'bench/all'),
      rivals,
      rival => copyAgain(rival, sites, false),
      sites,
    );
  });
}

async function withSites(work: (sites: TwoSites, rivals: readonly Rival[]) => Promise<void>): Promise<void> {
  const sites = createTwoSites();
  const ssh = await startSshServer(sites.folder);
  try {
    await sites.connect();
    await sites.createProfile();
    await work(sites, ssh === undefined ? [] : installedRivals(ssh, sites.folder));
  } finally {
    ssh?.close();
    await sites.close();
  }
}

/** Every rival has a destination of its own, so that each does the same work from the same start. */
function copyAgain(rival: Rival, sites: TwoSites, fresh: boolean): Measured {
  const destination = path.join(sites.folder, `copy-${rival.name}`);
  if (fresh) {
    rmSync(destination, {recursive: true, force: true});
    mkdirSync(destination);
  }
  return rival.copy(sites.localRoot, destination);
}

function report(
  print: (line: string) => void,
  work: string,
  lockstep: {seconds: number; summary: {applied: number; bytes: number; status: string}},
  rivals: readonly Rival[],
  copy: (rival: Rival) => Measured,
  sites: TwoSites,
): void {
  if (lockstep.summary.status !== 'success') throw new Error(`${work}: ${JSON.stringify(lockstep.summary)}`);
  const measured = rivals.map(rival => ({rival, ...copy(rival)}));
  const rsync = measured.find(({rival}) => rival.name === 'rsync');
  print(
    [
      work,
      `${lockstep.seconds.toFixed(2)} s (${lockstep.summary.applied} applied)`,
      measured.map(({rival, seconds}) => `${rival.name} ${seconds.toFixed(2)} s`).join(', ') ||
        'none installed',
      rsync === undefined ? '-' : (lockstep.seconds / rsync.seconds).toFixed(2),
      `${lockstep.summary.bytes} / ${rsync?.bytes ?? '-'}`,
      sites.agents
        .map(agent => residentMemory(agent.pid))
        .map(memory => (memory === undefined ? '?' : `${memory.now} (peak ${memory.peak}) MiB`))
        .join(' + '),
    ].join(' | '),
  );
}
