import {formatSize} from '../../core/byte-size.js';
import {formatTime} from '../format.js';
import {type ListSpec, selectedRow} from '../list.js';
import type {Model} from '../model.js';
import type {PickerScreen} from '../screens/picker.js';
import type {PickerEntry} from './picker-entries.js';

const noEntries: readonly PickerEntry[] = [];

/** The entries of the level that is open; what is picked is marked. */
export function entryList(screen: PickerScreen, model?: Model): ListSpec<PickerEntry> {
  const common = [
    {title: '', min: 1, text: (row: PickerEntry) => (screen.picked.has(row.select ?? '') ? '*' : ' ')},
    {title: 'Name', min: 20, grow: true, text: (row: PickerEntry) => row.label},
    {title: screen.tree === 'files' ? 'Kind' : 'Row', min: 7, text: (row: PickerEntry) => row.what},
  ];
  return {
    rows: screen.entries.value ?? noEntries,
    id: row => `${row.label} ${row.what}`,
    columns:
      screen.tree === 'content'
        ? common
        : [
            ...common,
            {
              title: 'Size',
              min: 8,
              align: 'right',
              sortBy: row => row.size ?? -1,
              text: row => (row.size === undefined ? '-' : formatSize(row.size)),
            },
            {
              title: 'Changed',
              min: 12,
              optional: 2,
              sortBy: row => row.changed ?? '',
              text: row => (model === undefined ? '' : formatTime(row.changed, model.now, model.time)),
            },
          ],
  };
}

/** The entry under the cursor. */
export function chosenEntry(screen: PickerScreen): PickerEntry | undefined {
  return selectedRow(entryList(screen), screen.list);
}
