import {defaultItemGroups} from '../../../source/core/default-groups.js';
import type {FileRecord} from '../../../source/core/item.js';
import {OperatorError} from '../../../source/core/operator-error.js';
import type {RegisteredFile} from '../../../source/core/package.js';
import type {Action, Plan} from '../../../source/core/plan.js';
import type {Profile} from '../../../source/core/profile.js';
import {type RunEvent, type RunItem, runPhases} from '../../../source/core/run-event.js';
import {defaultSettings, type Settings} from '../../../source/core/settings.js';
import type {UpdateStatus} from '../../../source/core/update-status.js';
import type {
  BackupDescription,
  ClusterEntry,
  CollisionEntry,
  Engine,
  LiveEntry,
  LivePreview,
  PreviewResult,
  RelationshipEntry,
  RunEntry,
  ScheduledStart,
  ServerCheck,
  ServerEntry,
} from '../../../source/engine/engine.js';
import type {PackageEntry, PackageVerbs} from '../../../source/engine/packages.js';
import type {ReleaseEntry} from '../../../source/engine/releases.js';
import type {RolloutEntry} from '../../../source/engine/rollouts/rollout-verbs.js';
import type {AuditEntry, TrustVerbs} from '../../../source/engine/trust.js';
import {fakeReleases, fakeReleaseVerbs} from './fake-releases.js';
import {fakeRollouts, fakeRolloutVerbs} from './fake-rollouts.js';

/** The moment at which the fake world stands still. */
export const fakeNow = Date.parse('2026-11-21T14:02:11Z');

export type FakeWorld = {
  servers: ServerEntry[];
  relationships: RelationshipEntry[];
  profiles: Profile[];
  runs: RunEntry[];
  clusters: ClusterEntry[];
  lives: LiveEntry[];
  collisions: CollisionEntry[];
  packages: PackageEntry[];
  files: RegisteredFile[];
  /** Packages that the next opening deletes because they have expired. */
  expired: string[];
  releases: ReleaseEntry[];
  rollouts: RolloutEntry[];
  schedule: ScheduledStart[];
  items: RunItem[];
  plan: Plan;
  /** Every verb that changed something, in order. */
  calls: string[];
  /** Events that a watched run gives, and whether it then goes on without end. */
  events: RunEvent[];
  /** Why previews say that a run would be refused. */
  refusal?: {code: string; message: string};
  endless: boolean;
  settings: Settings;
  /** Set while a console looks: tells it that another process changed something. */
  changed?: (what: 'state' | 'runs') => void;
  paceMs: number;
};

export function fakePlan(count = 0): Plan {
  const record = (path: string, size: number): FileRecord => ({
    type: 'file',
    path,
    kind: 'file',
    digest: `d${size}`,
    size,
    mtime: '0',
    mode: 0o644,
    vector: '',
    deleted: false,
    seq: 1,
  });
  const many = Array.from(
    {length: count},
    (_, index): Action => ({
      id: String(index + 5),
      side: 'remote',
      kind: 'create',
      item: {type: 'file', path: `many/file-${String(index).padStart(5, '0')}.txt`},
      before: {local: record(`many/file-${index}.txt`, index * 100)},
      operations: [],
    }),
  );
  return {
    actions: [
      {
        id: '1',
        side: 'remote',
        kind: 'update',
        item: {type: 'row', table: 'content', key: ['1042']},
        operations: [],
      },
      {
        id: '2',
        side: 'remote',
        kind: 'create',
        item: {type: 'file', path: 'uploadedimages/fair/hero.jpg'},
        before: {local: record('uploadedimages/fair/hero.jpg', 1_887_437)},
        operations: [],
      },
      {
        id: '3',
        side: 'remote',
        kind: 'delete',
        item: {type: 'file', path: 'uploadedimages/old/2019 \u202e日本.txt'},
        before: {remote: record('uploadedimages/old/2019.png', 421_888)},
        operations: [],
      },
      {
        id: '4',
        side: 'local',
        kind: 'conflict',
        winner: 'remote',
        conflict: 'update_differing',
        item: {type: 'row', table: 'users', key: ['2000000000007']},
        reason: 'both changed',
        operations: [],
      },
      ...many,
    ],
    adoptions: [],
    counts: {
      local: {create: 0, update: 0, delete: 0},
      remote: {create: 1 + count, update: 1, delete: 1},
      conflicts: 1,
      skipped: 0,
    },
    hash: '3f9a0011223344',
  };
}

