import {checklistOf} from '../../../source/core/rollout-checklist.js';
import type {RolloutServer} from '../../../source/core/rollout-event.js';
import type {UpdateStatus} from '../../../source/core/update-status.js';
import type {
  RolloutDefinition,
  RolloutEntry,
  RolloutVerbs,
} from '../../../source/engine/rollouts/rollout-verbs.js';
import type {FakeWorld} from './fake-engine.js';

const rules = {
  release: 'shop-7.6.7',
  failuresAllowed: 1,
  concurrency: 5,
  bakeMs: 900_000,
  gates: [2],
  approvers: ['anna', 'bob'],
  fourEyes: true,
  window: 'sat 22:00-23:30 Europe/Berlin',
  scheduled: false,
  patienceMs: 60_000,
};

const servers: readonly RolloutServer[] = [
  {
    server: 'web1',
    site: 'main',
    wave: 1,
    state: 'done',
    from: '7.6.6',
    to: '7.6.7',
    step: 'notify',
    startedAt: '2026-11-21T13:00:00Z',
    endedAt: '2026-11-21T13:02:41Z',
  },
  {
    server: 'web2',
    site: 'main',
    wave: 1,
    state: 'rolled-back',
    from: '7.6.6',
    to: '7.6.7',
    step: 'rollback-health',
    error: {
      code: 'HEALTH_FAILED',
      message: 'The new version did not answer \u202ewith 200.',
      hint: 'Look at its log, then t tries again.',
    },
    startedAt: '2026-11-21T13:00:00Z',
    endedAt: '2026-11-21T13:05:00Z',
  },
  {server: 'web3', site: 'main', wave: 2, state: 'waiting', to: '7.6.7'},
  {server: 'web4-日本', site: 'main', wave: 2, state: 'waiting', to: '7.6.7'},
];

function entry(changes: Partial<RolloutEntry> & {name: string}): RolloutEntry {
  const items = [
    {text: 'announced to editors', tickedBy: 'anna', tickedAt: '2026-11-21T12:40:00Z'},
    {text: 'smoke test after wave 1', before: 2},
  ];
  const whole = {
    ...rules,
    status: 'planned' as const,
    wanted: 'run' as const,
    version: '7.6.7',
    waves: [
      {name: 'canary', text: 'canary=50%', servers: ['web1/main', 'web2/main']},
      {name: 'rest', text: 'rest', servers: ['web3/main', 'web4-日本/main']},
    ],
    servers,
    failures: 1,
    approvals: [],
    createdBy: 'anna',
    createdAt: '2026-11-20T10:00:00Z',
    ...changes,
  };
  return {...whole, checklist: checklistOf({...whole, items})};
}

export function fakeRollouts(): RolloutEntry[] {
  return [
    entry({
      name: 'december',
      status: 'paused',
      pausedFor: {kind: 'gate', wave: 2},
      reason: 'Waits for the approval of rest: `lockstep rollout approve december`.',
      startedBy: 'anna',
      startedAt: '2026-11-21T13:00:00Z',
      rolloutId: '20261121-130000000-aaaaaa',
      lockId: '20261121-130000000-bbbbbb',
    }),
    entry({
      name: 'planned',
      failures: 0,
      servers: servers.map(({server, site, wave, to}) => ({server, site, wave, to, state: 'waiting'})),
    }),
  ];
}

/** One whose second server warns its users. */
export function fakeRolloutAtWork(): RolloutEntry {
  return entry({
    name: 'at-work',
    status: 'running',
    startedBy: 'anna',
    startedAt: '2026-11-21T14:00:00Z',
    servers: servers.map(server =>
      server.server === 'web2'
        ? {
            server: 'web2',
            site: 'main',
            wave: 1,
            state: 'running',
            from: '7.6.6',
            to: '7.6.7',
            step: 'drain',
            detail: '3 users left',
            startedAt: '2026-11-21T14:00:42Z',
          }
        : server,
    ),
    failures: 0,
  });
}

