import {type LiveStage, liveStages, rightsGroup} from '../../core/live-stages.js';
import {OperatorError} from '../../core/operator-error.js';
import type {LivePhase, LivePhaseResult} from '../../core/run-event.js';
import {mergeLogs} from '../../protocol/log-endpoints.js';
import type {StoredLive} from '../../state/state.js';
import {
  closeGroup,
  connectGroup,
  endsOf,
  type Group,
  type Member,
  sharingDatabase,
} from '../connect-group.js';
import type {HistoryWork} from '../history/perform-undo.js';
import {mustMeetPreconditions} from '../make-plan.js';
import {lasting} from '../pair-work.js';
import {failed, type RunResult, type RunWork} from '../perform-run.js';
import {GroupRun, type GroupStep, type PreparedStep} from '../run-group.js';
import type {LiveJob} from '../run-job.js';
import type {Leases} from '../run-steps/hold-leases.js';
import {takeSites} from '../run-steps/take-sites.js';
import {scanSites} from '../scan-sites.js';
import {gather, spread} from '../serve-members.js';
import {asRelationship, serversOf, sharesDatabase} from './live-relationship.js';
import {liveStep} from './live-step.js';
import {recordLive, recordLogs, recordStage} from './record-live.js';

type LiveWork = HistoryWork<LiveJob>;

/**
 * A live sync (G): checks, then the rights from and to every live server, then tenant by tenant, then the logs. One
 * run with one log; a live server that fails is named and takes part no more, the others are served. Never throws.
 */
export async function performLive(work: LiveWork, live: StoredLive): Promise<RunResult> {
  const {context, log, cancel} = work;
  let group: Group | undefined;
  let leases: Leases | undefined;
  try {
    const state = await context.state.read();
    await log.phase('lease', async () => {
      const addresses = {local: live.local, members: serversOf(state, live)};
      group = await connectGroup(context, state, addresses, cancel.signal);
      leases = await takeSites(endsOf(group), work, {localOnly: true});
    });
    work.faultPoint('run.leased');
    const sharing = sharingDatabase(group!.members, sharesDatabase(state, live));
    return await new LiveRun(work, live, group!, leases!, sharing).perform();
  } catch (thrown) {
    return failed(cancel.signal.aborted ? cancel.signal.reason : thrown);
  } finally {
    await leases?.end();
    closeGroup(group);
    work.faultPoint('run.ended');
  }
}

class LiveRun {
  readonly #work: LiveWork;
  readonly #live: StoredLive;
  readonly #group: Group;
  readonly #leases: Leases;
  readonly #run: GroupRun;
  readonly #sharing: ReadonlySet<string>;
  readonly #phases: LivePhaseResult[] = [];

  constructor(work: LiveWork, live: StoredLive, group: Group, leases: Leases, sharing: ReadonlySet<string>) {
    this.#work = work;
    this.#live = live;
    this.#group = group;
    this.#leases = leases;
    this.#sharing = sharing;
    this.#run = new GroupRun(this.#runWork({}), group, leases);
  }

  async perform(): Promise<RunResult> {
    const {context, runId, cancel, log} = this.#work;
    const run = this.#run;
    const stages = liveStages(this.#group.local.site, this.#live.tenants, this.#live.extra);
    if (stages.length === 0)
      log.message(
        'warn',
        `Only logs are fetched: ${this.#live.name} has no tenants (\`lockstep live edit ${this.#live.name} --tenants NAMES\`), and database.groups in agent.json of the editorial site names no ${rightsGroup}.`,
      );
    try {
      const adopting = await this.#phase('checks', undefined, () => this.#check(stages));
      for (const prepared of adopting) await run.carryOut(prepared);
      for (const stage of stages) {
        cancel.signal.throwIfAborted();
        await this.#phase(stage.phase, stage.tenant, () => this.#serve(stage));
      }
      cancel.signal.throwIfAborted();
      await this.#phase('logs', undefined, () => this.#mergeLogs());
    } catch (error) {
      if (!run.changed)
        return {...failed(cancel.signal.aborted ? cancel.signal.reason : error), phases: this.#phases};
      const {status, error: document} = failed(cancel.signal.aborted ? cancelled : error);
      return {...run.summary(), status, ...(document && {error: document}), phases: this.#phases};
    } finally {
      await recordLive(context, this.#live, {
        runId,
        // Only those for which everything was done.
        done: this.#phases.at(-1)?.phase === 'logs' ? run.members.map(({name}) => name) : [],
        failed: run.errors,
      }).catch(() => {});
    }
    const well = await run.takeAfterSync();
    const summary = run.summary();
    return {...summary, ...(well ? {} : {status: 'warning'}), phases: this.#phases};
  }

  /** G1, G2: nothing is changed before every live server that answers has passed. */
  async #check(stages: readonly LiveStage[]): Promise<PreparedStep[]> {
    const [stage = databaseStage] = stages;
    for (const member of this.#run.members) {
      const {member: own, profile, limits} = this.#step(stage, member);
      mustMeetPreconditions(own.ends, profile, limits);
    }
    const adopting: PreparedStep[] = [];
    for (const member of this.#run.members) {
      const prepared = await this.#adopt(member);
      if (prepared !== undefined) adopting.push(prepared);
    }
    if (this.#run.members.length === 0) this.#run.summary();
    return adopting;
  }

  /** A database that stems from another initial sync takes part when it is equal as a whole (CLI.md). */
  async #adopt(member: Member): Promise<PreparedStep | undefined> {
    const {local, remote} = member.ends;
    if (local.site.engine === null || remote.site.engine === null) return undefined;
    if (this.#sharing.has(member.name)) return undefined;
    const {signal} = this.#work.cancel;
    const scans = await this.#run.attempt(member, () =>
      scanSites(
        member.ends,
        {files: false, database: true, acceptRoot: false},
        {signal, onProgress: () => {}},
      ),
    );
    if (scans === undefined || scans.local.database?.lineage === scans.remote.database?.lineage)
      return undefined;
    const {member: own, profile} = this.#step(databaseStage, member);
    return await this.#run.prepare({
      member: own,
      profile,
      limits: {withoutFiles: true},
      remember: async () => {},
    });
  }