const summary = {
  applied: 65,
  skipped: 0,
  total: 65,
  conflicts: 0,
  collisions: 0,
  deleted: 1,
  bytes: 44_000_000,
  durationMs: 41_000,
  kind: 'sync' as const,
};

export function fakeWorld(): FakeWorld {
  return {
    servers: ['staging', 'production', 'dev-日本'].map((name, index) => ({
      name,
      url: `https://${name === 'dev-日本' ? 'dev' : name}.example.com:8732`,
      fingerprint: String(index).repeat(64),
      role: 'admin',
      addedAt: '2026-11-01T10:00:00Z',
      sites: ['main'],
    })),
    relationships: [
      {
        name: 'staging-production',
        local: {server: 'staging', site: 'main'},
        remote: {server: 'production', site: 'main'},
        initial: 'upload',
        createdAt: '2026-03-03T18:00:00Z',
        initialSync: {at: '2026-03-03T18:50:00Z', runId: '20260303-185000-aaaaaa'},
      },
      {
        name: 'dev-staging',
        local: {server: 'dev-日本', site: 'main'},
        remote: {server: 'staging', site: 'main'},
        initial: 'upload',
        createdAt: '2026-03-04T18:00:00Z',
      },
    ],
    schedule: [
      {
        relationship: 'staging-production',
        profile: 'Default DB profile1',
        at: '2026-11-22T01:00:00Z',
        local: '2026-11-22T02:00:00+01:00',
        zone: 'Europe/Berlin',
        schedule: 'daily 2026-12-01T02:00 Europe/Berlin',
        missed: 'run',
      },
      {
        relationship: '',
        profile: '',
        rollout: 'december',
        at: '2026-11-28T21:00:00Z',
        local: '2026-11-28T22:00:00+01:00',
        zone: 'Europe/Berlin',
        schedule: 'sat 22:00-23:30 Europe/Berlin',
        missed: 'run',
      },
    ],
    lives: [
      {
        name: 'publish',
        local: {server: 'staging', site: 'main'},
        servers: [
          {
            server: 'production',
            site: 'main',
            lastSync: {at: '2026-11-21T12:00:00Z', runId: '20261121-120000-cccccc'},
            error: {at: '2026-11-21T13:00:00Z', message: 'It did not answer.'},
          },
        ],
        tenants: ['desktop', 'multimedia'],
        policy: 'local-wins',
        maxDelete: 50,
        createdAt: '2026-11-01T09:00:00Z',
        logs: [{name: 'access', file: '/var/lib/lockstep/logs/access.log', server: 'staging'}],
      },
    ],
    clusters: [
      {
        name: 'web',
        members: [
          {server: 'production', site: 'main'},
          {server: 'staging', site: 'main'},
        ],
        sharedDatabase: false,
        createdAt: '2026-11-01T09:00:00Z',
        usedBy: [],
      },
    ],
    collisions: ['users', 'folders'].map((kind, index) => ({
      id: `c${index}`,
      kind,
      table: kind,
      key: [String(11329 + index)],
      column: 'name',
      original: 'Marketing',
      modified: `Marketing${11329 + index}`,
      server: 'staging',
      site: 'main',
      runId: '20261121-130000-aaaaaa',
      at: '2026-11-21T13:00:00Z',
      reviewed: false,
    })),
    packages: [
      {
        name: 'press-kit',
        createdAt: '2026-11-01T09:00:00Z',
        by: 'anna',
        attributes: {
          title: 'Press kit',
          managers: [],
          downloaders: [],
          links: true,
          lifetimeMs: 86_400_000 * 30,
        },
        files: ['logo.svg', 'facts.pdf'],
        archive: {
          sizeBytes: 2_500_000,
          sha256: '1'.repeat(64),
          writtenAt: '2026-11-01T09:05:00Z',
          entries: [
            {name: 'logo.svg', sizeBytes: 12_000, sha256: '2'.repeat(64)},
            {name: 'facts.pdf', sizeBytes: 3_000_000, sha256: '3'.repeat(64)},
          ],
        },
        state: 'ready',
        expires: '2026-12-01T09:00:00Z',
      },
      {
        name: 'broken',
        createdAt: '2026-11-02T09:00:00Z',
        by: 'anna',
        attributes: {title: '', managers: [], downloaders: [], links: false},
        files: ['logo.svg'],
        state: 'damaged',
      },
    ],
    files: [
      {
        name: 'logo.svg',
        sizeBytes: 12_000,
        sha256: '2'.repeat(64),
        importedAt: '2026-11-01T08:00:00Z',
        by: 'anna',
      },
      {
        name: 'facts.pdf',
        sizeBytes: 3_000_000,
        sha256: '3'.repeat(64),
        importedAt: '2026-11-01T08:00:00Z',
        by: 'anna',
      },
    ],
    expired: [],
    releases: fakeReleases(),
    rollouts: fakeRollouts(),
    profiles: [
      {
        relationship: 'staging-production',
        name: 'Default DB profile1',
        items: ['database'],
        direction: 'upload',
        policy: 'local-wins',
        filter: {kind: 'none'},
        replace: 'newer',
        backup: 'off',
        maxDelete: 50,
        schedule: 'daily 2026-12-01T02:00 Europe/Berlin',
      },
      {
        relationship: 'staging-production',
        name: 'Templates',
        items: ['templates', 'bin'],
        direction: 'upload',
        policy: 'local-wins',
        filter: {kind: 'none'},
        replace: 'newer',
        backup: 'off',
        maxDelete: 50,
      },
      {
        relationship: 'staging-production',
        name: 'Members back',
        items: ['database'],
        direction: 'download',
        policy: 'local-wins',
        filter: {kind: 'none'},
        replace: 'newer',
        backup: 'off',
        maxDelete: 50,
      },
    ],
    runs: [
      {
        ...summary,
        runId: '20261121-020041-k3k3k3',
        status: 'success',
        relationship: 'staging-production',
        profile: 'Default DB profile1',
        direction: 'upload',
        startedAt: '2026-11-21T02:00:41Z',
        endedAt: '2026-11-21T02:01:22Z',
        by: 'anna',
      },
      {
        ...summary,
        runId: '20261121-131503-w2w2w2',
        status: 'warning',
        applied: 45,
        skipped: 20,
        relationship: 'staging-production',
        profile: 'Members back',
        direction: 'download',
        startedAt: '2026-11-21T13:15:03Z',
        endedAt: '2026-11-21T13:15:44Z',
        by: 'anna',
      },
    ],
    items: [
      {
        item: {type: 'row', table: 'content', key: ['1042']},
        side: 'remote',
        action: 'update',
        outcome: 'applied',
      },
      {
        item: {type: 'row', table: 'users', key: ['77']},
        side: 'local',
        action: 'create',
        outcome: 'skipped',
        stage: 'commit',
        error: 'UNIQUE constraint failed: users.email',
        remoteChange: 'created at production',
        localChange: 'none',
        conflict: 'multiple_unique_conflicts',
      },
    ],
    plan: fakePlan(),
    calls: [],
    events: fakeEvents(),
    endless: false,
    settings: defaultSettings,
    paceMs: 0,
  };
}

