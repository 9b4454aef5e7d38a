import {type ChildProcess, execFileSync, spawn} from 'node:child_process';
import {chmodSync, existsSync, mkdirSync, writeFileSync} from 'node:fs';
import {connect, createServer} from 'node:net';
import os from 'node:os';
import path from 'node:path';

/** An sshd on a free loopback port with keys of its own, for rsync and Unison to run over. */
export type SshServer = {readonly command: string; readonly port: number; close(): void};

/** @returns undefined when openssh-server is not installed. */
export async function startSshServer(folder: string): Promise<SshServer | undefined> {
  const sshd = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find(existsSync);
  if (sshd === undefined) return undefined;
  const home = path.join(folder, 'ssh');
  mkdirSync(home, {mode: 0o700});
  for (const key of ['host', 'client'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(home, key)]);
  execFileSync('cp', [path.join(home, 'client.pub'), path.join(home, 'authorized')]);
  chmodSync(path.join(home, 'authorized'), 0o600);
  const port = await freePort();
  const configuration = path.join(home, 'sshd_config');
  writeFileSync(
    configuration,
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${home}/host`,
      `AuthorizedKeysFile ${home}/authorized`,
      `PidFile ${home}/pid`,
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin yes',
      '',
    ].join('\n'),
  );
  mkdirSync('/run/sshd', {recursive: true});
  const server: ChildProcess = spawn(sshd, ['-D', '-e', '-f', configuration], {stdio: 'ignore'});
  await accepting(port);
  const options = `-p ${port} -i ${home}/client -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -l ${os.userInfo().username}`;
  return {command: `ssh ${options}`, port, close: () => server.kill()};
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === 'object' && address !== null
          ? resolve(address.port)
          : reject(new Error('no port')),
      );
    });
  });
}

async function accepting(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const open = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => setTimeout(resolve, 50, false));
    });
    if (open) return;
  }
  throw new Error('sshd did not start');
}
