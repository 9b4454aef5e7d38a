import {OperatorError} from './operator-error.js';

/** One thing that is picked for a run instead of everything (E20–E22). */
export type Selected = SelectedRow | SelectedFile;
export type SelectedRow = {readonly kind: 'content' | 'folder'; readonly key: readonly string[]};
export type SelectedFile = {readonly kind: 'file'; readonly path: string};

/** As an operator writes it: `content:1042`, `folder:366`, `file:PATH`; a composite key is a JSON array. */
export function formatSelected(selected: Selected): string {
  if (selected.kind === 'file') return `file:${selected.path}`;
  const {kind, key} = selected;
  return `${kind}:${key.length === 1 && !key[0]!.startsWith('[') ? key[0] : JSON.stringify(key)}`;
}

/** @throws OperatorError USAGE for a text of another form */
export function parseSelected(text: string): Selected {
  const colon = text.indexOf(':');
  const [kind, value] = [text.slice(0, colon), text.slice(colon + 1)];
  if (colon > 0 && value !== '') {
    if (kind === 'file') return {kind, path: withoutSlashes(value)};
    const key = kind === 'content' || kind === 'folder' ? parseKey(value) : undefined;
    if (key !== undefined) return {kind: kind as 'content' | 'folder', key};
  }
  throw new OperatorError('USAGE', `"${text}" selects nothing.`, {
    hint: '--select content:ID, folder:ID or file:PATH, as often as wanted.',
  });
}

/** A path as shells complete it: `./a/b`, `a/b/`. */
function withoutSlashes(path: string): string {
  return path.replace(/^(\.?\/)+/, '').replace(/\/+$/, '');
}

function parseKey(text: string): readonly string[] | undefined {
  if (!text.startsWith('[')) return [text];
  try {
    const key: unknown = JSON.parse(text);
    return Array.isArray(key) && key.length > 0 && key.every(part => typeof part === 'string')
      ? key
      : undefined;
  } catch {
    return undefined;
  }
}
