import {OperatorError} from '../../core/operator-error.js';
import type {RunDescriptor} from '../../core/run-event.js';
import {readJournal} from '../../state/run-journal.js';
import {closeGroup, connectGroup} from '../connect-group.js';
import {connectSite} from '../connect-sites.js';
import type {HistoryVerbs, PreviewResult, RunVerbs} from '../engine.js';
import type {EngineContext} from '../engine-context.js';
import {launchRun} from '../start-run.js';
import {quietObserver} from '../take-preview.js';
import {readHistory, sideOf} from './list-history.js';
import {findRestorable, makeRestorePlan} from './restore-plan.js';
import {sitesOfRun} from './sites-of-run.js';
import {joinPlans, makeUndoPlan} from './undo-plan.js';

/** What runs left in history, and bringing it back (E10). */
export function createHistory(context: EngineContext): HistoryVerbs {
  return {
    list: (address, filter = {}) => readHistory(context, address, filter),

    async restore({server, site}, entries) {
      const state = await context.state.read();
      const end = await connectSite(context, state, 'local', {server, site});
      try {
        // What cannot be is told before anything is started.
        await findRestorable(end, entries, new AbortController().signal);
      } finally {
        end.client.close();
      }
      return await launchRun(context, {
        kind: 'restore',
        server,
        site,
        entries: [...entries],
        by: context.operator,
      });
    },

    async previewRestore(address, entries) {
      const state = await context.state.read();
      const observer = quietObserver({});
      const end = await connectSite(context, state, sideOf(state, address), address, observer.signal);
      try {
        const {plan} = await makeRestorePlan(end, entries, observer);
        return previewOf(plan, {relationship: `${address.server}/${address.site}`, profile: 'restore'});
      } finally {
        end.client.close();
      }
    },
  };
}

/** Taking back what a run did, and doing it again (X2). */
export function createUndo(
  context: EngineContext,
): Pick<RunVerbs, 'undo' | 'redo' | 'previewUndo' | 'previewRedo'> {
  const start = async (kind: 'undo' | 'redo', runId: string) => {
    const {relationship, profile, direction, live} = await findUndoable(context, runId);
    const about = {relationship, profile, direction, ...(live === undefined ? {} : {live})};
    return await launchRun(context, {kind, of: runId, ...about, by: context.operator});
  };
  const preview = async (kind: 'undo' | 'redo', runId: string) => {
    const run = await findUndoable(context, runId);
    const state = await context.state.read();
    const observer = quietObserver({});
    const group = await connectGroup(context, state, sitesOfRun(state, run), observer.signal);
    try {
      const {items} = await readJournal(context.home, runId);
      const made = await makeUndoPlan(group, {runId, kind, items}, observer);
      return previewOf(joinPlans(made), {
        relationship: run.live ?? run.relationship,
        profile: run.profile || run.kind,
      });
    } finally {
      closeGroup(group);
    }
  };
  return {
    undo: runId => start('undo', runId),
    redo: runId => start('redo', runId),
    previewUndo: runId => preview('undo', runId),
    previewRedo: runId => preview('redo', runId),
  };
}

/** @throws OperatorError NOT_FOUND, USAGE for a run that is not undone but by another verb */
async function findUndoable(context: EngineContext, runId: string): Promise<RunDescriptor> {
  const {started, finished} = await readJournal(context.home, runId);
  if (started.kind === 'undo' || started.kind === 'redo') {
    const of = started.undoes ?? started.redoes ?? '';
    const verb = started.kind === 'undo' ? 'redo' : 'undo';
    throw new OperatorError('USAGE', `${runId} is itself the ${started.kind} of ${of}.`, {
      hint: `\`lockstep runs ${verb} ${of}\` takes it back.`,
    });
  }
  if (started.kind === 'restore')
    throw new OperatorError('USAGE', `${runId} restored old versions; what it replaced is in history too.`, {
      hint: `\`lockstep history list ${started.site} --run ${runId}\` shows the entries to restore.`,
    });
  if (finished === undefined)
    throw new OperatorError('USAGE', `${runId} is still running.`, {
      hint: `\`lockstep runs cancel ${runId}\` ends it, \`lockstep runs watch ${runId}\` shows how it goes.`,
    });
  sitesOfRun(await context.state.read(), started);
  return started;
}

function previewOf(
  plan: PreviewResult['plan'],
  names: Pick<PreviewResult, 'relationship' | 'profile'>,
): PreviewResult {
  return {
    ...names,
    plan,
    takenAt: new Date().toISOString(),
    firstRun: false,
    revision: '',
    adoptsLineage: false,
  };
}
