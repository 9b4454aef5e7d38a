import type {ServerCheck} from '../../engine/engine.js';
import {codeOfCheck} from '../describe.js';
import {choiceField, createForm, type Form, replaceField, textField, textOfField, visitAll} from '../form.js';
import {explain} from '../message.js';
import {type Model, type Step, step} from '../model.js';
import {replaceScreen} from '../navigate.js';
import type {WizardScreen} from '../screens/wizard.js';
import type {Fault} from '../shared-data.js';
import {addNew, addressOf, formOf, putForm, remoteAddress, rulesOf, withServers} from './wizard-forms.js';

/** From one step to the next: connect, choose, create. Says what is missing instead. */
export function advance(model: Model, before: WizardScreen): Step {
  const {fault: _gone, ...screen} = withServers(before, model);
  const rules = rulesOf(screen, model);
  const [problem] = Object.values(rules.problems);
  if (problem !== undefined) {
    return step(
      explain(
        replaceScreen(model, putForm(screen, visitAll(formOf(screen)))),
        'warn',
        `Not yet: ${problem}.`,
      ),
    );
  }
  if (screen.at === 1) {
    const local = textOfField(screen.servers, 'local');
    const remote = textOfField(screen.servers, 'remote');
    return step(replaceScreen(model, {...screen, busy: true}), {
      type: 'connect',
      screen: screen.id,
      local: addressOf(local).server,
      ...(remote === addNew
        ? {invitation: textOfField(screen.servers, 'invitation').replace(/\s+/g, '')}
        : {server: remote}),
    });
  }
  if (screen.at === 2) {
    const name = textOfField(screen.summary, 'name') || suggestName(screen, model);
    return step(
      replaceScreen(model, {...screen, at: 3, summary: createForm([textField('name', 'Name', name)])}),
    );
  }
  return step(replaceScreen(model, {...screen, busy: true}), {
    type: 'create-relationship',
    screen: screen.id,
    entry: {
      name: textOfField(screen.summary, 'name'),
      local: addressOf(textOfField(screen.servers, 'local')),
      remote: remoteAddress(screen),
      initial: screen.initial,
    },
  });
}

function suggestName(screen: WizardScreen, model: Model): string {
  const local = addressOf(textOfField(screen.servers, 'local'));
  const remote = remoteAddress(screen);
  const [left, right] =
    local.server === remote.server ? [local.site, remote.site] : [local.server, remote.server];
  const taken = (model.data.relationships.value ?? []).map(entry => entry.name);
  const free = ['', '-2', '-3', '-4', '-5'].map(suffix => `${left}-${right}${suffix}`);
  return free.find(name => !taken.includes(name)) ?? '';
}

/** Both servers have answered: on to their sites, or the reason why not. */
export function connected(
  model: Model,
  before: WizardScreen,
  remote: string,
  checks: Readonly<Record<string, ServerCheck>>,
): Step {
  const screen = withServers(before, model);
  const servers = remote === '' ? screen.servers : withRemote(screen.servers, remote);
  const failed = Object.values(checks).find(isFailed);
  const known = {...screen, servers, checks, remote, busy: false};
  if (failed !== undefined) {
    const fault: Fault = {
      code: codeOfCheck(failed.kind),
      message: `${failed.server}: ${failed.detail}`,
      ...(failed.hint === undefined ? {} : {hint: failed.hint}),
    };
    return step(replaceScreen(model, {...known, fault}), {type: 'load', what: 'servers'});
  }
  const local = textOfField(screen.servers, 'local');
  const options = (checks[remote]?.sites ?? [])
    .filter(site => `${remote}/${site.name}` !== local)
    .map(site => ({
      value: site.name,
      label: `${site.name}  ${site.engine ?? 'no database'}  version ${site.version || '-'}${site.staging ? '  staging' : ''}`,
    }));
  const sites = createForm([choiceField('site', 'Remote site', options, options[0]?.value ?? '')]);
  return step(replaceScreen(model, {...known, at: 2, sites}), {type: 'load', what: 'servers'});
}

function isFailed(check: ServerCheck): check is ServerCheck & {kind: Exclude<ServerCheck['kind'], 'ok'>} {
  return check.kind !== 'ok';
}

// An invitation works once: when the step is repeated, the server is there already.
function withRemote(form: Form, remote: string): Form {
  const field = form.fields.find(other => other.name === 'remote');
  if (field?.kind !== 'choice') return form;
  const options = field.options.some(option => option.value === remote)
    ? field.options
    : [{value: remote, label: remote}, ...field.options];
  return {...replaceField(form, {...field, options, value: remote}), focus: 'remote'};
}
