import {readdir, rm, stat} from 'node:fs/promises';
import path from 'node:path';
import pMap from 'p-map';
import {OperatorError} from '../core/operator-error.js';
import type {PlanCounts} from '../core/plan.js';
import type {PreviewResult} from './engine.js';
import type {EngineContext} from './engine-context.js';
import {loadPlan} from './plan-file.js';

/** A plan in the console's folder `plans`; with `problem` a file there that is none. Times are ISO 8601, UTC. */
export type SavedPlanEntry = {
  file: string;
  sizeBytes: number;
  savedAt: string;
} & (
  | {
      relationship: string;
      profile: string;
      takenAt: string;
      counts: PlanCounts;
      /** The run that carried it out; a plan can be run once. */
      usedBy?: string;
      problem?: undefined;
    }
  | {problem: string}
);

/** Plans that previews of the console saved (X2). */
export type PlanVerbs = {
  /** Newest first. */
  list(): Promise<readonly SavedPlanEntry[]>;
  /** What the preview showed then. @throws OperatorError USAGE for what is no plan */
  open(file: string): Promise<PreviewResult>;
  /** Deletes files of the folder `plans`, and no others. */
  delete(files: readonly string[]): Promise<void>;
};

/** Plans are read whole, and some are large. */
const readAtOnce = 4;

export function createPlans(context: EngineContext): PlanVerbs {
  const folder = path.join(context.home, 'plans');

  const describe = async (file: string, used: ReadonlyMap<string, string>): Promise<SavedPlanEntry> => {
    const {size, mtime} = await stat(file);
    const common = {file, sizeBytes: size, savedAt: mtime.toISOString()};
    try {
      const {relationship, profile, takenAt, plan, planId} = await loadPlan(file);
      const usedBy = used.get(planId);
      return {
        ...common,
        relationship,
        profile,
        takenAt,
        counts: plan.counts,
        ...(usedBy === undefined ? {} : {usedBy}),
      };
    } catch (error) {
      return {...common, problem: (error as Error).message};
    }
  };

  return {
    async list() {
      const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        throw error;
      });
      const {usedPlans} = await context.state.read();
      const used = new Map(usedPlans.map(({planId, runId}) => [planId, runId]));
      const files = names.filter(name => name.endsWith('.json')).map(name => path.join(folder, name));
      const entries = await pMap(files, file => describe(file, used), {concurrency: readAtOnce});
      return entries.sort((a, b) => b.savedAt.localeCompare(a.savedAt));
    },

    async open(file) {
      const {planId: _id, format: _format, version: _version, ...preview} = await loadPlan(file);
      return preview;
    },

    async delete(files) {
      for (const file of files) {
        if (path.dirname(path.resolve(file)) !== folder || !file.endsWith('.json'))
          throw new OperatorError('USAGE', `${file} is no plan in ${folder}.`, {
            hint: '`lockstep plan list` shows those there; others are deleted like any file.',
          });
        await rm(file, {force: true});
      }
    },
  };
}
