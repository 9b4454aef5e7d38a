/** A line of a log with its moment, epoch milliseconds. */
export type TimedLine = {readonly at: number; readonly line: string};

/**
 * Merges streams of lines by time, stably: lines of one stream stay in their order, and of lines of one moment those
 * of the earlier stream come first (G6). A stream whose times go back counts as late as the line before.
 */
export async function* mergeByTime<T extends TimedLine>(
  streams: readonly AsyncIterable<T>[],
): AsyncGenerator<T, void, undefined> {
  const heads: {iterator: AsyncIterator<T>; value: T | undefined; at: number}[] = [];
  try {
    for (const stream of streams) {
      const iterator = stream[Symbol.asyncIterator]();
      heads.push({iterator, value: undefined, at: Number.NEGATIVE_INFINITY});
    }
    await Promise.all(heads.map(advance));
    for (;;) {
      let first: (typeof heads)[number] | undefined;
      for (const head of heads)
        if (head.value !== undefined && (first === undefined || head.at < first.at)) first = head;
      if (first?.value === undefined) return;
      yield first.at === first.value.at ? first.value : {...first.value, at: first.at};
      await advance(first);
    }
  } finally {
    await Promise.allSettled(heads.map(({iterator}) => iterator.return?.()));
  }
}

async function advance<T extends TimedLine>(head: {
  iterator: AsyncIterator<T>;
  value: T | undefined;
  at: number;
}): Promise<void> {
  const next = await head.iterator.next();
  head.value = next.done === true ? undefined : next.value;
  if (head.value !== undefined) head.at = Math.max(head.at, head.value.at);
}
