import {formatSelected} from '../../core/selection.js';
import type {ContentEntry, FolderEntry} from '../../engine/browse.js';

/** Something that can be picked or opened. */
export type PickerEntry = {
  /** As `--select` takes it; undefined for what can only be opened. */
  readonly select?: string;
  readonly label: string;
  /** Folder of files, or key of a folder's row, that ⏎ opens. */
  readonly opens?: string | readonly string[];
  readonly size?: number;
  /** ISO 8601, UTC. */
  readonly changed?: string;
  readonly what: string;
};

/** A level of files as entries of the picker. */
export function fileEntries(entries: readonly FolderEntry[]): readonly PickerEntry[] {
  return entries.map(({path, kind, size, mtime}) => ({
    label: path.slice(path.lastIndexOf('/') + 1) + (kind === 'folder' ? '/' : ''),
    what: kind,
    changed: mtime,
    ...(kind === 'folder' ? {opens: path} : {}),
    ...(kind === 'file' ? {size} : {}),
    ...(kind === 'file' || kind === 'link' ? {select: formatSelected({kind: 'file', path})} : {}),
  }));
}

/** A level of content as entries of the picker. */
export function contentEntries(entries: readonly ContentEntry[]): readonly PickerEntry[] {
  return entries.map(({kind, table, key, title}) => ({
    label: (title ?? key.join(', ')) + (kind === 'folder' ? '/' : ''),
    what: `${table} ${key.join(', ')}`,
    select: formatSelected({kind, key}),
    ...(kind === 'folder' ? {opens: key} : {}),
  }));
}
