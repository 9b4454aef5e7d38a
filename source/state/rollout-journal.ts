import type {RolloutEvent, RolloutServer} from '../core/rollout-event.js';
import {pauseSentence} from '../core/rollout-reason.js';
import {Journals} from './journals.js';
import {rolloutFiles} from './run-files.js';

export type RolloutStarted = RolloutEvent & {type: 'rollout.started'};
export type RolloutFinished = RolloutEvent & {type: 'rollout.finished'};

/**
 * The journals of the processes that carry rollouts out. A rollout whose process is gone is paused: its agents go on
 * with what they had begun, and it can be resumed (X3).
 */
export const rolloutJournals = new Journals<RolloutEvent, RolloutStarted, RolloutFinished>({
  what: 'rollout',
  list: '`lockstep rollout list`',
  hello: {type: 'hello', version: 1},
  fileOf: (home, id) => rolloutFiles(home, id).journal,
  isStarted: event => event.type === 'rollout.started',
  isFinished: event => event.type === 'rollout.finished',
  endOfDead(rolloutId, events) {
    const started = events.find(event => event.type === 'rollout.started');
    const servers = new Map<string, RolloutServer>();
    const put = ({server, site, ...rest}: RolloutServer) =>
      servers.set(`${server}/${site}`, {server, site, ...rest});
    for (const event of events)
      if (event.type === 'rollout.started') event.servers.forEach(put);
      else if (event.type === 'rollout.server') {
        const {type: _, at: __, ...server} = event;
        put(server);
      }
    const rollout = started?.rollout ?? '';
    const reason = pauseSentence({kind: 'interrupted'}, rollout, []);
    return {
      type: 'rollout.finished',
      at: new Date().toISOString(),
      rolloutId,
      rollout,
      kind: started?.kind ?? 'update',
      status: 'paused',
      why: {kind: 'interrupted'},
      reason,
      error: {code: 'ROLLOUT_INTERRUPTED', message: reason},
      servers: [...servers.values()],
      durationMs: started === undefined ? 0 : Math.max(0, Date.now() - Date.parse(started.startedAt)),
    };
  },
});
