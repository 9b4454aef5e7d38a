import type {RolloutServer} from '../core/rollout-event.js';
import type {RolloutCheck, RolloutEntry, RolloutVerbs} from '../engine/rollouts/rollout-verbs.js';
import type {CommandContext} from './command-context.js';
import {formatDuration, formatTime, printable} from './format.js';
import {lookOfRollout} from './rollout-line.js';

/** All rollouts in a table. */
export async function showRollouts(
  {options, output}: CommandContext,
  rollouts: readonly RolloutEntry[],
): Promise<void> {
  if (options.json) return output.document({rollouts});
  if (rollouts.length === 0)
    return output.tell(
      'No rollouts yet. `lockstep rollout create NAME --release NAME-VERSION --servers …` makes one.',
    );
  const {renderTable} = await import('./table.js');
  output.print(
    renderTable(
      [
        {title: 'NAME'},
        {title: 'RELEASE'},
        {title: 'STATUS'},
        {title: 'SERVERS', align: 'right'},
        {title: 'DONE', align: 'right'},
        {title: 'FAILED', align: 'right'},
        {title: 'STARTED (UTC)'},
        {title: 'BY'},
      ],
      rollouts.map(entry => [
        printable(entry.name),
        printable(entry.release),
        lookOfRollout(entry.status, output),
        String(entry.servers.length),
        String(entry.servers.filter(({state}) => state === 'done').length),
        String(entry.failures),
        entry.startedAt === undefined ? '-' : formatTime(entry.startedAt),
        printable(entry.startedBy ?? entry.createdBy),
      ]),
    ),
  );
}

/** One rollout: how it stands, its servers by wave, its checklist. */
export async function showRollout(
  {options, output}: CommandContext,
  entry: RolloutEntry,
  what?: string,
): Promise<void> {
  if (options.json) return output.document(entry);
  if (what !== undefined) output.print(printable(`${what} ${entry.name}`));
  const {renderFacts, renderTable} = await import('./table.js');
  output.print(renderFacts(factsOf(entry)));
  output.print(
    `\n${renderTable(
      [
        {title: 'WAVE'},
        {title: 'SERVER'},
        {title: 'STATE'},
        {title: 'FROM'},
        {title: 'TO'},
        {title: 'TOOK', align: 'right'},
        {title: 'REMARK'},
      ],
      entry.servers.map(server => rowOf(server, entry.waves)),
    )}`,
  );
  output.print('');
  for (const {state, text, number, by, at, detail} of entry.checklist)
    output.print(
      printable(
        `${state === 'done' ? '[x]' : state === 'failed' ? '[!]' : '[ ]'} ${number === undefined ? '' : `${number}. `}${text}${
          detail === undefined ? '' : `  ${detail}`
        }${by === undefined ? '' : `  ${by} ${at === undefined ? '' : `${formatTime(at)} UTC`}`}`,
      ),
    );
}

function factsOf(entry: RolloutEntry): [string, string][] {
  const {gates, approvers, fourEyes, window, dueAt, lockId, mailTo} = entry;
  return [
    ['name', entry.name],
    ['release', entry.release],
    ['status', entry.reason === undefined ? entry.status : `${entry.status}: ${entry.reason}`],
    ['waves', entry.waves.map(({name, text}) => (name === text ? name : `${name} (${text})`)).join(', ')],
    [
      'at a time',
      `${entry.concurrency} servers, ${entry.failures} of ${entry.failuresAllowed} allowed failures`,
    ],
    ...(entry.bakeMs === 0 ? [] : [['bake time', formatDuration(entry.bakeMs)] as [string, string]]),
    ...(gates.length === 0
      ? []
      : [
          [
            'gates',
            `before wave ${gates.join(', ')}${approvers.length === 0 ? '' : `; approved by ${approvers.join(', ')}`}${fourEyes ? '; not by whoever created or started it' : ''}`,
          ] as [string, string],
        ]),
    ...(window === undefined
      ? []
      : [['window', entry.scheduled ? `${window}, started by the scheduler` : window] as [string, string]]),
    ...(dueAt === undefined ? [] : [['due', `${formatTime(dueAt)} UTC`] as [string, string]]),
    ...(mailTo === undefined ? [] : [['mail', mailTo] as [string, string]]),
    ['created', `${formatTime(entry.createdAt)} UTC by ${entry.createdBy}`],
    ...(entry.startedAt === undefined
      ? []
      : [['started', `${formatTime(entry.startedAt)} UTC by ${entry.startedBy}`] as [string, string]]),
    ...(entry.endedAt === undefined
      ? []
      : [['ended', `${formatTime(entry.endedAt)} UTC`] as [string, string]]),
    ...(entry.status === 'planned' || lockId === undefined ? [] : [['lock', lockId] as [string, string]]),
  ];
}

