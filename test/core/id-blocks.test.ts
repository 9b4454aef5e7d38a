import test from 'ava';
import fc from 'fast-check';
import {
  assignNumber,
  firstBlock,
  idProblem,
  isRunningOut,
  laterBlock,
  ownBlock,
  steerAfter,
  steerWithin,
} from '../../source/core/id-blocks.js';

const bigint = 2n ** 63n - 1n;
const int = 2n ** 31n - 1n;
const trillion = 10n ** 12n;

test('E25: server n begins with (n−1)·10¹²+1 to n·10¹²', t => {
  t.deepEqual(firstBlock(1, bigint), {from: 1n, to: trillion});
  t.deepEqual(firstBlock(3, bigint), {from: 2n * trillion + 1n, to: 3n * trillion});
  t.is(firstBlock(0, bigint), undefined);
  t.is(firstBlock(1001, bigint), undefined);
});

test('a narrow column gives each server a 200th of its range', t => {
  t.deepEqual(firstBlock(2, int), {from: int / 200n + 1n, to: (int / 200n) * 2n});
  t.is(firstBlock(101, int), undefined);
  t.is(firstBlock(1, 100n), undefined);
});

test('an engine that goes on after the highest id stays, begins, or moves up', t => {
  t.like(steerAfter(1, 0n, bigint), {kind: 'right'});
  t.like(steerAfter(1, 5000n, bigint), {kind: 'right'});
  t.deepEqual(steerAfter(2, 5000n, bigint), {kind: 'move', block: firstBlock(2, bigint)!});
  const moved = steerAfter(1, trillion + 10n, bigint);
  t.is(moved.kind, 'move');
  t.true(moved.kind === 'move' && moved.block.from > 999n * trillion);
  // The end of the own block: the next id would be the neighbour's.
  t.is(steerAfter(1, trillion, bigint).kind, 'move');
  t.is(steerAfter(1, bigint - 1n, bigint).kind, 'full');
  t.is(steerAfter(120, 0n, int).kind, 'full');
});

test('blocks of different servers never meet, in wide and in narrow columns', t => {
  t.notThrows(() =>
    fc.assert(
      fc.property(
        fc.integer({min: 1, max: 100}),
        fc.integer({min: 1, max: 100}),
        fc.bigInt({min: 0n, max: 2n ** 53n}),
        fc.constantFrom(bigint, int, 2n ** 32n - 1n, 2n ** 23n - 1n),
        (a, b, highest, limit) => {
          const block = laterBlock(a, highest % limit, limit);
          if (block === undefined) return true;
          const own = ownBlock(a, block.from, limit);
          const clear =
            a === b || (ownBlock(b, block.from, limit) ?? ownBlock(b, block.to, limit)) === undefined;
          return block.from > highest % limit && own?.to === block.to && clear && block.to <= limit;
        },
      ),
    ),
  );
});

test('whatever is inserted and exchanged in whatever order, no id is issued twice', t => {
  const server = fc.integer({min: 0, max: 3});
  const step = fc.oneof(
    fc.record({kind: fc.constant('insert' as const), at: server, count: fc.integer({min: 1, max: 30})}),
    fc.record({kind: fc.constant('sync' as const), at: server, to: server}),
  );
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(step, {maxLength: 60}), fc.constantFrom(bigint, int), (steps, limit) => {
        // The first server has content from before; all begin as its copies.
        const highest = [4711n, 4711n, 4711n, 4711n];
        const issued = new Set<bigint>();
        const steer = (at: number) => {
          const found = steerAfter(at + 1, highest[at]!, limit);
          if (found.kind === 'move') highest[at] = found.block.from - 1n;
        };
        for (const at of highest.keys()) steer(at);
        for (const action of steps) {
          if (action.kind === 'sync') {
            const most =
              highest[action.at]! > highest[action.to]! ? highest[action.at]! : highest[action.to]!;
            highest[action.at] = most;
            highest[action.to] = most;
            steer(action.at);
            steer(action.to);
          } else
            for (let count = 0; count < action.count; count++) {
              const id = highest[action.at]! + 1n;
              if (issued.has(id)) return false;
              issued.add(id);
              highest[action.at] = id;
            }
        }
        return true;
      }),
    ),
  );
});

test('an engine with a fixed range goes on inside it, and moves when it is full', async t => {
  t.deepEqual(await steerWithin(2, bigint, () => undefined), {
    kind: 'range',
    block: firstBlock(2, bigint)!,
    next: trillion + 1n,
  });
  t.like(await steerWithin(1, int, () => 41n), {kind: 'range', next: 42n});
  // The origin had more rows than its share of a narrow column before it was numbered.
  const found = await steerWithin(1, int, block => (block.from === 1n ? block.to : undefined));
  t.true(found.kind === 'range' && found.next > int / 2n - int / 100n);
});

test('a column that runs out is told of in time', t => {
  const column = (limit: bigint, next: bigint | undefined) => {
    const block = next === undefined ? undefined : ownBlock(2, next, limit);
    return {
      table: 't',
      column: 'id',
      steered: true,
      highest: '0',
      limit: String(limit),
      ...(block && {next: String(next), block: {from: String(block.from), to: String(block.to)}}),
    };
  };
  const block = firstBlock(2, int)!;
  t.false(isRunningOut(column(int, block.from), 2));
  t.true(isRunningOut(column(int, block.to - 10n), 2));
  t.true(isRunningOut(column(int, undefined), 2));
  t.regex(
    idProblem(column(int, undefined), 2) ?? '',
    /t.id holds ids up to 2147483647 only, which leaves none/,
  );
  t.regex(idProblem(column(int, block.to - 9n), 2) ?? '', /\(10 left\)/);
  t.is(idProblem(column(bigint, 2n * trillion), 2), undefined);
  t.false(isRunningOut(column(bigint, laterBlock(2, trillion, bigint)!.to), 2));
  t.false(isRunningOut(column(bigint, undefined), undefined));
});

test('a server keeps the number it has; a newcomer gets the next', t => {
  t.is(assignNumber(undefined, new Set()), 1);
  t.is(assignNumber(undefined, new Set([1, 2])), 3);
  t.is(assignNumber(7, new Set([1, 2])), 7);
  t.is(assignNumber(2, new Set([1, 2])), 3);
  t.is(assignNumber(undefined, new Set([1]), 4), 5);
});
