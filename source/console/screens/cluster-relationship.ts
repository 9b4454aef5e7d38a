import {
  choiceField,
  createForm,
  type Form,
  type FormRules,
  labelled,
  textField,
  textOfField,
} from '../form.js';
import {formParts} from '../form-screen.js';
import {say} from '../message.js';
import {type Model, step} from '../model.js';
import {jump} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {dim, line} from '../view/lines.js';
import {relationshipScreen} from './relationship.js';

export type ClusterRelationshipScreen = {
  readonly kind: 'cluster-relationship';
  readonly id: number;
  readonly cluster: string;
  readonly form: Form;
  readonly busy: boolean;
  readonly fault?: Fault;
};

export function clusterRelationshipScreen(
  model: Model,
  cluster: string,
): Omit<ClusterRelationshipScreen, 'id'> {
  const members = model.data.clusters.value?.find(({name}) => name === cluster)?.members ?? [];
  const inCluster = new Set(members.map(({server, site}) => `${server}/${site}`));
  const sites = (model.data.servers.value ?? [])
    .flatMap(({name, sites}) => sites.map(site => `${name}/${site}`))
    .filter(address => !inCluster.has(address));
  return {
    kind: 'cluster-relationship',
    cluster,
    busy: false,
    form: createForm([
      choiceField(
        'local',
        'Local site',
        sites.map(address => ({value: address, label: address})),
        sites[0] ?? '',
      ),
      choiceField(
        'initial',
        'First sync',
        labelled({upload: 'upload to the cluster', download: 'download from its first member'}),
        'upload',
      ),
      textField('name', 'Name', `${(sites[0] ?? '').split('/')[0]}-${cluster}`),
    ]),
  };
}

/** A relationship whose remote side is a cluster (E23). */
export const clusterRelationship: ScreenDefinition<ClusterRelationshipScreen> = {
  title: screen => `new relationship with ${screen.cluster}`,
  context: () => ({
    left: line(dim(' creating starts nothing; every member is introduced to the local server')),
  }),
  needs: ['clusters', 'servers', 'relationships'],
  ...formParts<ClusterRelationshipScreen>({
    rules: rulesOf,
    save: {label: 'create', description: 'Introduce the servers to each other and create the relationship'},
    submitOn: 'name',
    doing: 'connecting to every member',
    command: ({id, form, cluster}) => {
      const [server = '', site = ''] = textOfField(form, 'local').split('/', 2);
      return {
        type: 'create-relationship',
        screen: id,
        entry: {
          name: textOfField(form, 'name'),
          local: {server, site},
          remote: cluster,
          initial: textOfField(form, 'initial') === 'download' ? 'download' : 'upload',
        },
      };
    },
    saved: ({form}, model, text) =>
      step(say(jump(model, relationshipScreen(textOfField(form, 'name'))), 'info', text), {
        type: 'load',
        what: 'relationships',
      }),
  }),
};

function rulesOf(screen: ClusterRelationshipScreen, model: Model): FormRules {
  const problems: Record<string, string> = {};
  const name = textOfField(screen.form, 'name');
  if (name === '') problems.name = 'a name is needed';
  else if (name.includes('/')) problems.name = 'a name has no slash';
  else if (model.data.relationships.value?.some(entry => entry.name === name))
    problems.name = `there is already a relationship ${name}`;
  if (textOfField(screen.form, 'local') === '')
    problems.local = 'no paired server hosts a site outside of the cluster';
  return {hidden: [], problems};
}