export function fakeEvents(): RunEvent[] {
  const at = '2026-11-21T14:00:00Z';
  const phases = runPhases.flatMap((phase): RunEvent[] => [
    {type: 'run.phase', at, phase, state: 'started'},
    ...(phase === 'stage'
      ? Array.from(
          {length: 10},
          (_, index): RunEvent => ({
            type: 'run.progress',
            at,
            phase,
            side: 'remote',
            done: (index + 1) * 4_400_000,
            total: 44_000_000,
            unit: 'bytes',
            bytesPerSecond: 8_000_000,
          }),
        )
      : []),
    {
      type: 'run.phase',
      at,
      phase,
      state: 'done',
      detail: phase === 'scan' ? '104 213 files in 0.3 s, 3 changed' : 'ok',
    },
  ]);
  return [
    {type: 'hello', version: 1},
    {
      type: 'run.started',
      pid: 1,
      host: 'ops1',
      processStart: '1',
      runId: '20261121-140000-abcdef',
      kind: 'sync',
      relationship: 'staging-production',
      profile: 'Templates',
      direction: 'upload',
      by: 'anna',
      startedAt: at,
    },
    ...phases,
    {type: 'run.message', at, level: 'warn', text: 'a clock is 12 s off'},
    {type: 'run.finished', at, ...summary, runId: '20261121-140000-abcdef', status: 'success'},
  ];
}

