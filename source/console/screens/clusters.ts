import type {ClusterEntry} from '../../engine/engine.js';
import {formatTime} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {type Model, step} from '../model.js';
import {push} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {textInput} from '../text-input.js';
import {drawList} from '../view/draw-list.js';
import {dim, line} from '../view/lines.js';
import {clusterFormScreen} from './cluster-form.js';
import {clusterRelationshipScreen} from './cluster-relationship.js';

export type ClustersScreen = {readonly kind: 'clusters'; readonly id: number; readonly list: ListState};

export function clustersScreen(): Omit<ClustersScreen, 'id'> {
  return {kind: 'clusters', list: emptyList};
}

/** Sites that are kept in step together behind a load balancer (E23). */
export const clusters: ScreenDefinition<ClustersScreen> = {
  title: () => 'clusters',
  context: () => ({left: line(dim(' the first member is synced first, the others follow'))}),
  needs: ['clusters', 'servers', 'relationships'],
  list: (screen, model) => ({
    spec: clusterList(model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  bindings: [
    {
      keys: ['n'],
      label: 'new',
      description: 'Make a cluster of sites that the paired servers host',
      disabledBecause: model =>
        model.data.servers.value?.length ? undefined : 'there is no server yet; a adds one from the overview',
      run: model => step(push(model, clusterFormScreen(model))),
    },
    {
      keys: ['e', 'enter'],
      label: 'edit',
      description: 'Change the members of the cluster under the cursor',
      disabledBecause: noCluster,
      run: (model, screen) => step(push(model, clusterFormScreen(model, chosen(model, screen)!))),
    },
    {
      keys: ['w'],
      label: 'new relationship',
      description: 'Make the cluster under the cursor the remote side of a relationship; starts nothing',
      disabledBecause: noCluster,
      run: (model, screen) =>
        step(push(model, clusterRelationshipScreen(model, chosen(model, screen)!.name))),
    },
    {
      keys: ['D'],
      label: 'delete',
      description: 'Forget the cluster under the cursor; nothing is changed on its members',
      disabledBecause: (model, screen) => {
        const used = chosen(model, screen)?.usedBy ?? [];
        return noCluster(model, screen) ?? (used.length > 0 ? `${used.join(', ')} needs it` : undefined);
      },
      run: (model, screen) => {
        const {name} = chosen(model, screen)!;
        return step({
          ...model,
          overlay: {
            kind: 'confirm',
            question: `Delete cluster ${name}?`,
            effects: [
              ['the cluster', 'is forgotten'],
              ['its members', 'are not touched'],
            ],
            typeName: name,
            input: textInput(),
            commands: [{type: 'delete-cluster', name}],
            thenBack: false,
          },
        });
      },
    },
  ],
  draw: (screen, model, area) =>
    drawList(
      clusterList(model),
      screen.list,
      {
        caption: 'clusters',
        source: model.data.clusters,
        empty: ['No clusters yet. n makes one of the sites of paired servers.'],
      },
      model,
      area,
    ),
};

const none: readonly ClusterEntry[] = [];

function clusterList(model: Model): ListSpec<ClusterEntry> {
  return {
    rows: model.data.clusters.value ?? none,
    id: row => row.name,
    columns: [
      {title: 'Cluster', min: 10, text: row => row.name},
      {
        title: 'Members, first one first',
        min: 20,
        grow: true,
        text: row => row.members.map(({server, site}) => `${server}/${site}`).join('  '),
      },
      {title: 'Database', min: 6, text: row => (row.sharedDatabase ? 'shared' : 'as found')},
      {title: 'Used by', min: 8, optional: 2, text: row => row.usedBy.join(', ') || '-'},
      {title: 'Made', min: 8, optional: 3, text: row => formatTime(row.createdAt, model.now, model.time)},
    ],
  };
}

function chosen(model: Model, screen: ClustersScreen): ClusterEntry | undefined {
  return selectedRow(clusterList(model), screen.list);
}

function noCluster(model: Model, screen: ClustersScreen): string | undefined {
  return chosen(model, screen) === undefined ? 'there is no cluster in the list' : undefined;
}
