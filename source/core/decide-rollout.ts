import {type RolloutWindow, windowAt} from './rollout-window.js';

/**
 * Where one server of a rollout stands. `failed` (nothing was changed) and `rolled-back` run the version they had, and
 * both count as failures; `attention` needs a person.
 */
export type RolloutServerState =
  | 'waiting'
  | 'running'
  | 'done'
  | 'failed'
  | 'rolled-back'
  | 'attention'
  | 'aborted';

/** What the decision needs to know of a server. */
export type ServerProgress = {
  /** `SERVER/SITE` */
  readonly address: string;
  /** From 1. */
  readonly wave: number;
  readonly state: RolloutServerState;
  /** How long its update takes at worst, milliseconds. */
  readonly worstCaseMs: number;
  /** When it settled, epoch milliseconds. */
  readonly endedMs?: number;
  /** Held by somebody else until at least then, when it is asked again. Epoch milliseconds. */
  readonly busyUntilMs?: number;
  /** It has been held by somebody else for longer than it is waited for. */
  readonly givenUp?: boolean;
  /** Its agent found that it does not fit its own window any more. */
  readonly deferred?: boolean;
};

/** What the operator laid down for a rollout (U16). */
export type RolloutRules = {
  /** Servers that may be at work at the same time. */
  readonly concurrency: number;
  /** Servers that may fail before nothing more is started. */
  readonly failuresAllowed: number;
  /** Milliseconds between the end of a wave and the start of the next. */
  readonly bakeMs: number;
  /** Waves that begin only after somebody approved. */
  readonly gates: readonly number[];
  readonly window?: RolloutWindow;
};

/** What the operator wants now, and what has been settled by people. */
export type RolloutWill = {
  readonly wanted: 'run' | 'pause' | 'abort';
  readonly approvedWaves: readonly number[];
  /** Waves before which an item of the checklist is still open. */
  readonly blockedWaves: readonly number[];
};

export type PauseReason =
  | {readonly kind: 'operator'}
  /** The process that carried it out was ended; agents go on with what they had begun. */
  | {readonly kind: 'interrupted'}
  | {readonly kind: 'gate'; readonly wave: number}
  | {readonly kind: 'checklist'; readonly wave: number}
  /** Servers that do not fit any more are deferred; `opensMs` is when the window opens next, if it does. */
  | {
      readonly kind: 'window';
      readonly wave: number;
      readonly deferred: readonly string[];
      readonly opensMs?: number;
    }
  /** Somebody else holds these servers. */
  | {readonly kind: 'busy'; readonly wave: number; readonly servers: readonly string[]};

export type RolloutDecision =
  | {readonly kind: 'start'; readonly servers: readonly string[]}
  /** Nothing to start until a server settles, or until a moment. */
  | {readonly kind: 'wait'; readonly for: 'servers'}
  | {readonly kind: 'wait'; readonly for: 'bake' | 'busy'; readonly wave: number; readonly untilMs: number}
  | {readonly kind: 'end'; readonly status: 'done' | 'failed' | 'aborted' | 'attention'}
  | {readonly kind: 'end'; readonly status: 'paused'; readonly why: PauseReason};

/**
 * What a rollout does next (U16). A pure function of what is known: whoever continues a rollout after a crash decides
 * the same.
 *
 * Waves go one after the other, with at most `concurrency` servers at work. Whatever stops a rollout (a server that
 * needs attention, too many failures, the operator) lets those at work finish and starts nothing more. A wave begins
 * after the bake time of the one before, its gate and its items of the checklist. A server starts only if its worst
 * case fits the window; the others are deferred.
 * @param nowMs epoch milliseconds
 */