function rowOf(server: RolloutServer, waves: RolloutEntry['waves']): string[] {
  const {startedAt, endedAt, state, step, detail, error} = server;
  const took =
    startedAt === undefined || endedAt === undefined
      ? '-'
      : formatDuration(Date.parse(endedAt) - Date.parse(startedAt));
  return [
    waves[server.wave - 1]?.name ?? String(server.wave),
    `${server.server}/${server.site}`,
    state === 'running' && step !== undefined ? `running: ${step}` : state,
    server.from ?? '-',
    server.to,
    took,
    error?.message ?? detail ?? '',
  ].map(printable);
}

/** The preflight of every server. Resolves with the exit status: 8 when one would be refused. */
export async function showChecks(
  {options, output}: CommandContext,
  name: string,
  checks: readonly RolloutCheck[],
): Promise<number> {
  const passed = checks.every(({report}) => report?.passed === true);
  const exitCode = passed ? 0 : 8;
  if (options.json) {
    output.document({
      rollout: name,
      passed,
      servers: checks.map(({report, ...check}) => ({...check, passed: report?.passed === true, ...report})),
    });
    return exitCode;
  }
  for (const {server, site, report, error} of checks) {
    const address = printable(`${server}/${site}`);
    if (error !== undefined) {
      output.print(`fail  ${address}  ${printable(`${error.code}: ${error.message}`)}`);
      if (error.hint !== undefined) output.print(`        ${printable(error.hint)}`);
      continue;
    }
    if (report === undefined) continue;
    output.print(
      `${report.passed ? 'ok  ' : 'fail'}  ${address}  ${printable(report.from)} → ${printable(report.to ?? '?')}  at most ${formatDuration(report.worstCaseMs)}`,
    );
    for (const {outcome, message, remedy} of report.checks)
      if (outcome !== 'passed') {
        output.print(`  ${outcome === 'failed' ? 'fail' : 'warn'}  ${printable(message)}`);
        if (remedy !== undefined) output.print(`        ${printable(remedy)}`);
      }
  }
  return exitCode;
}

/** The steps of one server's update, and what its agent noted. */
export async function showUpdateJournal(
  {output}: CommandContext,
  {status, events}: Awaited<ReturnType<RolloutVerbs['journal']>>,
): Promise<void> {
  const {renderTable} = await import('./table.js');
  output.print(
    renderTable(
      [
        {title: 'STEP'},
        {title: 'STATE'},
        {title: 'STARTED (UTC)'},
        {title: 'TOOK', align: 'right'},
        {title: 'WHAT'},
      ],
      status.steps.map(step =>
        [
          step.step,
          step.state,
          formatTime(step.startedAt),
          step.durationMs === undefined ? '-' : formatDuration(step.durationMs),
          step.error?.message ?? step.detail ?? step.title,
        ].map(printable),
      ),
    ),
  );
  output.print(
    `\n${printable(`${status.state}${status.nextStep === undefined ? '' : `: ${status.nextStep}`}`)}`,
  );
  for (const {at, type, step, detail, error} of events)
    if (type === 'note' || type === 'track')
      output.print(
        printable(`${formatTime(at)}  ${step}  ${detail ?? `it turns back: ${error?.message ?? ''}`}`),
      );
}
