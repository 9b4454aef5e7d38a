import {execFileSync, spawnSync} from 'node:child_process';
import {mkdirSync} from 'node:fs';
import path from 'node:path';
import type {SshServer} from './ssh-server.js';

/** What a rival needed for one copy of `from` to `to`; bytes are those it says it sent and received. */
export type Measured = {readonly seconds: number; readonly bytes?: number};
export type Rival = {readonly name: string; copy(from: string, to: string): Measured};

/** Tools of the field that are installed here. rsync is the measure; Unison is shown beside it. */
export function installedRivals(ssh: SshServer, folder: string): readonly Rival[] {
  const rivals: Rival[] = [];
  if (installed('rsync')) rivals.push(rsync(ssh));
  if (installed('unison')) rivals.push(unison(ssh, folder));
  return rivals;
}

function installed(program: string): boolean {
  return spawnSync('which', [program]).status === 0;
}

function rsync(ssh: SshServer): Rival {
  return {
    name: 'rsync',
    copy(from, to) {
      const begin = performance.now();
      const output = execFileSync(
        'rsync',
        ['-a', '--delete', '--stats', '-e', ssh.command, `${from}/`, `127.0.0.1:${to}/`],
        {encoding: 'utf8'},
      );
      const seconds = (performance.now() - begin) / 1000;
      const count = (label: string) =>
        Number(new RegExp(`${label}: ([0-9,]+)`).exec(output)?.[1]?.replaceAll(',', '') ?? 0);
      return {seconds, bytes: count('Total bytes sent') + count('Total bytes received')};
    },
  };
}

function unison(ssh: SshServer, folder: string): Rival {
  const home = path.join(folder, 'unison');
  mkdirSync(home, {recursive: true});
  return {
    name: 'unison',
    copy(from, to) {
      const [program, ...sshArguments] = ssh.command.split(' ');
      const begin = performance.now();
      const result = spawnSync(
        'unison',
        [
          from,
          `ssh://127.0.0.1/${to}`,
          '-batch',
          '-silent',
          '-auto',
          '-sshcmd',
          program ?? 'ssh',
          '-sshargs',
          sshArguments.join(' '),
        ],
        {env: {...process.env, UNISON: home}, encoding: 'utf8'},
      );
      if (result.status !== 0) throw new Error(`unison: ${result.stderr}`);
      return {seconds: (performance.now() - begin) / 1000};
    },
  };
}
