import {closeSync, mkdirSync, openSync, writeFileSync, writeSync} from 'node:fs';
import path from 'node:path';
import {pseudoRandomBytes} from '../source/headless/demo/content-site.js';

const mebibyte = 1024 * 1024;

/** Files of 4 KiB, a hundred to a folder, no two alike. */
export function makeManyFiles(root: string, count: number): void {
  const content = Buffer.from(pseudoRandomBytes(4096, 3));
  for (let index = 0; index < count; index++) {
    const folder = path.join(root, `d${Math.floor(index / 10_000)}`, `e${Math.floor(index / 100) % 100}`);
    if (index % 100 === 0) mkdirSync(folder, {recursive: true});
    content.writeUInt32LE(index, 0);
    writeFileSync(path.join(folder, `f${index}`), content);
  }
}

/** A file without two blocks that are alike anywhere: each is another rotation. */
export function makeBigFile(file: string, mebibytes: number): void {
  const handle = openSync(file, 'w');
  const block = Buffer.from(pseudoRandomBytes(mebibyte, 5));
  for (let index = 0; index < mebibytes; index++) {
    block.writeUInt32LE(index, 0);
    const turn = (index * 16) % mebibyte;
    writeSync(handle, Buffer.concat([block.subarray(turn), block.subarray(0, turn)]));
  }
  closeSync(handle);
}

/** Writes `changes` times 64 KiB, evenly scattered. */
export function scatterChanges(file: string, mebibytes: number, changes: number): void {
  const handle = openSync(file, 'r+');
  for (let index = 0; index < changes; index++) {
    const position = Math.floor(((index + 0.37) / changes) * (mebibytes * mebibyte - 65536));
    writeSync(handle, pseudoRandomBytes(65536, 1000 + index), 0, 65536, position);
  }
  closeSync(handle);
}
