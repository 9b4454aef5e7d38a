import type {RolloutServer} from './rollout-event.js';
import {stepsOf, type UpdateStepName} from './update-steps.js';

/** One line of the checklist of a rollout (U16). Times are ISO 8601 in UTC. */
export type ChecklistItem = {
  readonly kind: 'automatic' | 'own';
  /** Of an own item, from 1: what `rollout tick` takes. */
  readonly number?: number;
  readonly text: string;
  readonly state: 'open' | 'done' | 'failed';
  /** The wave that it belongs to, or that waits for it. */
  readonly wave?: number;
  /** Who ticked or approved it. */
  readonly by?: string;
  readonly at?: string;
  readonly detail?: string;
};

/** What a checklist is made from. */
export type ChecklistSource = {
  readonly waves: readonly {readonly name: string}[];
  readonly servers: readonly RolloutServer[];
  readonly gates: readonly number[];
  readonly approvals: readonly {readonly wave: number; readonly by: string; readonly at: string}[];
  readonly items: readonly {
    readonly text: string;
    readonly before?: number;
    readonly tickedBy?: string;
    readonly tickedAt?: string;
  }[];
};

/** The steps of an update that a person wants to see ticked off; the others are in the server's journal. */
const milestones: readonly UpdateStepName[] = [
  'preflight',
  'verify',
  'backup',
  'health',
  'commit',
  'clean-up',
];

/**
 * The checklist of a rollout in the order in which it is worked through: for each wave the operator's own items that it
 * waits for, its gate, and the steps of its servers; then the operator's items that nothing waits for.
 */
export function checklistOf({waves, servers, gates, approvals, items}: ChecklistSource): ChecklistItem[] {
  const own = items.map(
    ({text, before, tickedBy, tickedAt}, index): ChecklistItem => ({
      kind: 'own',
      number: index + 1,
      text,
      state: tickedAt === undefined ? 'open' : 'done',
      ...(before === undefined ? {} : {wave: before}),
      ...(tickedBy === undefined ? {} : {by: tickedBy}),
      ...(tickedAt === undefined ? {} : {at: tickedAt}),
    }),
  );
  const ofWaves = waves.flatMap(({name}, index) => {
    const wave = index + 1;
    const approval = approvals.find(approved => approved.wave === wave);
    const gate: ChecklistItem = {
      kind: 'automatic',
      text: `Approval of ${name}`,
      state: approval === undefined ? 'open' : 'done',
      wave,
      ...(approval === undefined ? {} : {by: approval.by, at: approval.at}),
    };
    return [
      ...own.filter(item => item.wave === wave),
      ...(gates.includes(wave) ? [gate] : []),
      ...stepItems(
        servers.filter(server => server.wave === wave),
        wave,
        name,
      ),
    ];
  });
  return [...ofWaves, ...own.filter(item => item.wave === undefined || item.wave > waves.length)];
}

function stepItems(servers: readonly RolloutServer[], wave: number, name: string): ChecklistItem[] {
  const steps = stepsOf('forward');
  const isSettled = ({state}: RolloutServer) => state !== 'waiting' && state !== 'running';
  return milestones.map(milestone => {
    const at = steps.findIndex(step => step.name === milestone);
    const skipped = servers.filter(server => server.skipped?.includes(milestone) === true);
    const passed = servers.filter(
      server =>
        !skipped.includes(server) &&
        (server.state === 'done' || steps.findIndex(one => one.name === server.step) > at),
    );
    const left = servers.filter(server => !passed.includes(server) && !skipped.includes(server));
    return {
      kind: 'automatic',
      text: `${name}: ${steps[at]?.title}`,
      // A step that a server leaves out has not been done there, and nobody is to believe it.
      state:
        passed.length === servers.length
          ? 'done'
          : left.length > 0 && left.every(isSettled)
            ? 'failed'
            : 'open',
      wave,
      detail: `${passed.length} of ${servers.length} ${servers.length === 1 ? 'server' : 'servers'}${
        skipped.length === 0 ? '' : `, left out on ${skipped.length}`
      }`,
    };
  });
}

/** What is written over a checklist that leaves the console. */
export type ChecklistHead = {
  readonly name: string;
  readonly release: string;
  readonly status: string;
  readonly reason?: string;
  readonly createdBy: string;
  readonly startedBy?: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
};

/** The checklist and the servers as Markdown (U16). */
export function checklistMarkdown(
  head: ChecklistHead,
  items: readonly ChecklistItem[],
  servers: readonly RolloutServer[],
): string {
  const facts: [string, string | undefined][] = [
    ['Release', head.release],
    ['Status', head.reason === undefined ? head.status : `${head.status}: ${head.reason}`],
    ['Created by', head.createdBy],
    ['Started', head.startedAt && `${readable(head.startedAt)} by ${head.startedBy}`],
    ['Ended', head.endedAt && readable(head.endedAt)],
  ];
  return [
    `# Rollout ${inline(head.name)}`,
    '',
    ...facts.flatMap(([title, value]) => (value === undefined ? [] : [`- ${title}: ${inline(value)}`])),
    '',
    '## Checklist',
    '',
    ...items.map(markdownItem),
    '',
    '## Servers',
    '',
    '| Wave | Server | State | From | To | Started | Ended | Remark |',
    '|---|---|---|---|---|---|---|---|',
    ...servers.map(
      server =>
        `| ${[
          String(server.wave),
          `${server.server}/${server.site}`,
          server.state,
          server.from ?? '',
          server.to,
          server.startedAt === undefined ? '' : readable(server.startedAt),
          server.endedAt === undefined ? '' : readable(server.endedAt),
          server.error?.message ?? '',
        ]
          .map(inline)
          .join(' | ')} |`,
    ),
    '',
  ].join('\n');
}

function markdownItem({state, text, by, at, detail}: ChecklistItem): string {
  const notes = [
    ...(state === 'failed' ? ['**failed**'] : []),
    ...(detail === undefined ? [] : [inline(detail)]),
    ...(by === undefined ? [] : [inline(at === undefined ? by : `${by}, ${readable(at)}`)]),
  ];
  return `- [${state === 'done' ? 'x' : ' '}] ${inline(text)}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}`;
}

/** `2026-12-05 21:00 UTC` */
function readable(moment: string): string {
  return `${moment.slice(0, 10)} ${moment.slice(11, 16)} UTC`;
}

/** Text from people and agents that must neither break a line nor begin markup. */
function inline(text: string): string {
  return text
    .replaceAll(/\p{C}+/gu, ' ')
    .replaceAll(/([\\|`*_<>[\]])/g, '\\$1')
    .trim();
}
