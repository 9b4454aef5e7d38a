import type {ServerCheck} from '../../engine/engine.js';
import type {Handlers} from './context.js';

export const serverHandlers: Handlers<
  'check' | 'add-server' | 'rename-server' | 'remove-server' | 'update-agent' | 'connect'
> = {
  async check({servers}, command, {tell, now}) {
    const quick = command.quick === true;
    const [check] = await servers.check(command.server, {quick});
    if (check !== undefined) tell({type: 'checked', server: command.server, check, quick, at: now()});
  },

  async 'add-server'({servers}, {invitation, name, screen}, {answer}) {
    const entry = await servers.add(invitation, name);
    answer(screen, {kind: 'saved', text: `Server ${entry.name} is paired.`});
  },

  async 'rename-server'({servers}, {screen, name, to}, {answer}) {
    await servers.rename(name, to);
    answer(screen, {kind: 'saved', text: `${name} is called ${to} now.`});
  },

  async 'remove-server'({servers}, {name}, {tell}) {
    await servers.remove(name);
    tell({type: 'changed', text: `Server ${name} is forgotten.`, reload: ['servers']});
  },

  async 'update-agent'({servers}, {name}, {tell, now}) {
    const say = (text: string) => tell({type: 'changed', text, reload: []});
    say(`The program is sent to ${name} ...`);
    let step = '';
    const {from, to} = await servers.updateAgent(name, {
      onStatus({steps}) {
        const title = steps.at(-1)?.title ?? '';
        if (title !== step) say(`Agent of ${name}: ${title} ...`);
        step = title;
      },
    });
    say(`The agent of ${name} was updated from ${from} to ${to}.`);
    const [check] = await servers.check(name);
    if (check !== undefined) tell({type: 'checked', server: name, check, quick: false, at: now()});
  },

  async connect({servers}, command, {answer, tell, now}) {
    const remote =
      command.invitation === undefined
        ? (command.server ?? '')
        : (await servers.add(command.invitation)).name;
    const names = [...new Set([command.local, remote])];
    const found = (await Promise.all(names.map(name => servers.check(name)))).flat();
    const checks: Record<string, ServerCheck> = Object.fromEntries(found.map(check => [check.server, check]));
    for (const check of found) tell({type: 'checked', server: check.server, check, quick: false, at: now()});
    answer(command.screen, {kind: 'connected', server: remote, checks});
  },
};
