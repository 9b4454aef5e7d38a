import {randomBytes} from 'node:crypto';
import {mkdir} from 'node:fs/promises';
import {join} from 'node:path';
import type {PreviewResult} from '../../engine/engine.js';
import {plural} from '../format.js';
import type {CommandContext, Handlers} from './context.js';
import {startRun} from './runs.js';

export const previewHandlers: Handlers<
  | 'preview'
  | 'preview-live'
  | 'show-item'
  | 'describe'
  | 'save-plan'
  | 'open-plan'
  | 'delete-plans'
  | 'run-plan'
> = {
  async preview(engine, command, {answer, signalOf, now}) {
    const signal = signalOf(command.screen);
    const onProgress = (text: string) => answer(command.screen, {kind: 'preview-progress', text});
    onProgress('connecting to both sides');
    const taken = command.initial
      ? await engine.previewInitialSync(command.relationship, {force: command.force, signal, onProgress})
      : await engine.preview(command.relationship, command.profile, {
          signal,
          onProgress,
          ...(command.select === undefined ? {} : {select: command.select}),
        });
    if (!signal.aborted) answer(command.screen, {kind: 'preview-taken', preview: taken, at: now()});
  },

  async 'show-item'(engine, {screen, relationship, plan, actionId}, {answer}) {
    const shown = await engine.show(relationship, plan, actionId);
    answer(screen, {kind: 'item-shown', actionId, ...shown});
  },

  async describe(engine, {screen, relationship, plan, actionIds}, {answer}) {
    const details = await engine.describe(relationship, plan, actionIds);
    answer(screen, {kind: 'described', details});
  },

  async 'save-plan'(engine, {screen, preview}, context) {
    const file = await planFile(preview, context);
    await engine.savePlan(preview, file);
    context.answer(screen, {kind: 'saved', text: `The plan is in ${file}`});
  },

  async 'preview-live'({lives}, {screen, name}, {answer, signalOf, now}) {
    const signal = signalOf(screen);
    const preview = await lives.preview(name, {signal});
    if (!signal.aborted) answer(screen, {kind: 'live-preview', preview, at: now()});
  },

  async 'open-plan'({plans}, {screen, file}, {answer}) {
    const preview = await plans.open(file);
    answer(screen, {kind: 'preview-taken', preview, at: Date.parse(preview.takenAt)});
  },

  async 'delete-plans'({plans}, {files}, {tell}) {
    await plans.delete(files);
    tell({type: 'changed', text: `${plural(files.length, 'plan')} deleted.`, reload: ['plans']});
  },

  async 'run-plan'(engine, {preview, maxDelete}, context) {
    const {relationship, profile} = preview;
    const file = await planFile(preview, context);
    await engine.savePlan(preview, file);
    const guard = maxDelete === undefined ? {} : {maxDelete};
    return startRun(engine, {relationship, profile, kind: 'sync', planFile: file, ...guard}, context);
  },
};

async function planFile(preview: PreviewResult, {home, now}: CommandContext): Promise<string> {
  const folder = join(home, 'plans');
  await mkdir(folder, {recursive: true, mode: 0o700});
  const stamp = new Date(now()).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const name = `${preview.relationship}-${preview.profile}`.replace(/[^\p{L}\p{N}._-]+/gu, '-');
  return join(folder, `${name}-${stamp}-${randomBytes(2).toString('hex')}.json`);
}
