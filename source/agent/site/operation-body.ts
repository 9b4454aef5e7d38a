import {randomBytes} from 'node:crypto';
import {join} from 'node:path';
import {OperatorError} from '../../core/operator-error.js';
import type {Operation} from '../../core/plan.js';
import type {Site} from './site.js';

/** Where the operations of a body are kept while they are worked on; a name of its own for each call. */
export function spoolPath(site: Site, runId: string): string {
  return join(site.run(runId).folder, `operations-${randomBytes(6).toString('hex')}.ndjson`);
}

/** The first line of a body apart from the operations that follow it. @throws OperatorError BAD_REQUEST */
export async function splitHeader<Header extends object>(
  lines: AsyncIterable<Header | Operation>,
  isHeader: (line: object) => line is Header,
): Promise<{header: Header; operations: AsyncIterable<Operation>}> {
  const iterator = lines[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done || !isHeader(first.value))
    throw new OperatorError('BAD_REQUEST', 'The first line does not say what is to be done.');
  return {
    header: first.value,
    operations: (async function* () {
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
        if (!('op' in next.value)) throw new OperatorError('BAD_REQUEST', 'A line is not an operation.');
        yield next.value;
      }
    })(),
  };
}
