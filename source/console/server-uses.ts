import type {SiteAddress} from '../engine/engine.js';
import type {Model} from './model.js';

/** What names a server, as an operator reads it: `relationship web`, `cluster front`, `live sync publish`. */
export function serverUses(model: Model, server: string): readonly string[] {
  const {relationships, clusters, lives} = model.data;
  const isIts = (end: SiteAddress) => end.server === server;
  return [
    ...(relationships.value ?? [])
      .filter(({local, remote, members = []}) => [local, remote, ...members].some(isIts))
      .map(({name}) => `relationship ${name}`),
    ...(clusters.value ?? []).filter(({members}) => members.some(isIts)).map(({name}) => `cluster ${name}`),
    ...(lives.value ?? [])
      .filter(({local, servers}) => [local, ...servers].some(isIts))
      .map(({name}) => `live sync ${name}`),
  ];
}
