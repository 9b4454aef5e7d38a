import type {ConflictPolicy, MissedRule} from '../../core/profile.js';
import type {LiveDefinition, LiveEntry, SiteAddress} from '../../engine/engine.js';
import {
  choiceField,
  chosenIn,
  createForm,
  type Form,
  type FormRules,
  labelled,
  severalField,
  textField,
  textOfField,
} from '../form.js';
import {backTo, formParts} from '../form-screen.js';
import type {Model} from '../model.js';
import {splitNames} from '../profile-rules.js';
import {isScheduled, scheduleFields, scheduleProblem} from '../schedule-fields.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {dim, line} from '../view/lines.js';

export type LiveFormScreen = {
  readonly kind: 'live-form';
  readonly id: number;
  readonly form: Form;
  /** The live sync that is edited; undefined for a new one. */
  readonly editing?: LiveEntry;
  readonly busy: boolean;
  readonly fault?: Fault;
};

/** A choice of the field `Live servers`: single sites instead of a cluster. */
const singleSites = '';

/** @param entry the live sync to edit; a new one when absent */
export function liveFormScreen(model: Model, entry?: LiveEntry): Omit<LiveFormScreen, 'id'> {
  const sites = (model.data.servers.value ?? []).flatMap(({name, sites}) =>
    sites.map(site => `${name}/${site}`),
  );
  const options = sites.map(address => ({value: address, label: address}));
  const clusters = (model.data.clusters.value ?? []).map(({name}) => ({
    value: name,
    label: `cluster ${name}`,
  }));
  return {
    kind: 'live-form',
    busy: false,
    ...(entry === undefined ? {} : {editing: entry}),
    form: createForm([
      textField('name', 'Name', entry?.name ?? '', 'such as publish'),
      choiceField('local', 'Editorial site', options, entry ? textOf(entry.local) : (sites[0] ?? '')),
      choiceField(
        'cluster',
        'Live servers',
        [{value: singleSites, label: 'those marked below'}, ...clusters],
        entry?.cluster ?? singleSites,
      ),
      severalField(
        'servers',
        '',
        options,
        entry?.cluster === undefined ? (entry?.servers ?? []).map(textOf) : [],
      ),
      textField(
        'tenants',
        'Tenants',
        entry?.tenants.join(', ') ?? '',
        'item groups, table groups or folders, in order: desktop, multimedia',
      ),
      textField(
        'extra',
        'Extra tables',
        entry?.extra?.join(', ') ?? '',
        'go along with every tenant; all that no group claims when empty',
      ),
      choiceField(
        'policy',
        'Conflicts',
        labelled({'local-wins': 'the editorial site wins', 'remote-wins': 'the live server wins'}),
        entry?.policy ?? 'local-wins',
      ),
      textField('maxDelete', 'Max. deletion', String(entry?.maxDelete ?? 50), 'percent of a side'),
      ...scheduleFields(entry),
    ]),
  };
}

/** Describes a live sync (G). */
export const liveForm: ScreenDefinition<LiveFormScreen> = {
  title: screen => (screen.editing === undefined ? 'new live sync' : `edit ${screen.editing.name}`),
  context: () => ({left: line(dim(' saving introduces the servers to each other and starts nothing'))}),
  needs: ['lives', 'servers', 'clusters'],
  ...formParts<LiveFormScreen>({
    rules: rulesOf,
    save: {label: 'save', description: 'Save the live sync; that starts nothing'},
    doing: 'introducing the servers',
    command: screen => ({
      type: 'save-live',
      screen: screen.id,
      mode: screen.editing === undefined ? 'create' : 'edit',
      definition: definitionOf(screen.form),
    }),
    saved: (_screen, model, text) => backTo(model, text, {type: 'load', what: 'lives'}),
  }),
};

function definitionOf(form: Form): LiveDefinition {
  const cluster = textOfField(form, 'cluster');
  const extra = splitNames(textOfField(form, 'extra'));
  return {
    name: textOfField(form, 'name'),
    local: addressOf(textOfField(form, 'local')),
    servers: cluster === singleSites ? chosenIn(form, 'servers').map(addressOf) : cluster,
    tenants: splitNames(textOfField(form, 'tenants')),
    ...(extra.length === 0 ? {} : {extra}),
    policy: textOfField(form, 'policy') as ConflictPolicy,
    maxDelete: Number(textOfField(form, 'maxDelete')),
    ...(isScheduled(form)
      ? {schedule: textOfField(form, 'schedule'), missed: textOfField(form, 'missed') as MissedRule}
      : {}),
  };
}

function rulesOf({form, editing}: LiveFormScreen, model: Model): FormRules {
  const problems: Record<string, string> = {};
  const name = textOfField(form, 'name');
  if (name === '') problems.name = 'a name is needed';
  else if (name.includes('/')) problems.name = 'a name has no slash';
  else if (editing === undefined && model.data.lives.value?.some(live => live.name === name))
    problems.name = `there is already a live sync ${name}`;
  const single = textOfField(form, 'cluster') === singleSites;
  if (single && chosenIn(form, 'servers').length === 0)
    problems.servers = 'mark at least one site with Space';
  if (single && chosenIn(form, 'servers').includes(textOfField(form, 'local')))
    problems.servers = 'the editorial site is not one of its live servers';
  const share = textOfField(form, 'maxDelete');
  if (!/^\d{1,3}(\.\d+)?$/.test(share) || Number(share) > 100) problems.maxDelete = 'from 0 to 100';
  const schedule = scheduleProblem(textOfField(form, 'schedule'));
  if (schedule !== undefined) problems.schedule = schedule;
  return {
    hidden: [
      ...(editing === undefined ? [] : ['name', 'local']),
      ...(single ? [] : ['servers']),
      ...(isScheduled(form) ? [] : ['missed']),
    ],
    problems,
  };
}

function textOf({server, site}: SiteAddress): string {
  return `${server}/${site}`;
}

function addressOf(text: string): SiteAddress {
  const slash = text.indexOf('/');
  return {server: text.slice(0, slash), site: text.slice(slash + 1)};
}
