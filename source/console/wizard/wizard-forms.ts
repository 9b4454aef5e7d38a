import {type Form, type FormRules, type Option, textOfField} from '../form.js';
import type {Model} from '../model.js';
import type {WizardScreen} from '../screens/wizard.js';

/** Value of the choice that means: add a server now. */
export const addNew = ' new';

export function choicesOf(model: Model): {remote: readonly Option[]; local: readonly Option[]} {
  const servers = model.data.servers.value ?? [];
  return {
    remote: [
      ...servers.map(server => ({value: server.name, label: server.name})),
      {value: addNew, label: 'another, by invitation'},
    ],
    local: servers.flatMap(server => {
      const sites = model.checks[server.name]?.value?.sites?.map(site => site.name) ?? server.sites;
      return sites.map(site => ({value: `${server.name}/${site}`, label: `${server.name}/${site}`}));
    }),
  };
}

/**
 * What is most likely meant: the server that was paired last is the remote one, because that is what people do right
 * after pairing, and the local site is one of another server.
 */
export function suggestedChoices(model: Model): {readonly local: string; readonly remote: string} {
  const {local} = choicesOf(model);
  const servers = model.data.servers.value ?? [];
  const last = servers.toSorted((a, b) => a.addedAt.localeCompare(b.addedAt)).at(-1);
  const other = local.find(({value}) => addressOf(value).server !== last?.name);
  return other === undefined || last === undefined
    ? {local: local[0]?.value ?? '', remote: addNew}
    : {local: other.value, remote: last.name};
}

/** Servers may arrive after the wizard was opened. */
export function withServers(screen: WizardScreen, model: Model): WizardScreen {
  const choices = choicesOf(model);
  const suggested = suggestedChoices(model);
  const fields = screen.servers.fields.map(field => {
    if (field.kind !== 'choice') return field;
    const options = field.name === 'local' ? choices.local : choices.remote;
    const value = options.some(option => option.value === field.value)
      ? field.value
      : suggested[field.name as keyof typeof suggested];
    return {...field, options, value};
  });
  return {...screen, servers: {...screen.servers, fields}};
}

export function formOf(screen: WizardScreen): Form {
  return screen.at === 1 ? screen.servers : screen.at === 2 ? screen.sites : screen.summary;
}

export function putForm(screen: WizardScreen, form: Form): WizardScreen {
  return screen.at === 1
    ? {...screen, servers: form}
    : screen.at === 2
      ? {...screen, sites: form}
      : {...screen, summary: form};
}

export function rulesOf(screen: WizardScreen, model: Model): FormRules {
  const problems: Record<string, string> = {};
  if (screen.at === 1) {
    const remote = textOfField(screen.servers, 'remote');
    const invitation = textOfField(screen.servers, 'invitation');
    if (textOfField(screen.servers, 'local') === '')
      problems.local = 'no server with a site is known yet; Esc, then a adds one';
    if (remote === addNew && invitation === '') problems.invitation = 'an invitation line is needed';
    return {hidden: remote === addNew ? [] : ['invitation'], problems};
  }
  if (screen.at === 2) {
    if (textOfField(screen.sites, 'site') === '') problems.site = 'this server has no other site';
    return {hidden: [], problems};
  }
  const name = textOfField(screen.summary, 'name');
  if (name === '') problems.name = 'a relationship needs a name';
  else if (name.includes('/')) problems.name = 'a name has no slash';
  else if (model.data.relationships.value?.some(entry => entry.name === name))
    problems.name = 'there is already a relationship of that name';
  return {hidden: [], problems};
}

export function addressOf(text: string): {server: string; site: string} {
  const slash = text.indexOf('/');
  return {server: text.slice(0, slash), site: text.slice(slash + 1)};
}

export function remoteAddress(screen: WizardScreen): {server: string; site: string} {
  return {server: screen.remote ?? '', site: textOfField(screen.sites, 'site')};
}
