import {encodeFrame} from '../../protocol/content-frames.js';
import type {Signature} from './delta-match.js';
import type {SiteDatabase, SiteFiles} from './ports.js';

/** What is counted while content is sent. `bytes` is content as sent, after delta and compression. */
export type SendCount = {bytes: number; done: number};

/** Where content is sent from. `missing` hears of operations whose content is no longer what the plan saw. */
export type ContentSource = {
  readonly files: SiteFiles;
  readonly database: SiteDatabase | null;
  readonly signatures: ReadonlyMap<number, Signature>;
  /** Forms in which the receiver takes tables as images, by operation. */
  readonly images: ReadonlyMap<number, string>;
  readonly count: SendCount;
  missing(index: number, error: string): void;
  readonly signal?: AbortSignal;
};

/** A frame whose body counts as sent. */
export function countedFrame(
  source: ContentSource,
  header: Parameters<typeof encodeFrame>[0],
  body: Buffer,
): Uint8Array[] {
  source.count.bytes += body.length;
  return encodeFrame(header, body);
}