const fakeBackup: BackupDescription = {
  name: 'content20261120020000000.lockstep.bak',
  at: '2026-11-20T02:00:00.000Z',
  bytes: 1_200_000,
  by: 'anna',
  runId: '20261120-020000-abcdef',
  state: 'good',
};

/** An engine without servers: what it is told changes its world, what it did stands in `calls`. */
export function fakeEngine(world: FakeWorld): Engine {
  const checkOf = (server: ServerEntry): ServerCheck =>
    server.name.startsWith('dev')
      ? {
          server: server.name,
          kind: 'unreachable',
          detail: 'Nothing answers at dev.example.com:8732.',
          hint: 'Is the agent running there?',
        }
      : {
          server: server.name,
          kind: 'ok',
          detail: 'identity and certificate are as pinned',
          clockSkewMs: 1200,
          version: '0.1.0',
          role: 'admin',
          sites: server.sites.map(name => ({
            name,
            version: '7.6.6',
            staging: server.name === 'staging',
            allowForceInitial: false,
            engine: 'sqlite',
            groups: defaultItemGroups,
          })),
        };
  const did = (call: string) => {
    world.calls.push(call);
  };
  const preview = (relationship: string, profile: string): PreviewResult => ({
    relationship,
    profile,
    plan: world.plan,
    takenAt: '2026-11-21T14:02:00Z',
    firstRun: false,
    revision: '1',
    adoptsLineage: false,
    ...(world.refusal === undefined ? {} : {refusal: world.refusal}),
  });
  return {
    home: '/home/anna/.lockstep',
    watch: onChange => {
      world.changed = onChange;
      return () => {
        delete world.changed;
      };
    },
    packages: fakePackages(world),
    rollouts: fakeRolloutVerbs(world),
    releases: fakeReleaseVerbs(world),
    trust: fakeTrust(world),
    settings: {
      read: async () => world.settings,
      change: async changes => {
        world.settings = {...world.settings, ...changes};
        did(`settings ${JSON.stringify(changes)}`);
        return world.settings;
      },
      facts: async () => ({
        home: '/home/anna/.lockstep',
        state: {path: '/home/anna/.lockstep/state.json', bytes: 4100, version: 1},
        settings: '/home/anna/.lockstep/settings.json',
        runs: {count: world.runs.length, bytes: 1_900_000},
        rollouts: {count: 0, bytes: 0},
        plans: {count: 3, bytes: 2_504_104},
      }),
    },
    plans: {
      list: async () => [
        {
          file: '/home/anna/.lockstep/plans/staging-1.json',
          sizeBytes: 4100,
          savedAt: '2026-11-21T14:00:00Z',
          relationship: 'staging-production',
          profile: 'Templates',
          takenAt: '2026-11-21T13:59:00Z',
          counts: world.plan.counts,
        },
        {
          file: '/home/anna/.lockstep/plans/staging-2.json',
          sizeBytes: 2_500_000,
          savedAt: '2026-11-20T14:00:00Z',
          relationship: 'staging-production',
          profile: 'Members back',
          takenAt: '2026-11-20T13:59:00Z',
          counts: world.plan.counts,
          usedBy: '20261121-131503-w2w2w2',
        },
        {
          file: '/home/anna/.lockstep/plans/notes.json',
          sizeBytes: 4,
          savedAt: '2026-11-19T14:00:00Z',
          problem: 'It is no plan.',
        },
      ],
      open: async () => preview('staging-production', 'Templates'),
      delete: async files => did(`delete plans ${files.map(file => file.split('/').at(-1)).join(' ')}`),
    },
    browse: {
      files: async (_site, folder) => {
        if (folder === 'gone') throw new OperatorError('NOT_FOUND', 'There is no folder gone in the site.');
        const at = (path: string) => (folder === '' ? path : `${folder}/${path}`);
        return {
          entries: [
            {path: at('uploadedimages'), kind: 'folder', size: 0, mtime: '2026-11-21T13:00:00Z'},
            {path: at('hero\u202e.jpg'), kind: 'file', size: 1_887_437, mtime: '2026-11-21T13:00:00Z'},
            {path: at('pipe'), kind: 'special', size: 0, mtime: '2026-11-21T13:00:00Z'},
            {path: at('index.html'), kind: 'file', size: 412, mtime: '2026-11-21T13:00:00Z'},
          ],
          more: false,
        };
      },
      content: async (_site, folder) => ({
        entries: [
          {kind: 'folder', table: 'folders', key: ['366'], title: 'Fairs'},
          {
            kind: 'content',
            table: 'content',
            key: [folder === undefined ? '1042' : '1043'],
            title: 'Spring fair',
          },
          {kind: 'content', table: 'content', key: ['7', 'de']},
        ],
        more: folder !== undefined,
      }),
    },
    backups: {
      list: async () => ({folder: '/var/backups', backups: [fakeBackup]}),
      create: async ({server, site}) => {
        did(`backup ${server}/${site}`);
        if (site !== 'main') throw new OperatorError('BACKUP_TOOL_MISSING', 'pg_dump is not on PATH.');
        return fakeBackup;
      },
      restore: async ({server, site}, name) => {
        did(`restore ${server}/${site} ${name}`);
        return {before: fakeBackup};
      },
    },
    scheduler: {run: async () => {}, tick: async () => [], next: async () => [...world.schedule]},
    servers: {
      list: async () => [...world.servers],
      add: async (invitation, name) => {
        did(`add ${invitation}`);
        if (invitation.includes('bad'))
          throw new OperatorError('INVITATION_REFUSED', 'The invitation has been used.', {
            hint: 'Make a new one.',
          });
        const entry: ServerEntry = {
          name: name ?? 'added',
          url: 'https://added.example.com:8732',
          fingerprint: 'f'.repeat(64),
          role: 'admin',
          addedAt: '2026-11-21T14:00:00Z',
          sites: ['shop'],
        };
        world.servers = [...world.servers, entry];
        return entry;
      },
      check: async name =>
        world.servers.filter(server => name === undefined || server.name === name).map(checkOf),
      rename: async (name, to) => {
        did(`rename ${name} ${to}`);
      },
      remove: async name => {
        did(`remove ${name}`);
        world.servers = world.servers.filter(server => server.name !== name);
      },
      trust: async () => world.servers[0]!,
      agent: async () => ({version: '1.0.0', consoleVersion: '1.1.0', older: true, allowed: true}),
      updateAgent: async (name, {onStatus} = {}) => {
        did(`update the agent of ${name}`);
        onStatus?.(fakeAgentUpdate);
        return fakeAgentUpdate;
      },
    },
    lives: {
      list: async () => [...world.lives],
      create: async definition => {
        did(`create live ${JSON.stringify(definition)}`);
        const {servers, ...rest} = definition;
        const made = {
          ...rest,
          servers: typeof servers === 'string' ? [] : servers,
          createdAt: '2026-11-21T14:00:00Z',
        };
        world.lives = [...world.lives, made];
        return made;
      },
      edit: async (name, changes) => {
        did(`edit live ${name} ${JSON.stringify(changes)}`);
        return world.lives[0]!;
      },
      delete: async name => {
        did(`delete live ${name}`);
        world.lives = [];
        return {untold: []};
      },
      run: async name => {
        did(`run live ${name}`);
        return {runId: '20261121-140000-bbbbbb'};
      },
      preview: async (name): Promise<LivePreview> => ({
        live: name,
        phases: [
          {
            phase: 'rights-push' as const,
            servers: [{server: 'production/main', counts: {...world.plan.counts, conflicts: 1}}],
          },
          {
            phase: 'tenant-push' as const,
            tenant: 'desktop',
            servers: [{server: 'production/main', counts: world.plan.counts}],
          },
        ],
        missing: [{member: 'dev/main', error: {code: 'UNREACHABLE', message: 'It did not answer.'}}],
      }),
    },
    clusters: {
      list: async () => [...world.clusters],
      create: async entry => {
        did(`create cluster ${JSON.stringify(entry)}`);
        const made = {...entry, createdAt: '2026-11-21T14:00:00Z', usedBy: []};
        world.clusters = [...world.clusters, made];
        return made;
      },
      edit: async (name, changes) => {
        did(`edit cluster ${name} ${JSON.stringify(changes)}`);
        return world.clusters.find(cluster => cluster.name === name)!;
      },
      delete: async name => {
        did(`delete cluster ${name}`);
        world.clusters = world.clusters.filter(cluster => cluster.name !== name);
      },
    },
    relationships: {
      list: async () => [...world.relationships],
      create: async entry => {
        did(`relationship ${JSON.stringify(entry)}`);
        const remote =
          typeof entry.remote === 'string'
            ? world.clusters.find(cluster => cluster.name === entry.remote)!.members[0]!
            : entry.remote;
        const made = {...entry, remote, createdAt: '2026-11-21T14:00:00Z'};
        world.relationships = [...world.relationships, made];
        return made;
      },
      test: async () => [
        {from: 'this console', to: 'staging/main', detail: 'staging answers, role admin'},
        {
          from: 'staging',
          to: 'production/main',
          detail: 'refused',
          error: {
            code: 'IDENTITY_REFUSED',
            message: 'production does not know staging.',
            hint: 'Look at t there.',
          },
        },
      ],
      delete: async name => {
        did(`delete ${name}`);
        return {untold: []};
      },
    },
    profiles: {
      list: async () => [...world.profiles],
      create: async profile => {
        did(`create ${JSON.stringify(profile)}`);
        world.profiles = [...world.profiles, profile];
      },
      edit: async (relationship, name, changes) => {
        did(`edit ${relationship}/${name} ${JSON.stringify(changes)}`);
        return world.profiles.find(profile => profile.name === name)!;
      },
      copy: async (_relationship, name) => world.profiles.find(profile => profile.name === name)!,
      delete: async (relationship, name) => did(`delete ${relationship}/${name}`),
    },
    preview: async (relationship, profile) => preview(relationship, profile),
    previewInitialSync: async relationship => preview(relationship, 'Default DB profile1'),
    show: async (_relationship, plan, actionId) => {
      const item = plan.actions.find(action => action.id === actionId)?.item;
      return item?.type === 'row'
        ? {
            local: {type: 'row', columns: {id: '1042', title: 'Spring fair', body: 'x'}},
            remote: {type: 'row', columns: {id: '1042', title: 'Winter fair', body: 'x'}},
          }
        : {local: {type: 'text', text: 'one\ntwo\nthree\n'}, remote: {type: 'text', text: 'one\n2\nthree\n'}};
    },
    describe: async (_relationship, plan, ids) =>
      plan.actions.flatMap(action =>
        ids.includes(action.id) && action.item.type === 'row'
          ? [
              {
                id: action.id,
                title: 'Spring fair',
                changed: [{column: 'title', local: 'Spring fair', remote: 'Winter fair'}],
              },
            ]
          : [],
      ),
    doctor: async () => [
      {name: 'Node.js', result: 'ok', detail: '24.15.0 on linux'},
      {
        name: 'server dev-日本',
        result: 'fail',
        detail: 'unreachable: Nothing answers at dev.example.com:8732.',
        hint: 'Is the agent running there?',
      },
      {
        name: 'relationship dev-staging',
        result: 'warn',
        detail: 'no initial sync yet, 0 profiles',
        hint: 'lockstep relationship initial-sync dev-staging',
      },
    ],
    savePlan: async (_preview, file) => did(`savePlan ${file}`),
    history: {
      list: async function* (address, {runId} = {}) {
        for (const [index, path] of ['content/fair.html', 'bin/\u202eevil', 'assets/hero.jpg'].entries())
          yield {
            ...{
              id: `f${9 - index}`,
              runId: runId ?? '20261121-130000-abcdef',
              at: '2026-11-21T13:00:00.000Z',
            },
            ...{side: address.server === 'production' ? 'remote' : 'local', item: {type: 'file', path}},
            ...{action: index === 2 ? 'create' : 'update', restorable: index < 2},
          };
      },
      restore: async (_address, entries) => {
        did(`restore ${JSON.stringify(entries)}`);
        return {runId: '20261121-140000-abcdef'};
      },
      previewRestore: async () => preview('pair', 'restore'),
    },
    collisions: {
      list: async () => [...world.collisions],
      review: async (ids, {email}) => {
        did(`review ${ids.join(' ')}${email ? ' by mail' : ''}`);
        world.collisions = world.collisions.map(entry =>
          ids.includes(entry.id) ? {...entry, reviewed: true} : entry,
        );
        return ids.map(id => ({id, reviewed: true}));
      },
    },
    runs: {
      start: async request => {
        did(`start ${JSON.stringify(request)}`);
        return {runId: '20261121-140000-abcdef'};
      },
      watch: async function* (_runId, options) {
        for (const event of world.events) {
          if (world.paceMs > 0) await new Promise(resolve => setTimeout(resolve, world.paceMs));
          yield event;
        }
        if (world.endless) await new Promise(resolve => options?.signal?.addEventListener('abort', resolve));
      },
      cancel: async runId => did(`cancel ${runId}`),
      undo: async runId => {
        did(`undo ${runId}`);
        return {runId: '20261121-140000-abcdef'};
      },
      redo: async runId => {
        did(`redo ${runId}`);
        return {runId: '20261121-140000-abcdef'};
      },
      previewUndo: async () => preview('pair', 'undo'),
      previewRedo: async () => preview('pair', 'redo'),
      list: async () => [...world.runs],
      show: async runId => ({
        ...(world.runs.find(run => run.runId === runId) ?? world.runs[0]!),
        items: world.items,
        afterSync: [],
        warnings: [],
      }),
    },
  };
}

