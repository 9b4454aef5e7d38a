import {formatSize} from '../../core/byte-size.js';
import {
  nextChoice,
  type SettingName,
  type Settings,
  settingChoices,
  settingNames,
} from '../../core/settings.js';
import type {HomeFacts, Kept} from '../../engine/settings.js';
import {plural} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {type Model, step} from '../model.js';
import {replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Loadable} from '../shared-data.js';
import {drawList} from '../view/draw-list.js';
import {bold, dim, type Line, line, wrap} from '../view/lines.js';

export type SettingsScreen = {
  readonly kind: 'settings';
  readonly id: number;
  readonly list: ListState;
  readonly facts: Loadable<HomeFacts>;
};

export function settingsScreen(): Omit<SettingsScreen, 'id'> {
  return {kind: 'settings', list: emptyList, facts: {loading: true}};
}

type Row = {
  readonly name: SettingName;
  readonly value: string;
  readonly choices: string;
  readonly what: string;
};

const meanings: Readonly<Record<SettingName, string>> = {
  times: 'how times are shown; z changes it for the moment',
  colours: 'auto follows the terminal and NO_COLOR; from the next start on',
  refresh: 'seconds after which what is in sight is asked for again',
  checks: 'whether servers are asked in the background whether they answer',
};

const factHeight = 12;

/** What can be chosen about this console, and what it keeps where. */
export const settings: ScreenDefinition<SettingsScreen> = {
  title: () => 'settings',
  context: () => ({left: line(dim(' of this home; each choice is saved and acts at once'))}),
  needs: ['settings'],
  opened: screen => [{type: 'read-facts', screen: screen.id}],
  list: (screen, model) => ({
    spec: settingList(model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  pageRows: () => settingNames.length,
  bindings: [
    {
      keys: ['enter', ' ', 'right', 'l'],
      label: 'next value',
      description: 'Give the setting under the cursor its next value, and save it',
      disabledBecause: (model, screen) =>
        chosen(model, screen) === undefined
          ? 'there is no setting under the cursor'
          : model.data.settings.loading
            ? 'the settings are being read'
            : undefined,
      run: (model, screen) => {
        const {name} = chosen(model, screen)!;
        return step(model, {
          type: 'save-settings',
          changes: {[name]: nextChoice(name, model.settings[name])},
        });
      },
    },
  ],
  receive: (screen, model, answer) => {
    if (answer.kind === 'facts')
      return step(
        replaceScreen(model, {...screen, facts: {loading: false, value: answer.facts, at: answer.at}}),
      );
    return answer.kind === 'fault'
      ? step(replaceScreen(model, {...screen, facts: {...screen.facts, loading: false, fault: answer.fault}}))
      : step(model);
  },
  draw: (screen, model, area) => {
    const facts = factLines(screen.facts.value, model, area.width);
    return [
      ...drawList(
        settingList(model),
        screen.list,
        {caption: 'settings', source: {loading: false, value: model.settings}, empty: ['There are none.']},
        model,
        {width: area.width, height: Math.min(settingNames.length + 5, area.height)},
      ),
      {kind: 'lines', lines: facts.slice(0, factHeight)},
    ];
  },
};

// The same rows for the same settings, so that filtered and sorted ones are found again (list.ts).
const rowsOf = new WeakMap<Settings, readonly Row[]>();

function settingList(model: Model): ListSpec<Row> {
  const rows =
    rowsOf.get(model.settings) ??
    settingNames.map(name => ({
      name,
      value: model.settings[name],
      choices: settingChoices[name].join(' '),
      what: meanings[name],
    }));
  rowsOf.set(model.settings, rows);
  return {
    rows,
    id: row => row.name,
    columns: [
      {title: 'Setting', min: 8, text: row => row.name},
      {title: 'Value', min: 11, text: row => row.value},
      {title: 'Choices', min: 22, optional: 2, text: row => row.choices},
      {title: 'What it does', min: 20, grow: true, text: row => row.what},
    ],
  };
}

function factLines(facts: HomeFacts | undefined, model: Model, width: number): Line[] {
  const fact = (label: string, text: string) => line(dim(` ${label.padEnd(10)}`), text);
  if (facts === undefined) return [line(dim(' reading what is kept ...'))];
  const kept = ({count, bytes}: Kept, one: string) => `${plural(count, one)}, ${formatSize(bytes)}`;
  return [
    line(bold(' What this console keeps')),
    fact('Home', facts.home),
    fact('State', `${facts.state.path}, version ${facts.state.version}, ${formatSize(facts.state.bytes)}`),
    fact('Logs', `${kept(facts.runs, 'run')}; ${kept(facts.rollouts, 'rollout')}`),
    fact('Plans', `${kept(facts.plans, 'saved plan')}; : saved plans deletes them`),
    fact('Colour', model.colour ? 'on' : 'off: by the terminal, by NO_COLOR or by the setting'),
    ...wrap(
      'Logs and plans stay until they are deleted. History and backups of the sites are kept by each server, ' +
        'for as long as its agent.json says (`history`, `backup`).',
      width - 2,
    ).map(text => line(' ', dim(text))),
  ];
}

function chosen(model: Model, screen: SettingsScreen): Row | undefined {
  return selectedRow(settingList(model), screen.list);
}
