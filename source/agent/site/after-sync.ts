import {appendFileSync, closeSync, fsyncSync, openSync, readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import type {AfterSyncResult} from '../../core/after-sync.js';
import {type Arrivals, readArrivals} from './arrivals.js';
import {CommitJournal} from './journal.js';
import {runCommand} from './run-command.js';
import {sendWebAlert, type WebAlert} from './send-web-alert.js';

/** Milliseconds between looks at whether a run that did not ask for its actions is over. */
const pollMs = 1_000;

/** A command of `hooks.afterSync`. */
export type AfterSyncHook = {readonly argv: readonly string[]; readonly timeoutMs: number};

export type AfterSyncOptions = {
  readonly site: string;
  readonly server: string;
  /** Working folder of the commands. */
  readonly root: string;
  /** The folder `runs` of the site in the agent's data. */
  readonly runsFolder: string;
  readonly hooks: readonly AfterSyncHook[];
  /** Undefined where the site has web alerts off. */
  readonly webAlert: WebAlert | undefined;
  /** Told to the commands besides what names run and site. */
  readonly environment: Readonly<Record<string, string>>;
  /** Whether the run is still at work here: then it asks for its actions itself. */
  isAtWork(runId: string): boolean;
};

/** One line of a run's `after-sync.ndjson`. An action is noted before it begins: it happens once or not at all. */
type Entry =
  | {
      readonly state: 'started';
      readonly action: number;
      readonly kind: AfterSyncResult['kind'];
      readonly name: string;
    }
  | {readonly state: 'ended'; readonly action: number; readonly result: AfterSyncResult}
  | {readonly state: 'finished'};

/** Name of the journal of a run's actions in the run's folder. */
export const afterSyncFile = 'after-sync.ndjson';

/**
 * What a site does after a run has changed it: the commands of agent.json, then the web alert (E29, E32). Whether a run
 * is due follows from the journals of its commits, so it is known also after a crash; a run that dies before it asks is
 * served as soon as it has let go of the site.
 */
export class AfterSync {
  readonly #options: AfterSyncOptions;
  readonly #running = new Map<string, Promise<readonly AfterSyncResult[]>>();
  readonly #waiting = new Set<string>();
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AfterSyncOptions) {
    this.#options = options;
  }

  /** Whether there is anything to do after a sync at all. */
  get isEmpty(): boolean {
    return this.#options.hooks.length === 0 && this.#options.webAlert === undefined;
  }

  get wantsArrivals(): boolean {
    return this.#options.webAlert !== undefined;
  }

  /** Takes up what runs left undone when the agent ended. */
  resume(): void {
    if (this.isEmpty) return;
    for (const runId of namesIn(this.#options.runsFolder)) if (this.#isDue(runId)) this.expect(runId);
  }

  /** The run has changed the site: its actions are due once it is over, should it not ask for them. */
  expect(runId: string): void {
    if (this.isEmpty || this.#stop.signal.aborted) return;
    this.#waiting.add(runId);
    this.#timer ??= setInterval(() => this.#look(), pollMs).unref();
  }

  /**
   * Takes a run's actions, once: a repeated call answers what the first one did. Where there are none that is noted as
   * well, so that actions which are configured later are not for runs of before.
   */
  run(runId: string): Promise<readonly AfterSyncResult[]> {
    const running = this.#running.get(runId);
    if (running !== undefined) return running;
    const work = this.#run(runId).finally(() => this.#running.delete(runId));
    this.#running.set(runId, work);
    return work;
  }

  /** Ends what runs. What has not begun is done when the agent is back. */
  async close(): Promise<void> {
    this.#stop.abort();
    clearInterval(this.#timer);
    await Promise.allSettled(this.#running.values());
  }

  #look(): void {
    for (const runId of this.#waiting) {
      if (this.#options.isAtWork(runId)) continue;
      this.#waiting.delete(runId);
      this.run(runId).catch(() => {});
    }
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #isDue(runId: string): boolean {
    return this.#changingSteps(runId).length > 0 && !this.#entries(runId).some(isFinish);
  }

  /** The steps of a run that have changed the site. */
  #changingSteps(runId: string): string[] {
    const journal = new CommitJournal(join(this.#options.runsFolder, runId));
    return [...journal.states()].flatMap(([step, entry]) =>
      entry.state === 'done' && entry.changed === true ? [step] : [],
    );
  }

  async #run(runId: string): Promise<readonly AfterSyncResult[]> {
    this.#waiting.delete(runId);
    const steps = this.#changingSteps(runId);
    if (steps.length === 0) return [];
    const known = this.#entries(runId);
    const results: AfterSyncResult[] = [];
    const {hooks} = this.#options;
    const actions = [
      ...hooks.map(hook => ({
        kind: 'command' as const,
        name: hook.argv.join(' '),
        take: () => this.#command(hook, runId),
      })),
      ...this.#alerts(runId, steps),
    ];
    for (const [action, {kind, name, take}] of actions.entries()) {
      const before = known.filter(entry => entry.state !== 'finished' && entry.action === action);
      const ended = before.find(entry => entry.state === 'ended');
      if (ended !== undefined) {
        results.push(ended.result);
        continue;
      }
      if (this.#stop.signal.aborted) return results;
      const startedMs = performance.now();
      const wasStarted = before.length > 0;
      if (!wasStarted) this.#note(runId, {state: 'started', action, kind, name});
      const result: AfterSyncResult = {
        kind,
        name,
        ...(wasStarted
          ? {outcome: 'interrupted', error: 'the agent ended meanwhile; it is not begun a second time'}
          : await take()),
        durationMs: Math.round(performance.now() - startedMs),
      };
      this.#note(runId, {state: 'ended', action, result});
      results.push(result);
    }
    if (!known.some(isFinish)) this.#note(runId, {state: 'finished'});
    return results;
  }

  async #command(
    {argv, timeoutMs}: AfterSyncHook,
    runId: string,
  ): Promise<Pick<AfterSyncResult, 'outcome' | 'error' | 'output'>> {
    const {end, error, output} = await runCommand({argv, timeoutMs, ...this.#setting(runId)});
    return {
      outcome: end,
      ...(error === undefined ? {} : {error}),
      ...(output === '' ? {} : {output}),
    };
  }

  /** The alert, where there is one to send. */
  #alerts(runId: string, steps: readonly string[]) {
    const {webAlert, runsFolder, server, site} = this.#options;
    if (webAlert === undefined) return [];
    const arrivals = steps.map(step => readArrivals(join(runsFolder, runId, `step-${step}`)));
    const {total, content} = joined(arrivals);
    if (total === 0) return [];
    const message = {runId, server, site, at: new Date().toISOString(), total, content};
    return [
      {
        kind: 'web-alert' as const,
        name: webAlert.post ?? webAlert.run?.join(' ') ?? '',
        take: () => sendWebAlert(webAlert, message, this.#setting(runId)),
      },
    ];
  }

  #setting(runId: string) {
    const {site, server, root, environment} = this.#options;
    return {
      cwd: root,
      environment: {
        LOCKSTEP_RUN_ID: runId,
        LOCKSTEP_SITE: site,
        LOCKSTEP_SERVER: server,
        LOCKSTEP_ROOT: root,
        ...environment,
      },
      signal: this.#stop.signal,
    };
  }

  #entries(runId: string): Entry[] {
    let text: string;
    try {
      text = readFileSync(this.#file(runId), 'utf8');
    } catch {
      return [];
    }
    return text.split('\n').flatMap(line => {
      try {
        return line === '' ? [] : [JSON.parse(line) as Entry];
      } catch {
        // Cut off by a crash.
        return [];
      }
    });
  }

  #note(runId: string, entry: Entry): void {
    const fd = openSync(this.#file(runId), 'a', 0o600);
    try {
      // A line that a crash cut off must not swallow this one.
      appendFileSync(fd, `\n${JSON.stringify(entry)}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  #file(runId: string): string {
    return join(this.#options.runsFolder, runId, afterSyncFile);
  }
}

function isFinish(entry: Entry): boolean {
  return entry.state === 'finished';
}

function joined(parts: readonly Arrivals[]): Arrivals {
  return {
    total: parts.reduce((sum, {total}) => sum + total, 0),
    content: parts.flatMap(({content}) => content).slice(0, 10_000),
  };
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