function fakeTrust(world: FakeWorld): TrustVerbs {
  const own = {
    fingerprint: 'c'.repeat(64),
    name: 'anna@ops1',
    notAfter: '2046-11-01T10:00:00Z',
    path: '/home/anna/.lockstep/certificate.pem',
  };
  const peers = ['anna@ops1', 'production', 'ben@ops2'].map((name, index) => ({
    fingerprint: index === 0 ? own.fingerprint : String(index + 4).repeat(64),
    name,
    role: (['admin', 'peer', 'view'] as const)[index]!,
    sites: index === 1 ? ['main'] : [],
    addedAt: '2026-11-01T10:00:00Z',
    own: index === 0,
  }));
  const entries = Array.from({length: 120}, (_, index): AuditEntry => {
    const seq = 120 - index;
    const refused = seq % 10 === 0;
    return {
      seq,
      at: '2026-11-21T13:00:00.000Z',
      kind: refused ? 'refusal' : 'call',
      what: 'PUT /v1/sites/main/lease',
      address: '10.0.0.7',
      caller: {fingerprint: own.fingerprint, name: 'anna@ops1', role: 'admin'},
      ...(refused ? {code: 'SITE_BUSY', detail: 'main is being synchronised.'} : {}),
    };
  });
  return {
    own: async () => own,
    async regenerateOwn() {
      world.calls.push('regenerate');
      return own;
    },
    async export(file, server) {
      world.calls.push(`export ${file} ${server ?? 'own'}`);
      return {path: file, fingerprint: own.fingerprint};
    },
    peers: async () => peers,
    async pin(server, file, {role}) {
      world.calls.push(`pin ${server} ${file} ${role}`);
      if (file === '/nothing') throw new OperatorError('USAGE', '/nothing cannot be read.');
      return peers[2]!;
    },
    async pinServer(file, {name, url}) {
      world.calls.push(`pin server ${file} ${name} ${url}`);
      return world.servers[0]!;
    },
    async revoke(server, fingerprint) {
      world.calls.push(`revoke ${server} ${fingerprint.slice(0, 4)}`);
      return peers.find(peer => peer.fingerprint === fingerprint)!;
    },
    async invite(server, {role, ttlMs}) {
      world.calls.push(`invite ${server} ${role} ${ttlMs}`);
      return {
        invitation: `lockstep:${server}.example.com:8732?${'s'.repeat(100)}`,
        expiresAt: '2026-11-21T14:17:11Z',
      };
    },
    async audit(_server, {limit = 100, before = Number.POSITIVE_INFINITY, verify = false} = {}) {
      const older = entries.filter(({seq}) => seq < before);
      return {
        entries: older.slice(0, limit),
        more: older.length > limit,
        ...(verify ? {verdict: {kind: 'whole' as const, entries: 120}} : {}),
      };
    },
  };
}