  async #serve(stage: LiveStage): Promise<void> {
    const run = this.#run;
    const log = this.#work.log.within({
      within: stage.phase,
      ...(stage.tenant === undefined ? {} : {tenant: stage.tenant}),
    });
    const step = (member: Member) => ({...this.#step(stage, member), log});
    const gathered = await gather(run, step);
    const behind = run.members.filter(({name}) => !gathered.inStep.has(name));
    // After a pull there is nothing more to bring; planning again would only note where the streams stand.
    const isPull = stage.phase === 'rights-pull' || stage.phase === 'tenant-pull';
    await spread(run, behind, async member => {
      const ready = gathered.planned.find(prepared => prepared.member.name === member.name);
      return ready ?? (isPull ? undefined : await run.prepare(step(member)));
    });
  }

  #step(stage: LiveStage, member: Member): GroupStep {
    const {context, job} = this.#work;
    const {key, limits, ...step} = liveStep(this.#live, stage, member, job.maxDelete);
    return {
      ...step,
      // A database that servers share is served once.
      limits: {...limits, ...(this.#sharing.has(member.name) ? {withoutDatabase: true} : {})},
      remember: async (_, positions) => {
        if (positions !== undefined)
          await recordStage(context, this.#live, {member: member.name, key, positions});
      },
    };
  }

  /** G6: the editorial agent fetches what is new from all live servers and merges it by time. */
  async #mergeLogs(): Promise<void> {
    const {context, runId, cancel, log: runLog} = this.#work;
    const log = runLog.within({within: 'logs'});
    const {local} = this.#group;
    const peers = this.#run.members.map(({name, ends: {remote}}) => ({
      name,
      url: remote.server.url,
      fingerprint: remote.server.fingerprint,
      site: remote.site.name,
    }));
    const work = {log, leases: this.#leases};
    const result = await lasting(
      work,
      async () => {
        const reply = await local.client.call(mergeLogs, {
          params: {site: local.site.name, runId},
          body: {live: this.#live.name, peers},
          signal: cancel.signal,
        });
        for await (const line of reply) {
          if (line.type === 'merged') return line;
          log.progress('logs')({done: line.lines, unit: 'items'});
        }
        throw new OperatorError(
          'CONNECTION_LOST',
          `${local.server.name} ended the merging of logs too early.`,
        );
      },
      cancel.signal,
    );
    for (const {name, file, lines} of result.logs)
      log.message('info', `${name}: ${lines} new lines, merged in ${file} on ${local.server.name}`);
    if (result.logs.length === 0) log.message('info', 'No live server has logs in its agent.json.');
    for (const {server, error, problems} of result.servers) {
      for (const problem of problems) log.within({member: server}).message('warn', `${server}: ${problem}`);
      if (error !== undefined)
        this.#run.fail(server, new OperatorError('MEMBER_FAILED', `Its logs could not be fetched: ${error}`));
    }
    await recordLogs(
      context,
      this.#live,
      result.logs.map(({name, file}) => ({name, file, server: local.server.name})),
    );
  }

  async #phase<T>(phase: LivePhase, tenant: string | undefined, work: () => Promise<T>): Promise<T> {
    const startedAt = new Date().toISOString();
    const note = (state: LivePhaseResult['state'], detail?: string) =>
      this.#phases.push({
        phase,
        ...(tenant === undefined ? {} : {tenant}),
        state,
        startedAt,
        endedAt: new Date().toISOString(),
        ...(detail === undefined ? {} : {detail}),
      });
    const log = tenant === undefined ? this.#work.log : this.#work.log.within({tenant});
    try {
      const result = await log.phase(phase, work);
      note('done');
      return result;
    } catch (error) {
      note('failed', error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  #runWork(extra: Partial<RunWork>): RunWork {
    const {job, ...work} = this.#work;
    const live = this.#live;
    const {profile} = liveStep(live, databaseStage, {
      name: '',
      ends: {local: this.#group.local, remote: this.#group.local},
    });
    return {
      ...work,
      relationship: asRelationship(live, live.local),
      profile,
      job: {
        kind: 'sync',
        relationship: live.name,
        profile: '',
        by: job.by,
        ...(job.maxDelete === undefined ? {} : {maxDelete: job.maxDelete}),
        force: false,
        verify: false,
      },
      ...extra,
    };
  }
}

const cancelled = new OperatorError('RUN_CANCELLED', 'The run was cancelled before all phases were done.', {
  hint: 'Run again when it suits: it goes on with what is left.',
});

/** The whole database, without files. */
const databaseStage: LiveStage = {
  phase: 'rights-push',
  group: {include: [], exclude: [], database: true},
  acceptsTable: () => true,
};
