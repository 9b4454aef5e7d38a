import type {ClusterEntry} from '../../engine/engine.js';
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
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {dim, line} from '../view/lines.js';

export type ClusterFormScreen = {
  readonly kind: 'cluster-form';
  readonly id: number;
  readonly form: Form;
  /** Name of the cluster that is edited; undefined for a new one. */
  readonly editing?: string;
  readonly busy: boolean;
  readonly fault?: Fault;
};

/** @param cluster the one to edit; a new one when absent */
export function clusterFormScreen(model: Model, cluster?: ClusterEntry): Omit<ClusterFormScreen, 'id'> {
  const sites = (model.data.servers.value ?? []).flatMap(({name, sites}) =>
    sites.map(site => `${name}/${site}`),
  );
  const members = (cluster?.members ?? []).map(({server, site}) => `${server}/${site}`);
  const options = [...new Set([...members, ...sites])].map(address => ({value: address, label: address}));
  return {
    kind: 'cluster-form',
    busy: false,
    ...(cluster === undefined ? {} : {editing: cluster.name}),
    form: createForm([
      ...(cluster === undefined ? [textField('name', 'Name', '', 'such as web')] : []),
      severalField('members', 'Members', options, members),
      choiceField(
        'shared',
        'Database',
        labelled({found: 'each member says which it has', shared: 'one for all, written once'}),
        cluster?.sharedDatabase ? 'shared' : 'found',
      ),
    ]),
  };
}

/** A new cluster, or the members of one (E23). */
export const clusterForm: ScreenDefinition<ClusterFormScreen> = {
  title: screen => (screen.editing === undefined ? 'new cluster' : `edit ${screen.editing}`),
  context: () => ({
    left: line(dim(' members come in the order in which they are marked; the first one is first')),
  }),
  needs: ['clusters', 'servers'],
  ...formParts<ClusterFormScreen>({
    rules: rulesOf,
    save: {
      label: 'save',
      description: 'Save the cluster; its members are introduced when a relationship is made',
    },
    doing: 'asking the members',
    command: screen => ({
      type: 'save-cluster',
      screen: screen.id,
      mode: screen.editing === undefined ? 'create' : 'edit',
      name: screen.editing ?? textOfField(screen.form, 'name'),
      members: chosenIn(screen.form, 'members').map(address => {
        const slash = address.indexOf('/');
        return {server: address.slice(0, slash), site: address.slice(slash + 1)};
      }),
      sharedDatabase: textOfField(screen.form, 'shared') === 'shared',
    }),
    saved: (_screen, model, text) => backTo(model, text, {type: 'load', what: 'clusters'}),
    below: screen => [
      line(dim(` in this order: ${chosenIn(screen.form, 'members').join('  ') || 'nobody yet'}`)),
    ],
  }),
};

function rulesOf(screen: ClusterFormScreen, model: Model): FormRules {
  const problems: Record<string, string> = {};
  const name = textOfField(screen.form, 'name');
  if (screen.editing === undefined) {
    if (name === '') problems.name = 'a name is needed';
    else if (name.includes('/')) problems.name = 'a name has no slash';
    else if (model.data.clusters.value?.some(cluster => cluster.name === name))
      problems.name = `there is already a cluster ${name}`;
  }
  if (chosenIn(screen.form, 'members').length === 0) problems.members = 'mark at least one site with Space';
  return {hidden: [], problems};
}
