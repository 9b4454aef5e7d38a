import {createForm, type Form, type FormRules, textField, textOfField} from '../form.js';
import {backTo, formParts} from '../form-screen.js';
import type {Model} from '../model.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {serverUses} from '../server-uses.js';
import type {Fault} from '../shared-data.js';
import {blank, dim, line, wrap} from '../view/lines.js';
import {serverScreen} from './server.js';

export type RenameServerScreen = {
  readonly kind: 'rename-server';
  readonly id: number;
  readonly server: string;
  readonly form: Form;
  readonly busy: boolean;
  readonly fault?: Fault;
};

export function renameServerScreen(server: string): Omit<RenameServerScreen, 'id'> {
  return {
    kind: 'rename-server',
    server,
    busy: false,
    form: createForm([textField('name', 'New name', server)]),
  };
}

/** Calls a server something else, in this console and everywhere it is named. */
export const renameServer: ScreenDefinition<RenameServerScreen> = {
  title: () => 'rename',
  context: screen => ({left: line(dim(` ${screen.server} keeps its own name; this is what we call it`))}),
  needs: ['servers', 'relationships', 'clusters', 'lives'],
  ...formParts<RenameServerScreen>({
    rules: rulesOf,
    save: {label: 'rename', description: 'Call the server so from now on'},
    submitOn: 'name',
    doing: 'renaming',
    command: ({id, server, form}) => ({
      type: 'rename-server',
      screen: id,
      name: server,
      to: textOfField(form, 'name'),
    }),
    saved: (screen, model, text) => {
      const to = textOfField(screen.form, 'name');
      // The screens below show the server under its old name, which nothing has any more.
      const stack = model.stack.map(other =>
        other.kind === 'server' && other.server === screen.server ? {...other, ...serverScreen(to)} : other,
      );
      const reload = ['servers', 'relationships', 'clusters', 'lives', 'collisions'] as const;
      return backTo({...model, stack}, text, ...reload.map(what => ({type: 'load', what}) as const));
    },
    below: (screen, model, width) => {
      const uses = serverUses(model, screen.server);
      const also =
        uses.length === 0
          ? 'Nothing else names it.'
          : `Named anew with it: ${uses.join(', ')}. Logs of earlier runs keep the old name.`;
      return [blank, ...wrap(also, width - 2).map(text => line(' ', dim(text)))];
    },
  }),
};

function rulesOf(screen: RenameServerScreen, model: Model): FormRules {
  const name = textOfField(screen.form, 'name');
  const problems: Record<string, string> = {};
  if (name === '') problems.name = 'a server needs a name';
  else if (name.includes('/')) problems.name = 'a name has no slash';
  else if (name === screen.server) problems.name = 'that is its name already';
  else if (model.data.servers.value?.some(server => server.name === name))
    problems.name = `there is already a server ${name}`;
  return {hidden: [], problems};
}
