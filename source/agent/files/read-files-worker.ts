import {parentPort} from 'node:worker_threads';
import {readSmall} from './read-content.js';
import type {ReadReply, ReadRequest} from './reading-thread.js';

/** The body of a `ReadingThread`. */
function read({files, states}: ReadRequest): ReadReply {
  return files.map((file, index) => {
    const [ino, dev, size, mtimeNs, ctimeNs, mode] = states.subarray(index * 6, index * 6 + 6) as unknown as [
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
    ];
    const result = readSmall(file, {ino, dev, size, mtimeNs, ctimeNs, mode});
    return result.kind === 'read' ? {kind: 'read', digest: result.digest} : result;
  });
}

parentPort!.on('message', (request: ReadRequest) => parentPort!.postMessage(read(request)));
