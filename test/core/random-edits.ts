import fc from 'fast-check';
import type {ConflictPolicy} from '../../source/core/profile.js';
import type {ReplicaModel} from './replica-model.js';

/** What happens at one of the sites, or between two of them. */
export type Step =
  | {at: number; edit: 'write' | 'link'; path: string; text: string}
  | {at: number; edit: 'folder' | 'remove'; path: string}
  | {at: number; edit: 'mode'; path: string; mode: number}
  | {at: number; edit: 'row'; table: string; key: string; title: string; parent: string | undefined}
  | {at: number; edit: 'removeRow'; id: string}
  | {at: number; edit: 'sync'; policy: ConflictPolicy};

const path = fc.constantFrom('a', 'b', 'a/x', 'a/y', 'a/b', 'a/b/z', 'a/b/w', 'b/v');
const folderId = fc.constantFrom('r:folders:["1"]', 'r:folders:["2"]', 'r:folders:["3"]');
export const step: fc.Arbitrary<Step> = fc.tuple(fc.nat(7), fc.constant(null)).chain(([at]) =>
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        at: fc.constant(at),
        edit: fc.constant('write' as const),
        path,
        text: fc.constantFrom('1', '2'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        at: fc.constant(at),
        edit: fc.constant('link' as const),
        path,
        text: fc.constantFrom('1', '2'),
      }),
    },
    {weight: 2, arbitrary: fc.record({at: fc.constant(at), edit: fc.constant('folder' as const), path})},
    {weight: 3, arbitrary: fc.record({at: fc.constant(at), edit: fc.constant('remove' as const), path})},
    {
      weight: 1,
      arbitrary: fc.record({
        at: fc.constant(at),
        edit: fc.constant('mode' as const),
        path,
        mode: fc.constantFrom(0o600, 0o644),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        at: fc.constant(at),
        edit: fc.constant('row' as const),
        table: fc.constantFrom('folders', 'pages'),
        key: fc.constantFrom('1', '2', '3'),
        title: fc.constantFrom('1', '2'),
        parent: fc.option(folderId, {nil: undefined}),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({at: fc.constant(at), edit: fc.constant('removeRow' as const), id: folderId}),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        at: fc.constant(at),
        edit: fc.constant('sync' as const),
        policy: fc.constantFrom<ConflictPolicy>('local-wins', 'remote-wins'),
      }),
    },
  ),
);

/** Lets something happen at a site. */
export function play(site: ReplicaModel, edit: Exclude<Step, {edit: 'sync'}>): void {
  switch (edit.edit) {
    case 'write':
      site.writeFile(edit.path, edit.text);
      break;
    case 'link':
      site.writeFile(edit.path, edit.text, 'link');
      break;
    case 'folder':
      site.makeFolder(edit.path);
      break;
    case 'remove':
      site.remove(edit.path);
      break;
    case 'mode':
      site.changeMode(edit.path, edit.mode);
      break;
    case 'row':
      site.writeRow(edit.table, edit.key, edit.title, edit.parent);
      break;
    case 'removeRow':
      site.removeRow(edit.id);
      break;
  }
}