const updateStatus: UpdateStatus = {
  id: '20261121-130000000-cccccc',
  site: 'main',
  state: 'running',
  step: 'drain',
  track: 'forward',
  from: '7.6.6',
  to: '7.6.7',
  by: 'anna',
  startedAt: '2026-11-21T14:00:42Z',
  steps: [
    {
      step: 'preflight',
      title: 'Check everything that can be checked before',
      state: 'done',
      startedAt: '2026-11-21T14:00:42Z',
      endedAt: '2026-11-21T14:00:43Z',
      durationMs: 1000,
    },
    {
      step: 'drain',
      title: 'Warn the users and let them finish',
      state: 'running',
      startedAt: '2026-11-21T14:01:00Z',
    },
  ],
  usersLeft: 3,
  warnings: ['The final backup was not made: no space.'],
  committed: false,
  abort: 'at-once',
  canRollBack: false,
  cannotRollBack: 'it is at work',
  mail: 'none',
};

/** Rollouts without agents: what they are told changes the world, what they did stands in `calls`. */
export function fakeRolloutVerbs(world: FakeWorld): RolloutVerbs {
  const did = (call: string) => void world.calls.push(call);
  const find = (name: string) => world.rollouts.find(other => other.name === name) ?? world.rollouts[0]!;
  const put = (name: string, changes: Partial<RolloutEntry>): RolloutEntry => {
    const changed = {...find(name), ...changes};
    world.rollouts = world.rollouts.map(other => (other.name === name ? changed : other));
    return changed;
  };
  const begun = (call: string, name: string) => {
    did(call);
    const {reason: _gone, pausedFor: __, ...rest} = find(name);
    world.rollouts = world.rollouts.map(other =>
      other.name === name ? {...rest, status: 'running' as const} : other,
    );
    return {rolloutId: '20261121-140000000-dddddd'};
  };
  return {
    list: async () => [...world.rollouts],
    show: async name => find(name),
    async foresee() {},
    async create(definition: RolloutDefinition) {
      did(`create rollout ${JSON.stringify(definition)}`);
      const made = entry({name: definition.name, release: definition.release});
      world.rollouts = [...world.rollouts, made];
      return made;
    },
    async delete(name) {
      did(`delete rollout ${name}`);
      world.rollouts = world.rollouts.filter(other => other.name !== name);
    },
    check: async name =>
      find(name).servers.map(({server, site, wave}, index) =>
        index === 1
          ? {
              server,
              site,
              wave,
              error: {code: 'UNREACHABLE', message: 'Nothing answers.', hint: 'Is the agent running there?'},
            }
          : {
              server,
              site,
              wave,
              report: {
                site,
                from: '7.6.6',
                to: '7.6.7',
                passed: index !== 2,
                worstCaseMs: 300_000,
                checks: [
                  {name: 'rights', outcome: 'passed', message: 'The folder may be renamed.'},
                  {
                    name: 'space',
                    outcome: index === 2 ? 'failed' : 'passed',
                    message: index === 2 ? '1.2 GiB are needed, 800 MiB are free.' : 'There is enough.',
                    ...(index === 2 ? {remedy: 'Make room on /srv.'} : {}),
                  },
                ],
              },
            },
      ),
    start: async name => begun(`start rollout ${name}`, name),
    resume: async (name, options) => begun(`resume ${name} ${JSON.stringify(options)}`, name),
    async pause(name) {
      did(`pause ${name}`);
      put(name, {wanted: 'pause'});
    },
    async abort(name) {
      did(`abort ${name}`);
      put(name, {wanted: 'abort'});
    },
    approve: async (name, options) => ({wave: 2, ...begun(`approve ${name} ${options?.wave}`, name)}),
    reversible: async (_, only) => only ?? [],
    rollBack: async (name, only) => begun(`roll back ${name} ${only?.join(',') ?? 'all'}`, name),
    async tick(name, item, done) {
      did(`tick ${name} ${item} ${done}`);
      return put(name, {
        checklist: find(name).checklist.map(one =>
          one.number === item ? {...one, state: done ? 'done' : 'open'} : one,
        ),
      });
    },
    exportChecklist: async name => `# Rollout ${name}\n`,
    watch: async function* () {},
    journal: async () => ({
      status: updateStatus,
      events: [
        {seq: 1, at: '2026-11-21T14:00:42Z', type: 'begun', step: 'preflight'},
        {seq: 2, at: '2026-11-21T14:00:43Z', type: 'done', step: 'preflight', detail: '9 checks passed'},
        {seq: 3, at: '2026-11-21T14:01:00Z', type: 'note', step: 'drain', detail: 'told 3 users\u202e'},
      ],
    }),
  };
}
