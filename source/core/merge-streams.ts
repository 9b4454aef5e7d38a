import {compareItems, type ItemRecord} from './item.js';
import {OperatorError} from './operator-error.js';

/** What both sides know of one item; at least one of the two is there. */
export type ItemPair = {local?: ItemRecord; remote?: ItemRecord};

/**
 * Joins the change streams of two agents into pairs, holding one record of each.
 * @throws OperatorError BAD_REQUEST when a stream is not in `compareItems` order: a wrong order would read
 * as items missing on the other side.
 */
export async function* mergeSorted(
  local: AsyncIterable<ItemRecord>,
  remote: AsyncIterable<ItemRecord>,
): AsyncGenerator<ItemPair, void, undefined> {
  const left = ordered(local)[Symbol.asyncIterator]();
  const right = ordered(remote)[Symbol.asyncIterator]();
  try {
    let [a, b] = await Promise.all([left.next(), right.next()]);
    while (!a.done || !b.done) {
      const order = a.done ? 1 : b.done ? -1 : compareItems(a.value, b.value);
      if (order < 0) {
        yield {local: a.value as ItemRecord};
        a = await left.next();
      } else if (order > 0) {
        yield {remote: b.value as ItemRecord};
        b = await right.next();
      } else {
        yield {local: a.value as ItemRecord, remote: b.value as ItemRecord};
        [a, b] = await Promise.all([left.next(), right.next()]);
      }
    }
  } finally {
    await Promise.all([left.return(undefined), right.return(undefined)]);
  }
}

async function* ordered(records: AsyncIterable<ItemRecord>): AsyncGenerator<ItemRecord, void, undefined> {
  let previous: ItemRecord | undefined;
  for await (const record of records) {
    if (previous !== undefined && compareItems(previous, record) >= 0)
      throw new OperatorError('BAD_REQUEST', 'A change stream is not in order.');
    previous = record;
    yield record;
  }
}
