import {readSync} from 'node:fs';
import type {FileRef, ItemRef, RowRef} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import {limits} from '../../protocol/endpoint.js';
import type {SiteDatabase, SiteFiles, WireRow} from './ports.js';

/** Characters of one value of a row that are shown. */
const shownValue = 4096;

export type Shown =
  | {type: 'row'; columns: Record<string, string | null>}
  | {type: 'text'; text: string}
  | {type: 'binary'; description: string}
  | {type: 'absent'};

/** Items for the eye (E13): rows with values cut, small text files whole, everything else in words. In the order asked. */
export async function showItems(
  refs: readonly ItemRef[],
  site: {files: SiteFiles; database: SiteDatabase | null},
): Promise<readonly Shown[]> {
  const rows = refs.filter((ref): ref is RowRef => ref.type === 'row');
  const found = (rows.length > 0 ? await site.database?.readRows(rows) : undefined) ?? [];
  const shownRows = new Map(rows.map((ref, position) => [ref, found[position]?.row]));
  return refs.map(ref => {
    if (ref.type === 'table') return {type: 'binary', description: `the table ${ref.table}`};
    if (ref.type === 'file') return showFile(ref, site.files);
    const row = shownRows.get(ref);
    return row === undefined ? {type: 'absent'} : {type: 'row', columns: showRow(row)};
  });
}

function showRow(row: WireRow): Record<string, string | null> {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [column, value === null ? null : showValue(value)]),
  );
}

/** A tagged value (agent/database/wire-value.ts) without its tag; bytes are only counted. */
function showValue(value: string): string {
  const text = value.slice(1);
  const isBytes = value.startsWith('b') || value.startsWith('x');
  if (isBytes) return `(${Buffer.byteLength(text, 'base64')} bytes)`;
  return text.length > shownValue ? `${text.slice(0, shownValue)}…` : text;
}

function showFile(ref: FileRef, files: SiteFiles): Shown {
  const record = files.lookUp(ref);
  if (record === undefined || record.deleted) return {type: 'absent'};
  if (record.kind === 'folder') return {type: 'binary', description: 'a folder'};
  try {
    const content = files.openContent(ref);
    try {
      if (content.kind === 'link')
        return {type: 'text', text: `link to ${Buffer.from(content.target).toString('utf8')}`};
      if (content.size > limits.diffText) return {type: 'binary', description: `${content.size} bytes`};
      const bytes = Buffer.alloc(content.size);
      const text = asText(bytes.subarray(0, readSync(content.fd, bytes, 0, bytes.length, 0)));
      return text === undefined
        ? {type: 'binary', description: `${content.size} bytes, not text`}
        : {type: 'text', text};
    } finally {
      content.close();
    }
  } catch (error) {
    if (error instanceof OperatorError && error.code === 'NOT_FOUND') return {type: 'absent'};
    return {type: 'binary', description: error instanceof Error ? error.message : String(error)};
  }
}

function asText(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(bytes);
  } catch {
    return undefined;
  }
}
