import {access, constants, stat} from 'node:fs/promises';
import path from 'node:path';
import {countOf} from '../core/count-of.js';
import {dueStart, handledUntil} from '../core/due-start.js';
import {asOperatorError} from '../core/operator-error.js';
import {maxClockSkewMs, versionText} from '../core/preconditions.js';
import {parseSchedule} from '../core/schedule.js';
import {skewSeconds} from '../core/skew-seconds.js';
import type {State} from '../state/state.js';
import {addressText} from './connect-sites.js';
import type {DoctorCheck, Engine, ServerCheck} from './engine.js';
import type {EngineContext} from './engine-context.js';
import {membersOf} from './members.js';
import {nextStarts} from './scheduler/next-starts.js';
import {nameOfStarter, startersOf} from './scheduler/schedules.js';
import {dueRollouts} from './scheduler/start-rollouts.js';

/** A start that nobody has dealt with for so long will not be, milliseconds. */
const overdueMs = 3_600_000;

/** Looks at everything that a run needs, changes nothing, and says what to do about what is wrong. */
export async function examine(
  context: EngineContext,
  engine: Pick<Engine, 'servers' | 'runs' | 'collisions'>,
): Promise<DoctorCheck[]> {
  const checks: DoctorCheck[] = [
    {name: 'Node.js', result: 'ok', detail: `${process.versions.node} on ${process.platform}`},
    await checkHome(context.home),
    await checkIdentity(context),
  ];
  let state: State;
  try {
    state = await context.state.read();
  } catch (thrown) {
    return [...checks, fail('state', thrown)];
  }
  checks.push({
    name: 'state',
    result: 'ok',
    detail: `${countOf(state.servers.length, 'server')}, ${countOf(state.relationships.length, 'relationship')}, ${countOf(state.profiles.length, 'profile')}`,
  });
  const servers = await engine.servers.check();
  checks.push(...servers.map(checkOfServer));
  for (const {server, warnings = [], databaseFailures = []} of servers) {
    for (const {site, ...failure} of databaseFailures)
      checks.push({name: `database of ${server}/${site}`, result: 'fail', ...failure});
    for (const warning of warnings)
      checks.push({name: `database of ${server}`, result: 'warn', detail: warning});
  }
  for (const relationship of state.relationships)
    checks.push(...checksOfRelationship(relationship, servers, state));
  checks.push(...checkSchedules(state), await checkRuns(engine), ...(await checkCollisions(engine)));
  return checks;
}

async function checkHome(home: string): Promise<DoctorCheck> {
  try {
    await access(home, constants.R_OK | constants.W_OK);
    return {name: 'home', result: 'ok', detail: home};
  } catch (thrown) {
    return {...fail('home', thrown), hint: 'Name a folder that you may write with --home.'};
  }
}

async function checkIdentity(context: EngineContext): Promise<DoctorCheck> {
  try {
    const {fingerprint, path: certificate} = await context.identity();
    const key = path.join(path.dirname(certificate), 'key.pem');
    const mode = (await stat(key)).mode & 0o777;
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      return {
        name: 'identity',
        result: 'fail',
        detail: `${key} can be read by others (mode ${mode.toString(8)})`,
        hint: `chmod 600 ${key}, or make new keys with \`lockstep cert regenerate\` if somebody may have read it.`,
      };
    return {name: 'identity', result: 'ok', detail: fingerprint};
  } catch (thrown) {
    return fail('identity', thrown);
  }
}

function checkOfServer(check: ServerCheck): DoctorCheck {
  const name = `server ${check.server}`;
  if (check.kind !== 'ok')
    return {
      name,
      result: 'fail',
      detail: `${check.kind}: ${check.detail}`,
      ...(check.hint === undefined ? {} : {hint: check.hint}),
    };
  const skewMs = check.clockSkewMs ?? 0;
  const clock = `clock ${skewSeconds(skewMs)} s off`;
  if (Math.abs(skewMs) > maxClockSkewMs)
    return {name, result: 'fail', detail: clock, hint: 'Set the clocks (NTP); up to 5 minutes are allowed.'};
  if (check.role === 'view')
    return {
      name,
      result: 'warn',
      detail: `this console may only look (role view); ${clock}`,
      hint: 'To run, pair again with an invitation of the role operate or admin.',
    };
  if (check.olderThan !== undefined)
    return {
      name,
      result: 'warn',
      detail: `its agent is version ${check.version}, older than this console (${check.olderThan}); ${clock}`,
      hint: `While no run and no update is in progress there: lockstep server update ${check.server}`,
    };
  return {name, result: 'ok', detail: `${check.detail}, version ${check.version}, ${clock}`};
}

/** One line for a pair of sites, one for each member of a cluster (E23). */
function checksOfRelationship(
  relationship: State['relationships'][number],
  servers: readonly ServerCheck[],
  state: State,
): DoctorCheck[] {
  const {name, cluster} = relationship;
  return membersOf(state, relationship).map(remote => {
    const title = `relationship ${name}${cluster === undefined ? '' : ` with ${addressText(remote)}`}`;
    return checkOfPair(title, {...relationship, remote}, servers, state);
  });
}

