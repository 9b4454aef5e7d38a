import {durationMs} from '../../core/duration.js';
import type {RolloutDefinition} from '../../engine/rollouts/rollout-verbs.js';
import {siteText} from '../describe.js';
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
import {formParts} from '../form-screen.js';
import {say} from '../message.js';
import {type Model, step} from '../model.js';
import {pop, push} from '../navigate.js';
import {splitNames} from '../profile-rules.js';
import {waveName} from '../rollouts/describe-rollout.js';
import {dealtWaves, gatesIn, itemsIn, rolloutProblems, splitParts} from '../rollouts/rollout-rules.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {blank, cut, dim, type Line, line} from '../view/lines.js';
import {addressOf} from '../wizard/wizard-forms.js';
import {sitesOf} from './package-sites.js';
import {rolloutScreen} from './rollout.js';

export type RolloutFormScreen = {
  readonly kind: 'rollout-form';
  readonly id: number;
  readonly form: Form;
  readonly busy: boolean;
  readonly fault?: Fault;
};

/** A choice of the field `Servers`: single sites instead of a cluster. */
const singleSites = '';

/** @param release `NAME-VERSION` that is filled in already */
export function rolloutFormScreen(model: Model, release?: string): Omit<RolloutFormScreen, 'id'> {
  const sites = sitesOf(model).map(siteText);
  const clusters = (model.data.clusters.value ?? []).map(({name}) => ({
    value: name,
    label: `cluster ${name}`,
  }));
  const releases = (model.data.releases.value ?? []).map(({id}) => ({value: id, label: id}));
  return {
    kind: 'rollout-form',
    busy: false,
    form: createForm([
      textField('name', 'Name', '', 'such as shop-december'),
      choiceField('release', 'Release', releases, release ?? releases[0]?.value ?? ''),
      choiceField(
        'cluster',
        'Servers',
        [{value: singleSites, label: 'those marked below'}, ...clusters],
        singleSites,
      ),
      severalField(
        'servers',
        '',
        sites.map(value => ({value, label: value})),
        [],
      ),
      textField('waves', 'Waves', 'rest', 'such as canary=web1; 50%; rest'),
      textField('gates', 'Approval before wave', '', 'numbers such as 2, 3, or every'),
      textField('items', 'Own checklist', '', 'such as announced; 2=smoke test'),
      textField('failures', 'Failures allowed', '0'),
      textField('concurrency', 'Servers at a time', '5'),
      textField('bake', 'Wait between waves', '', 'none, or such as 15m'),
      textField('window', 'Window', '', 'any time, or such as sat 22:00-23:30 Europe/Berlin'),
      choiceField(
        'scheduled',
        'Starts',
        labelled({no: 'when an operator says so', yes: 'by the scheduler'}),
        'no',
      ),
      textField('approvers', 'Approvers', '', 'anybody who may operate, or user, user@host'),
      choiceField(
        'fourEyes',
        'Whoever started it',
        labelled({no: 'may approve', yes: 'does not approve'}),
        'no',
      ),
      textField('mail', 'Mail to', '', 'besides the administrators of the sites'),
      textField('patience', 'Wait for a busy server', '1m'),
    ]),
  };
}

/** Describes a rollout (U16). */
export const rolloutForm: ScreenDefinition<RolloutFormScreen> = {
  title: () => 'new rollout',
  context: () => ({left: line(dim(' saving starts nothing; several waves or items are separated by ;'))}),
  needs: ['rollouts', 'releases', 'servers', 'clusters'],
  ...formParts<RolloutFormScreen>({
    rules: rulesOf,
    save: {label: 'save', description: 'Save the rollout; that starts nothing'},
    doing: 'saving',
    command: ({id, form}, model) => ({
      type: 'create-rollout',
      screen: id,
      definition: definitionOf(form, serversOf(form, model)),
    }),
    saved: ({form}, model, text) =>
      step(say(push(pop(model), rolloutScreen(textOfField(form, 'name'))), 'info', text), {
        type: 'load',
        what: 'rollouts',
      }),
    below: ({form}, model, width) => waveLines(form, serversOf(form, model), width),
  }),
};

/** The servers as operators write them, in their order. */
function serversOf(form: Form, model: Model): readonly string[] {
  const cluster = textOfField(form, 'cluster');
  return cluster === singleSites
    ? chosenIn(form, 'servers')
    : (model.data.clusters.value ?? [])
        .filter(({name}) => name === cluster)
        .flatMap(({members}) => members.map(siteText));
}

function definitionOf(form: Form, servers: readonly string[]): RolloutDefinition {
  const text = (name: string) => textOfField(form, name);
  const cluster = text('cluster');
  const waves = splitParts(text('waves'));
  return {
    name: text('name'),
    release: text('release'),
    servers: cluster === singleSites ? servers.map(addressOf) : cluster,
    waves,
    failuresAllowed: Number(text('failures')),
    concurrency: Number(text('concurrency')),
    bakeMs: durationMs(text('bake')) ?? 0,
    gates: gatesIn(text('gates'), waves.length) ?? [],
    approvers: splitNames(text('approvers')),
    fourEyes: text('fourEyes') === 'yes',
    ...(text('window') === '' ? {} : {window: text('window')}),
    scheduled: text('scheduled') === 'yes',
    ...(text('mail') === '' ? {} : {mailTo: text('mail')}),
    patienceMs: durationMs(text('patience')) ?? 0,
    items: itemsIn(text('items')),
  };
}

function rulesOf({form}: RolloutFormScreen, model: Model): FormRules {
  const text = (name: string) => textOfField(form, name);
  const single = text('cluster') === singleSites;
  return {
    hidden: single ? [] : ['servers'],
    problems: rolloutProblems(
      {
        name: text('name'),
        release: text('release'),
        servers: serversOf(form, model),
        waves: text('waves'),
        gates: text('gates'),
        items: text('items'),
        failuresAllowed: text('failures'),
        concurrency: text('concurrency'),
        bake: text('bake'),
        patience: text('patience'),
        window: text('window'),
        scheduled: text('scheduled') === 'yes',
        mailTo: text('mail'),
      },
      (model.data.rollouts.value ?? []).map(({name}) => name),
    ),
  };
}

/** Which server would be updated in which wave. */
function waveLines(form: Form, servers: readonly string[], width: number): Line[] {
  if (servers.length === 0) return [];
  const dealt = dealtWaves(textOfField(form, 'waves'), servers);
  if ('problem' in dealt) return [];
  return [
    blank,
    ...dealt.waves.map(([name, members], index) =>
      line(dim(cut(` ${waveName(index + 1, name)}: ${members.join('  ')}`, width - 1))),
    ),
  ];
}