export function decideRollout(
  rules: RolloutRules,
  will: RolloutWill,
  servers: readonly ServerProgress[],
  nowMs: number,
): RolloutDecision {
  const count = (state: RolloutServerState) => servers.filter(server => server.state === state).length;
  const running = count('running');
  const waiting = servers.filter(({state}) => state === 'waiting');
  const atWork: RolloutDecision = {kind: 'wait', for: 'servers'};
  const stopped = stopOf(rules, will, {
    attention: count('attention'),
    failed: count('failed') + count('rolled-back'),
    waiting: waiting.length,
    aborted: count('aborted'),
  });
  if (stopped !== undefined) return running > 0 ? atWork : stopped;
  if (waiting.length === 0) return running > 0 ? atWork : {kind: 'end', status: 'done'};

  const wave = Math.min(...waiting.map(server => server.wave));
  if (servers.some(server => server.state === 'running' && server.wave !== wave)) return atWork;
  const begun = servers.some(server => server.wave === wave && server.state !== 'waiting');
  if (!begun) {
    const notYet = barrierOf(rules, will, servers, wave, nowMs);
    if (notYet !== undefined) return notYet;
  }

  const inWave = waiting.filter(server => server.wave === wave);
  const open = rules.window === undefined ? undefined : windowAt(rules.window, nowMs);
  const opens = open?.opensMs === undefined ? {} : {opensMs: open.opensMs};
  const wanting = inWave.filter(({deferred}) => deferred !== true);
  const fitting =
    open === undefined
      ? wanting
      : wanting.filter(({worstCaseMs}) => open.kind === 'open' && nowMs + worstCaseMs <= open.untilMs);
  const free = fitting.filter(({busyUntilMs = 0, givenUp}) => givenUp !== true && busyUntilMs <= nowMs);
  const startable = free.slice(0, Math.max(0, rules.concurrency - running));
  if (startable.length > 0) return {kind: 'start', servers: startable.map(({address}) => address)};
  if (running > 0) return atWork;
  const busy = fitting.filter(({givenUp}) => givenUp !== true);
  if (busy.length > 0)
    return {
      kind: 'wait',
      for: 'busy',
      wave,
      untilMs: Math.min(...busy.map(({busyUntilMs = 0}) => busyUntilMs)),
    };
  if (fitting.length > 0) {
    const held = fitting.map(({address}) => address);
    return {kind: 'end', status: 'paused', why: {kind: 'busy', wave, servers: held}};
  }
  const deferred = inWave.map(({address}) => address);
  return {kind: 'end', status: 'paused', why: {kind: 'window', wave, deferred, ...opens}};
}

/** How a rollout ends that starts nothing more, the gravest reason first. */
function stopOf(
  {failuresAllowed}: RolloutRules,
  {wanted}: RolloutWill,
  {attention, failed, waiting, aborted}: Record<'attention' | 'failed' | 'waiting' | 'aborted', number>,
): RolloutDecision | undefined {
  if (attention > 0) return {kind: 'end', status: 'attention'};
  // An abort that came too late for all of them has stopped nothing.
  if (wanted === 'abort' && waiting + aborted > 0) return {kind: 'end', status: 'aborted'};
  if (failed > failuresAllowed) return {kind: 'end', status: 'failed'};
  if (wanted === 'pause' && waiting > 0) return {kind: 'end', status: 'paused', why: {kind: 'operator'}};
  return undefined;
}

/** What stands before a wave that has not begun. */
function barrierOf(
  {bakeMs, gates}: RolloutRules,
  {approvedWaves, blockedWaves}: RolloutWill,
  servers: readonly ServerProgress[],
  wave: number,
  nowMs: number,
): RolloutDecision | undefined {
  const ended = servers.filter(server => server.wave < wave).map(({endedMs = 0}) => endedMs);
  const untilMs = Math.max(0, ...ended) + bakeMs;
  if (bakeMs > 0 && ended.length > 0 && nowMs < untilMs) return {kind: 'wait', for: 'bake', wave, untilMs};
  if (blockedWaves.includes(wave)) return {kind: 'end', status: 'paused', why: {kind: 'checklist', wave}};
  if (gates.includes(wave) && !approvedWaves.includes(wave))
    return {kind: 'end', status: 'paused', why: {kind: 'gate', wave}};
  return undefined;
}
