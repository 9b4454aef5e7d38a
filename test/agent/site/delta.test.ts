import {randomBytes} from 'node:crypto';
import {closeSync, openSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {matchDelta} from '../../../source/agent/site/delta-match.js';
import {blockSizeOf, signatureOf} from '../../../source/agent/site/delta-signature.js';
import {makeFolder} from './test-agent.js';

let folder: Awaited<ReturnType<typeof makeFolder>>;
test.before(async () => {
  folder = await makeFolder();
});
test.after.always(() => folder.remove());
let number = 0;

function opened(bytes: Uint8Array): number {
  const path = join(folder.path, `${number++}`);
  writeFileSync(path, bytes);
  return openSync(path, 'r');
}

/** Tells `fresh` as differences from `old`, rebuilds it, and answers how many bytes were literal. */
async function throughDelta(
  old: Buffer,
  fresh: Buffer,
  block: number,
): Promise<{literal: number; rebuilt: Buffer}> {
  const oldFd = opened(old);
  const freshFd = opened(fresh);
  const entries = Buffer.concat(await Array.fromAsync(signatureOf(oldFd, old.length, block)));
  const parts: Buffer[] = [];
  let literal = 0;
  for await (const part of matchDelta(freshFd, fresh.length, {block, entries})) {
    if (part.kind === 'copy') parts.push(old.subarray(part.from * block, (part.from + part.count) * block));
    else {
      literal += part.bytes.length;
      parts.push(Buffer.from(part.bytes));
    }
  }
  closeSync(oldFd);
  closeSync(freshFd);
  return {literal, rebuilt: Buffer.concat(parts)};
}

const block = 4096;

test('an unchanged file costs nothing but its odd end', async t => {
  const old = randomBytes(3_000_001);
  const {literal, rebuilt} = await throughDelta(old, old, block);
  t.true(rebuilt.equals(old));
  t.is(literal, old.length % block);
});

test('a byte inserted at the start costs about a block', async t => {
  const old = randomBytes(4_000_000);
  const fresh = Buffer.concat([Buffer.from('x'), old]);
  const {literal, rebuilt} = await throughDelta(old, fresh, block);
  t.true(rebuilt.equals(fresh));
  t.true(literal <= 2 * block, `${literal}`);
});

test('scattered changes cost the blocks they touch', async t => {
  const old = randomBytes(8_000_000);
  const fresh = Buffer.from(old);
  for (let n = 0; n < 20; n++) randomBytes(1000).copy(fresh, 200_000 + n * 390_000);
  const {literal, rebuilt} = await throughDelta(old, fresh, block);
  t.true(rebuilt.equals(fresh));
  t.true(literal <= 20 * 2 * block + block, `${literal}`);
});

test('what has nothing in common travels whole', async t => {
  const fresh = randomBytes(2_000_000);
  const {literal, rebuilt} = await throughDelta(randomBytes(1_000_000), fresh, block);
  t.true(rebuilt.equals(fresh));
  t.is(literal, fresh.length);
});

test('a file is rebuilt exactly whatever was cut, repeated or moved', t =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          kind: fc.constantFrom('old', 'new', 'zeros'),
          at: fc.nat(300_000),
          length: fc.nat(60_000),
        }),
        {minLength: 1, maxLength: 12},
      ),
      async pieces => {
        const old = Buffer.concat([randomBytes(200_000), Buffer.alloc(100_000)]);
        const fresh = Buffer.concat(
          pieces.map(({kind, at, length}) =>
            kind === 'old'
              ? old.subarray(at, at + length)
              : kind === 'new'
                ? randomBytes(length)
                : Buffer.alloc(length),
          ),
        );
        const {rebuilt} = await throughDelta(old, fresh, block);
        t.true(rebuilt.equals(fresh));
      },
    ),
    {numRuns: 40},
  ));

test('blocks are about the square root of the file', t => {
  t.is(blockSizeOf(1024 ** 2), 4096);
  t.is(blockSizeOf(1024 ** 3), 32 * 1024);
  t.is(blockSizeOf(4 * 1024 ** 3), 64 * 1024);
  t.is(blockSizeOf(2 ** 50), 8 * 1024 * 1024);
});
