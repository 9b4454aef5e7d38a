import type {OperatorError} from '../../core/operator-error.js';
import type {StoredLive} from '../../state/state.js';
import type {EngineContext} from '../engine-context.js';
import type {SeenPositions} from '../pair-work.js';

/** Keeps where both sides' change streams stood after a phase. */
export async function recordStage(
  context: EngineContext,
  live: StoredLive,
  {member, key, positions}: {member: string; key: string; positions: SeenPositions},
): Promise<void> {
  const meaning = key.slice(0, key.lastIndexOf(':') + 1);
  await change(context, live, stored => {
    const known = stored.memory[member] ?? {positions: {}};
    const others = Object.entries(known.positions).filter(([other]) => !other.startsWith(meaning));
    stored.memory[member] = {...known, positions: {...Object.fromEntries(others), [key]: positions}};
  });
}

/** Keeps for each live server when it was last served, and why it was not (G3). */
export async function recordLive(
  context: EngineContext,
  live: StoredLive,
  seen: {runId: string; done: readonly string[]; failed: ReadonlyMap<string, OperatorError>},
): Promise<void> {
  const at = new Date().toISOString();
  await change(context, live, stored => {
    for (const member of seen.done) {
      const {error: _, ...known} = stored.memory[member] ?? {positions: {}};
      stored.memory[member] = {...known, lastSync: {at, runId: seen.runId}};
    }
    for (const [member, {message}] of seen.failed)
      stored.memory[member] = {...(stored.memory[member] ?? {positions: {}}), error: {at, message}};
  });
}

/** Keeps where the merged logs lie (G6). */
export async function recordLogs(
  context: EngineContext,
  live: StoredLive,
  logs: readonly {name: string; file: string; server: string}[],
): Promise<void> {
  if (logs.length > 0)
    await change(context, live, stored => {
      stored.logs = [...logs];
    });
}

async function change(
  context: EngineContext,
  {revision}: StoredLive,
  mutate: (live: StoredLive) => void,
): Promise<void> {
  await context.state.change(({lives = []}) => {
    // Edited or deleted while the run went on: what it saw belongs to the old description.
    const stored = lives.find(live => live.revision === revision);
    if (stored !== undefined) mutate(stored);
  });
}
