import {formatSize} from '../../core/byte-size.js';
import type {BackupDescription, SiteAddress} from '../../engine/engine.js';
import type {Command} from '../command.js';
import {formatTime} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {say} from '../message.js';
import {type Model, step} from '../model.js';
import {replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Loadable} from '../shared-data.js';
import {textInput} from '../text-input.js';
import {drawList} from '../view/draw-list.js';
import {bold, dim, line} from '../view/lines.js';

export type BackupsScreen = {
  readonly kind: 'backups';
  readonly id: number;
  readonly address: SiteAddress;
  readonly list: ListState;
  readonly found: Loadable<{readonly folder: string; readonly backups: readonly BackupDescription[]}>;
  /** What the agent is at. */
  readonly busy?: string;
};

export function backupsScreen(address: SiteAddress): Omit<BackupsScreen, 'id'> {
  return {kind: 'backups', address, list: emptyList, found: {loading: true}};
}

/** The backups of a site's database: made by hand, put back by hand (E16). */
export const backups: ScreenDefinition<BackupsScreen> = {
  title: screen => `backups of ${screen.address.site}`,
  context: ({address, found, busy}) => ({
    left: line(bold(` ${address.server}/${address.site}`), dim(`   ${found.value?.folder ?? ''}`)),
    ...(busy === undefined ? {} : {right: line(`${busy} ...`)}),
  }),
  needs: [],
  opened: screen => [read(screen)],
  list: screen => ({
    spec: backupList(screen),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  bindings: [
    {
      keys: ['n'],
      label: 'new',
      description: 'Make a backup now; old ones go as agent.json says',
      disabledBecause: (_model, screen) => whyBusy(screen),
      run: (model, {id, address}) => step(model, {type: 'create-backup', screen: id, address}),
    },
    {
      keys: ['enter'],
      label: 'put back',
      description: 'Make the database what the backup under the cursor is, after its name was typed',
      disabledBecause: (_model, screen) => whyBusy(screen) ?? whyNotThis(screen),
      run: (model, screen) => step(askRestore(model, screen, selectedRow(backupList(screen), screen.list)!)),
    },
    {
      keys: ['R'],
      label: 'read again',
      description: 'Read the list again',
      run: (model, screen) =>
        step(replaceScreen(model, {...screen, found: {...screen.found, loading: true}}), read(screen)),
    },
  ],
  receive: (screen, model, answer) => {
    const {busy: _done, ...idle} = screen;
    switch (answer.kind) {
      case 'working':
        return step(replaceScreen(model, {...screen, busy: answer.text}));
      case 'backups': {
        const {kind: _, at, ...value} = answer;
        return step(replaceScreen(model, {...screen, found: {loading: false, value, at}}));
      }
      case 'saved':
        return step(say(replaceScreen(model, idle), 'info', answer.text), read(screen));
      case 'fault': {
        const {value, at} = screen.found;
        const known = value === undefined || at === undefined ? {} : {value, at};
        return step(replaceScreen(model, {...idle, found: {loading: false, fault: answer.fault, ...known}}));
      }
      default:
        return step(model);
    }
  },
  draw: (screen, model, area) =>
    drawList(
      backupList(screen, model),
      screen.list,
      {
        caption: 'backups',
        source: screen.found,
        empty: ['No backups yet. n makes one; a profile with the backup option makes one before its runs.'],
      },
      model,
      area,
    ),
};

function read({id, address}: BackupsScreen): Command {
  return {type: 'list-backups', screen: id, address};
}

const none: readonly BackupDescription[] = [];

function backupList({found}: BackupsScreen, model?: Model): ListSpec<BackupDescription> {
  return {
    rows: found.value?.backups ?? none,
    id: row => row.name,
    columns: [
      {
        title: 'Made',
        min: 8,
        sortBy: row => row.at,
        text: row => (model === undefined ? row.at : formatTime(row.at, model.now, model.time)),
      },
      {title: 'Size', min: 6, align: 'right', sortBy: row => row.bytes, text: row => formatSize(row.bytes)},
      {title: 'State', min: 7, text: row => row.state},
      {title: 'By', min: 6, optional: 2, text: row => row.by || '-'},
      {title: 'Before run', min: 8, optional: 3, text: row => row.runId ?? '-'},
      {title: 'Name', min: 16, grow: true, text: row => row.name},
    ],
  };
}

function whyBusy({busy}: BackupsScreen): string | undefined {
  return busy;
}

function whyNotThis(screen: BackupsScreen): string | undefined {
  const row = selectedRow(backupList(screen), screen.list);
  if (row === undefined) return 'there is no backup';
  return row.state === 'gone' || row.state === 'damaged' ? `it is ${row.state}` : undefined;
}

/** A database is overwritten only when the name of its site was typed. */
function askRestore(model: Model, {id, address}: BackupsScreen, backup: BackupDescription): Model {
  const site = `${address.server}/${address.site}`;
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: `Put ${backup.name} in the place of the database of ${site}?`,
      effects: [
        ['the database', `becomes what it was at ${formatTime(backup.at, model.now, model.time)}`],
        ['what is there now', 'is backed up before'],
        ['files', 'are not touched'],
        ['the next run', 'brings again what the other side has newer'],
      ],
      typeName: address.site,
      input: textInput(),
      commands: [{type: 'restore-backup', screen: id, address, name: backup.name}],
      thenBack: false,
    },
  };
}