function fakePackages(world: FakeWorld): PackageVerbs {
  const did = (call: string) => void world.calls.push(call);
  const find = (name: string) => world.packages.find(entry => entry.name === name)!;
  const changed = (name: string, changes: Partial<PackageEntry>): PackageEntry => {
    const entry = {...find(name), ...changes};
    world.packages = world.packages.map(other => (other.name === name ? entry : other));
    return entry;
  };
  return {
    files: async () => [...world.files],
    async importFile(_site, {path, name}) {
      did(`import ${path}`);
      const file = {...world.files[0]!, name: name ?? path};
      world.files = [...world.files, file];
      return file;
    },
    async deleteFile(_site, name) {
      did(`delete file ${name}`);
      world.files = world.files.filter(file => file.name !== name);
    },
    async list() {
      const {expired} = world;
      world.expired = [];
      world.packages = world.packages.filter(entry => !expired.includes(entry.name));
      return {packages: [...world.packages], expired};
    },
    show: async (_site, name) => find(name),
    async create(_site, name, attributes) {
      did(`create package ${name} ${JSON.stringify(attributes)}`);
      const entry: PackageEntry = {
        name,
        createdAt: '2026-11-21T14:00:00Z',
        by: 'anna',
        attributes,
        files: [],
        state: 'empty',
      };
      world.packages = [...world.packages, entry];
      return entry;
    },
    async edit(_site, name, changes) {
      did(`edit package ${name} ${JSON.stringify(changes)}`);
      return find(name);
    },
    async assign(_site, name, {add, remove}) {
      did(`assign ${name} +${add.join(',')} -${remove.join(',')}`);
      const files = find(name).files.filter(file => !remove.includes(file));
      return changed(name, {files: [...files, ...add], state: 'ready'});
    },
    async rebuild(_site, name) {
      did(`rebuild ${name}`);
      return changed(name, {state: 'ready'});
    },
    async delete(_site, name) {
      did(`delete package ${name}`);
      world.packages = world.packages.filter(entry => entry.name !== name);
    },
    async link(_site, name, ttlMs) {
      did(`link ${name} ${ttlMs}`);
      const url = `https://web.example.com:8732/v1/sites/main/packages/${name}/download?until=1795000000&by=anna&signature=${'Ab9_'.repeat(22)}`;
      return {url, expiresAt: '2026-11-22T14:00:00Z'};
    },
    async fetch(_site, name, to) {
      did(`fetch ${name} ${to}`);
      return {path: to, sizeBytes: 2_500_000, sha256: '1'.repeat(64)};
    },
  };
}

/** A console that has just been installed: every list is empty. */
export function emptyWorld(): FakeWorld {
  const world = fakeWorld();
  const lists = Object.entries(world).filter(([name, value]) => Array.isArray(value) && name !== 'calls');
  return Object.assign(world, Object.fromEntries(lists.map(([name]) => [name, []])), {
    plan: {...world.plan, actions: []},
  });
}

const fakeAgentUpdate: UpdateStatus = {
  id: '20261121-140000-aaaaaa',
  site: '@agent',
  state: 'done',
  step: 'notify',
  track: 'forward',
  from: '1.0.0',
  to: '1.1.0',
  by: 'somebody',
  startedAt: '2026-11-21T14:00:00Z',
  steps: [],
  warnings: [],
  committed: true,
  abort: 'refused',
  canRollBack: true,
  mail: 'none',
};
