import {createForm, type Form, type FormRules, textField, textOfField} from '../form.js';
import {backTo, formParts} from '../form-screen.js';
import type {Model} from '../model.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {dim, line, wrap} from '../view/lines.js';

export type AddServerScreen = {
  readonly kind: 'add-server';
  readonly id: number;
  readonly form: Form;
  readonly busy: boolean;
  readonly fault?: Fault;
};

export function addServerScreen(invitation = ''): Omit<AddServerScreen, 'id'> {
  return {
    kind: 'add-server',
    busy: false,
    form: createForm([
      textField(
        'invitation',
        'Invitation',
        invitation,
        'paste the line that `lockstep agent invite` printed',
      ),
      textField('name', 'Name', '', 'as the server calls itself'),
    ]),
  };
}

/** Pairs this console with a server (X1). */
export const addServer: ScreenDefinition<AddServerScreen> = {
  title: () => 'add a server',
  context: () => ({
    left: line(dim(' its fingerprint is checked before anything is said to the server')),
  }),
  needs: ['servers'],
  ...formParts<AddServerScreen>({
    rules: rulesOf,
    save: {label: 'add', description: 'Connect to the server and pair with it'},
    submitOn: 'name',
    doing: 'asking the server',
    command: ({id, form}) => {
      const name = textOfField(form, 'name');
      return {
        type: 'add-server',
        screen: id,
        // Copied from a narrow terminal it has line ends in it, which are no part of it.
        invitation: textOfField(form, 'invitation').replace(/\s+/g, ''),
        ...(name === '' ? {} : {name}),
      };
    },
    saved: (_screen, model, text) => backTo(model, text, {type: 'load', what: 'servers'}),
    below: (_screen, _model, width) =>
      wrap(
        'On the server, `lockstep agent invite --data DIR` prints one line with its address, its fingerprint and a ' +
          'secret that can be used once.',
        width - 2,
      ).map(text => line(' ', dim(text))),
  }),
};

function rulesOf(screen: AddServerScreen, model: Model): FormRules {
  const problems: Record<string, string> = {};
  const invitation = textOfField(screen.form, 'invitation');
  const name = textOfField(screen.form, 'name');
  if (invitation === '') problems.invitation = 'an invitation line is needed';
  else if (!/^lockstep:/.test(invitation)) problems.invitation = 'an invitation begins with lockstep:';
  if (model.data.servers.value?.some(server => server.name === name))
    problems.name = `there is already a server ${name}`;
  else if (name.includes('/')) problems.name = 'a name has no slash';
  return {hidden: [], problems};
}
