import {DatabaseSync} from 'node:sqlite';
import {parentPort, workerData} from 'node:worker_threads';

/*
 * A thread of its own that reads a copy of a database to its end. It also gives up the write-ahead mode that the copy
 * has from its original, so that opening it later leaves no files beside it.
 */

function check(file: string): string | null {
  try {
    const database = new DatabaseSync(file);
    try {
      database.exec('PRAGMA journal_mode = DELETE');
      const found = database.prepare('PRAGMA quick_check(1)').get();
      const answer = String(Object.values(found ?? {})[0]);
      return answer === 'ok' ? null : answer;
    } finally {
      database.close();
    }
  } catch (error) {
    return (error as Error).message;
  }
}

parentPort?.postMessage({mistake: check(workerData as string)});