function checkOfPair(
  title: string,
  {name, local, remote, initialSync}: State['relationships'][number],
  servers: readonly ServerCheck[],
  state: State,
): DoctorCheck {
  const [here, there] = [local, remote].map(({server, site}) =>
    servers.find(check => check.server === server)?.sites?.find(found => found.name === site),
  );
  if (here === undefined || there === undefined)
    return {
      name: title,
      result: 'fail',
      detail: 'one of its sites cannot be asked',
      hint: 'See what is said about its servers.',
    };
  if (here.version !== there.version)
    return {
      name: title,
      result: 'fail',
      detail: `the sites are of different versions: ${versionText(here.version)} and ${versionText(there.version)}`,
      hint: 'Update one of them, or correct `version` in agent.json.',
    };
  const profiles = state.profiles.filter(profile => profile.relationship === name).length;
  if (initialSync === undefined && here.engine !== null && there.engine !== null)
    return {
      name: title,
      result: 'warn',
      detail: `no initial sync yet, ${countOf(profiles, 'profile')}`,
      hint: `Unless both databases are equal: lockstep relationship initial-sync ${name}`,
    };
  if (initialSync?.pending?.includes(addressText(remote)) === true)
    return {
      name: title,
      result: 'warn',
      detail: 'it was away at the initial sync',
      hint: `The next run of a profile of ${name} makes it a mirror.`,
    };
  return {name: title, result: 'ok', detail: countOf(profiles, 'profile')};
}

/** Whether anybody starts what is scheduled. */
function checkSchedules(state: State): DoctorCheck[] {
  const nowMs = Date.now();
  const scheduled = [...startersOf(state)].filter(({entry}) => entry.schedule !== undefined);
  const rollouts = (state.rollouts ?? []).filter(({dueAt}) => dueAt !== undefined).length;
  if (scheduled.length + rollouts === 0) return [];
  const overdueProfile = scheduled.find(({entry: {schedule, scheduling}}) => {
    const handledMs = handledUntil(Date.parse(scheduling?.handled ?? ''), nowMs);
    return dueStart(parseSchedule(schedule!), handledMs || nowMs, nowMs, overdueMs)?.missed === true;
  });
  const [overdueRollout] = dueRollouts(state, nowMs - overdueMs);
  const overdue =
    overdueProfile ?? (overdueRollout && {relationship: '', profile: '', rollout: overdueRollout.name});
  if (overdue !== undefined)
    return [
      {
        name: 'schedules',
        result: 'warn',
        detail: `nobody has started ${nameOfStarter(overdue)}, which is overdue`,
        hint: 'Keep `lockstep scheduler run` running as a service, or let cron call `lockstep scheduler tick`.',
      },
    ];
  const [next] = nextStarts(state, nowMs, 1);
  const soonest = next === undefined ? 'nothing to come' : `next ${nameOfStarter(next)} at ${next.local}`;
  return [
    {
      name: 'schedules',
      result: 'ok',
      detail: `${countOf(scheduled.length + rollouts, 'schedule')}, ${soonest}`,
    },
  ];
}

async function checkRuns(engine: Pick<Engine, 'runs'>): Promise<DoctorCheck> {
  try {
    const runs = await engine.runs.list();
    const running = runs.filter(({status}) => status === 'running');
    const [last] = runs;
    if (last?.error?.code === 'RUN_DIED')
      return {
        name: 'runs',
        result: 'warn',
        detail: `the last run, ${last.runId}, died`,
        hint: `Run ${last.relationship}/${last.profile} again; nothing is left half done.`,
      };
    return {
      name: 'runs',
      result: 'ok',
      detail: `${countOf(runs.length, 'run')}, ${running.length === 0 ? 'none' : running.map(({runId}) => runId).join(', ')} in progress`,
    };
  } catch (thrown) {
    return fail('runs', thrown);
  }
}

/** Whether somebody has looked at what runs renamed (E18); nothing to say where they never did. */
async function checkCollisions(engine: Pick<Engine, 'collisions'>): Promise<DoctorCheck[]> {
  const known = await engine.collisions.list();
  if (known.length === 0) return [];
  const unreviewed = known.filter(({reviewed}) => !reviewed);
  const oldest = unreviewed.at(-1);
  if (oldest === undefined)
    return [
      {name: 'collisions', result: 'ok', detail: `${countOf(known.length, 'collision')}, all reviewed`},
    ];
  const {id, table, column, original, modified, runId} = oldest;
  return [
    {
      name: 'collisions',
      result: 'warn',
      detail: `${unreviewed.length} not reviewed; the oldest is ${id}: ${column} "${original}" of ${table} became "${modified}" in run ${runId}`,
      hint: 'See them with `lockstep collisions list`; `lockstep collisions review ID…` marks them, with --email it tells the users.',
    },
  ];
}

function fail(name: string, thrown: unknown): DoctorCheck {
  const {message, hint} = asOperatorError(thrown);
  return {name, result: 'fail', detail: message, ...(hint === undefined ? {} : {hint})};
}
