import {mkdirSync, readFileSync, renameSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import type {TestServer, World} from './lockstep.js';

/*
 * Servers that can be updated, with a service as small as can be: it runs while a file says so. That makes a rollout
 * over many of them cheap; what a real service does to an update is tried where updates are.
 */

/** The service of a server, as a test steers it. */
export class UpdatableService {
  readonly #folder: string;

  /** @param folder of its own, for the service of one site */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The server folder that updates exchange. */
  get folder(): string {
    return path.join(this.#folder, 'app');
  }

  /** Makes the folder with a version, starts the service. @returns `update` of the site in agent.json */
  install(version: string): Record<string, unknown> {
    mkdirSync(this.folder, {recursive: true});
    writeFileSync(path.join(this.folder, 'version.txt'), version);
    this.#write('running', '');
    const shell = (script: string) => ({run: ['/bin/sh', '-c', script]});
    const file = (name: string) => `'${path.join(this.#folder, name)}'`;
    return {
      folder: this.folder,
      allowUnsigned: true,
      grace: '5m',
      leave: '1s',
      backup: false,
      service: {
        start: shell(`touch ${file('running')}`),
        stop: shell(`rm -f ${file('running')}`),
        status: shell(`test -f ${file('running')} || exit 3`),
        sessions: shell(`cat ${file('sessions')} 2>/dev/null || echo 0`),
        health: shell(
          `test -f ${file('running')} && ! grep -qxF -- "$LOCKSTEP_VERSION" ${file('sick')} 2>/dev/null`,
        ),
      },
      health: {timeout: '1s'},
    };
  }

  /** The version whose files lie in the server folder. */
  get version(): string {
    return readFileSync(path.join(this.folder, 'version.txt'), 'utf8').trim();
  }

  /** Users that do not leave: an update waits for them in `drain`. */
  set sessions(count: number) {
    this.#write('sessions', String(count));
  }

  /** The versions that are never healthy here. */
  set sick(versions: readonly string[]) {
    this.#write('sick', versions.join('\n'));
  }

  #write(name: string, text: string): void {
    // The service may read it at any moment: it sees the old text or the new one.
    const file = path.join(this.#folder, name);
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  }
}

/** A paired server whose site can be updated. @param more what its site in agent.json gets besides */
export async function updatableServer(
  world: World,
  name: string,
  version: string,
  more: {readonly site?: Record<string, unknown>; readonly update?: Record<string, unknown>} = {},
): Promise<{server: TestServer; service: UpdatableService}> {
  const service = new UpdatableService(path.join(world.folder, name, 'service'));
  const update = {...service.install(version), ...more.update};
  const server = await world.server(name, {version, agentJson: {update, ...more.site}});
  return {server, service};
}
