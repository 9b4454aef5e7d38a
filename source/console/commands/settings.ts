import type {Handlers} from './context.js';

export const settingsHandlers: Handlers<'save-settings' | 'read-facts'> = {
  async 'save-settings'({settings}, {changes}, {tell, now}) {
    const value = await settings.change(changes);
    tell({type: 'loaded', what: 'settings', value, at: now()});
  },

  async 'read-facts'({settings}, {screen}, {answer, now}) {
    answer(screen, {kind: 'facts', facts: await settings.facts(), at: now()});
  },
};
