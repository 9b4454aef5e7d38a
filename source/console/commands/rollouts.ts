import {mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {Engine} from '../../engine/engine.js';
import type {RolloutDefinition} from '../../engine/rollouts/rollout-verbs.js';
import type {Handlers} from './context.js';

/** What an operator decides about a rollout (U16). */
export type RolloutAct =
  | {readonly kind: 'start'}
  | {readonly kind: 'resume'; readonly retry: boolean; readonly takeOver?: string}
  | {readonly kind: 'pause'}
  | {readonly kind: 'abort'}
  | {readonly kind: 'approve'; readonly wave: number}
  /** Of all servers that are done when `servers` is undefined. */
  | {readonly kind: 'roll-back'; readonly servers?: readonly string[]};

/** What screens ask of rollouts. */
export type RolloutCommand =
  | (OnRollout & {readonly type: 'show-rollout'})
  | (OnRollout & {readonly type: 'check-rollout'})
  | (OnRollout & {readonly type: 'act-on-rollout'; readonly act: RolloutAct})
  | (OnRollout & {readonly type: 'tick-rollout'; readonly item: number; readonly done: boolean})
  /** @property server as operators write it */
  | (OnRollout & {readonly type: 'read-update-journal'; readonly server: string})
  | {readonly type: 'create-rollout'; readonly screen: number; readonly definition: RolloutDefinition}
  | {readonly type: 'delete-rollout'; readonly name: string}
  | {readonly type: 'export-checklist'; readonly name: string};

type OnRollout = {readonly screen: number; readonly name: string};

export const rolloutHandlers: Handlers<RolloutCommand['type']> = {
  async 'show-rollout'({rollouts}, {screen, name}, {answer, now}) {
    answer(screen, {kind: 'rollout-shown', entry: await rollouts.show(name), at: now()});
  },

  async 'check-rollout'({rollouts}, {screen, name}, {answer, signalOf, now}) {
    const checks = await rollouts.check(name, {signal: signalOf(screen)});
    answer(screen, {kind: 'rollout-checked', checks, at: now()});
  },

  async 'act-on-rollout'(engine, {screen, name, act}, {answer, tell, now}) {
    await actOn(engine, name, act);
    tell({type: 'changed', text: saidOf(name, act), reload: ['rollouts']});
    answer(screen, {kind: 'rollout-shown', entry: await engine.rollouts.show(name), at: now()});
  },

  async 'tick-rollout'({rollouts}, {screen, name, item, done}, {answer, now}) {
    answer(screen, {kind: 'rollout-shown', entry: await rollouts.tick(name, item, done), at: now()});
  },

  async 'read-update-journal'({rollouts}, {screen, name, server}, {answer, now}) {
    answer(screen, {kind: 'update-journal', ...(await rollouts.journal(name, server)), at: now()});
  },

  async 'create-rollout'({rollouts}, {screen, definition}, {answer}) {
    await rollouts.create(definition);
    answer(screen, {kind: 'saved', text: `Rollout ${definition.name} is described; nothing has started.`});
  },

  async 'delete-rollout'({rollouts}, {name}, {tell}) {
    await rollouts.delete(name);
    tell({type: 'changed', text: `Rollout ${name} is forgotten.`, reload: ['rollouts']});
  },

  async 'export-checklist'({rollouts}, {name}, {tell, home, now}) {
    const markdown = await rollouts.exportChecklist(name);
    const folder = join(home, 'checklists');
    await mkdir(folder, {recursive: true, mode: 0o700});
    const stamp = new Date(now()).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
    const file = join(folder, `${name.replace(/[^\p{L}\p{N}._-]+/gu, '-')}-${stamp}.md`);
    await writeFile(file, markdown, {mode: 0o600});
    tell({type: 'changed', text: `The checklist is in ${file}`, reload: []});
  },
};

async function actOn({rollouts}: Engine, name: string, act: RolloutAct): Promise<void> {
  switch (act.kind) {
    case 'start':
      await rollouts.start(name);
      return;
    case 'resume': {
      const {retry, takeOver} = act;
      await rollouts.resume(name, takeOver === undefined ? {retry} : {retry, takeOver});
      return;
    }
    case 'pause':
      return rollouts.pause(name);
    case 'abort':
      return rollouts.abort(name);
    case 'approve':
      await rollouts.approve(name, {wave: act.wave});
      return;
    case 'roll-back':
      await rollouts.rollBack(name, act.servers);
  }
}

function saidOf(name: string, act: RolloutAct): string {
  switch (act.kind) {
    case 'start':
      return `Rollout ${name} is started; it goes on without this console.`;
    case 'resume':
      return `Rollout ${name} goes on, also without this console.`;
    case 'pause':
      return `Rollout ${name} is asked to pause; servers at work finish.`;
    case 'abort':
      return `Rollout ${name} is asked to abort.`;
    case 'approve':
      return `Wave ${act.wave} of ${name} is approved; it goes on.`;
    case 'roll-back':
      return `The version before is being brought back.`;
  }
}

/** What did not happen when an act fails. */
export function notDone(act: RolloutAct): string {
  switch (act.kind) {
    case 'start':
    case 'resume':
      return 'Not started';
    case 'pause':
      return 'Not paused';
    case 'abort':
      return 'Not aborted';
    case 'approve':
      return 'Not approved';
    case 'roll-back':
      return 'Not rolled back';
  }
}
