import {mkdir} from 'node:fs/promises';
import {join} from 'node:path';
import {Low} from 'lowdb';
import {emptyState, type State} from './state.js';
import {StateAdapter} from './state-adapter.js';
import {withFileLock} from './with-file-lock.js';

/** The console's state. Whoever reads sees a whole file; whoever changes it is alone. */
export type StateFile = {
  readonly path: string;
  /** @throws OperatorError INVALID_STATE, STATE_TOO_NEW */
  read(): Promise<State>;
  /**
   * Reads, changes and writes, with no other process in between. When `mutate` throws, nothing is written.
   * @throws OperatorError as `read`, STATE_LOCKED
   */
  change<T>(mutate: (state: State) => T): Promise<T>;
};

/** Opens `state.json` in the console's home, which is made when it is not there. */
export async function openStateFile(home: string): Promise<StateFile> {
  await mkdir(home, {recursive: true, mode: 0o700});
  const path = join(home, 'state.json');
  const load = async () => {
    const database = new Low<State>(new StateAdapter(path), emptyState());
    await database.read();
    return database;
  };
  return {
    path,
    read: async () => (await load()).data,
    change: mutate =>
      withFileLock(path, async held => {
        const database = await load();
        const before = JSON.stringify(database.data);
        const result = mutate(database.data);
        if (JSON.stringify(database.data) !== before) {
          held.assertHeld();
          await database.write();
        }
        return result;
      }),
  };
}
