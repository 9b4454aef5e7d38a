import type {ServerCheck} from '../../engine/engine.js';
import {
  choiceField,
  createForm,
  type Form,
  pasteIntoForm,
  replaceField,
  textField,
  textOfField,
  typeIntoForm,
} from '../form.js';
import {leaveForm} from '../form-screen.js';
import type {Key} from '../key-splitter.js';
import {say} from '../message.js';
import {type Model, step} from '../model.js';
import {pop, push, replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {drawFault} from '../view/draw-list.js';
import {type Block, blank, bold, dim, line, marker} from '../view/lines.js';
import {advance, connected} from '../wizard/advance.js';
import {drawFirst, drawSecond, drawThird} from '../wizard/draw-steps.js';
import {
  addNew,
  choicesOf,
  formOf,
  putForm,
  rulesOf,
  suggestedChoices,
  withServers,
} from '../wizard/wizard-forms.js';
import {relationshipScreen} from './relationship.js';

/** The three steps of a new relationship (E5). */
export type WizardScreen = {
  readonly kind: 'wizard';
  readonly id: number;
  readonly at: 1 | 2 | 3;
  readonly servers: Form;
  readonly sites: Form;
  readonly summary: Form;
  /** What connecting found, by server; the remote server's name is in `remote`. */
  readonly checks: Readonly<Record<string, ServerCheck>>;
  readonly remote?: string;
  readonly initial: 'upload' | 'download';
  readonly busy: boolean;
  readonly fault?: Fault;
};

export function wizardScreen(model: Model): Omit<WizardScreen, 'id'> {
  const {remote, local} = choicesOf(model);
  const suggested = suggestedChoices(model);
  return {
    kind: 'wizard',
    at: 1,
    servers: createForm([
      choiceField('local', 'Local site', local, suggested.local),
      choiceField('remote', 'Remote server', remote, suggested.remote),
      textField('invitation', 'Invitation', '', 'paste the line that `lockstep agent invite` printed'),
    ]),
    sites: createForm([choiceField('site', 'Remote site', [], '')]),
    summary: createForm([textField('name', 'Name')]),
    checks: {},
    initial: 'upload',
    busy: false,
  };
}

export const wizard: ScreenDefinition<WizardScreen> = {
  title: screen => `new relationship, step ${screen.at} of 3`,
  context: screen => ({
    left: line(
      ...(['1 servers', '2 remote site', '3 direction and name'] as const).flatMap((text, index) => [
        '  ',
        index + 1 === screen.at ? bold(text) : dim(text),
      ]),
    ),
    right: line(dim('creating starts nothing ')),
  }),
  needs: ['servers', 'relationships'],
  opened: (_screen, model) =>
    (model.data.servers.value ?? []).map(server => ({type: 'check', server: server.name}) as const),
  bindings: [
    {
      keys: ['ctrl-s'],
      label: 'next / create',
      description: 'Go on: connect, then choose the site, then create',
      disabledBecause: (_model, screen) => (screen.busy ? 'the servers are being asked' : undefined),
      run: advance,
    },
    {
      keys: ['ctrl-t'],
      label: 'switch direction',
      description: 'Let the first sync go the other way (step 3)',
      disabledBecause: (_model, screen) =>
        screen.at === 3 ? undefined : 'the direction is chosen in step 3',
      run: (model, screen) =>
        step(replaceScreen(model, {...screen, initial: screen.initial === 'upload' ? 'download' : 'upload'})),
    },
  ],
  type: (before, model, key) => {
    const screen = withServers(before, model);
    if (key === 'enter' && isLastField(screen, model))
      return screen.busy ? step(model) : advance(model, screen);
    // There is nothing to type sideways in step 3 but the name, so Tab is free for the direction.
    if (screen.at === 3 && (key === 'tab' || key === 'shift-tab')) {
      return step(
        replaceScreen(model, {...screen, initial: screen.initial === 'upload' ? 'download' : 'upload'}),
      );
    }
    const form = typeIntoForm(formOf(screen), verticalKey(screen, key), rulesOf(screen, model));
    return form === undefined ? undefined : step(replaceScreen(model, putForm(screen, form)));
  },
  form: (before, model) => {
    const screen = withServers(before, model);
    return {form: formOf(screen), rules: rulesOf(screen, model)};
  },
  paste: (before, model, text) => {
    const screen = withServers(before, model);
    if (screen.at !== 1)
      return step(replaceScreen(model, putForm(screen, pasteIntoForm(formOf(screen), text))));
    // Whatever is pasted in step 1 can only be an invitation.
    const remote = screen.servers.fields.find(field => field.name === 'remote')!;
    const chosen =
      remote.kind === 'choice' ? replaceField(screen.servers, {...remote, value: addNew}) : screen.servers;
    const form = pasteIntoForm({...chosen, focus: 'invitation'}, text);
    return step(replaceScreen(model, {...screen, servers: form}));
  },
  back: (screen, model) => {
    if (screen.at === 1) return step(leaveForm(model, screen.servers));
    const {fault: _gone, ...rest} = screen;
    return step(replaceScreen(model, {...rest, at: screen.at === 3 ? 2 : 1, busy: false}));
  },
  receive: (screen, model, answer) => {
    switch (answer.kind) {
      case 'connected':
        return connected(model, screen, answer.server, answer.checks);
      case 'fault':
        return step(replaceScreen(model, {...screen, busy: false, fault: answer.fault}));
      case 'saved': {
        const name = textOfField(screen.summary, 'name');
        const opened = push(pop(model), relationshipScreen(name));
        return step(say(opened, 'info', `${answer.text} Nothing was started; i shows the initial sync.`), {
          type: 'load',
          what: 'relationships',
        });
      }
      default:
        return step(model);
    }
  },
  draw: (before, model, area): readonly Block[] => {
    const screen = withServers(before, model);
    const body =
      screen.at === 1
        ? drawFirst(screen, model, area.width)
        : screen.at === 2
          ? drawSecond(screen, model, area.width)
          : drawThird(screen, model, area.width);
    return [
      {
        kind: 'lines',
        lines: [
          blank,
          ...body,
          blank,
          ...(screen.busy
            ? [
                line(
                  ' ',
                  marker('run'),
                  screen.at === 3 ? ' creating ...' : ' connecting to both servers ...',
                ),
              ]
            : []),
          ...(screen.fault === undefined ? [] : drawFault(screen.fault, area.width, model.home)),
        ],
      },
    ];
  },
};

/** With one field on the step, up and down choose within it. */
function verticalKey(screen: WizardScreen, key: Key): Key {
  if (screen.at !== 2) return key;
  return key === 'up' || key === 'k'
    ? 'left'
    : key === 'down' || key === 'j' || key === 'tab'
      ? 'right'
      : key;
}

function isLastField(screen: WizardScreen, model: Model): boolean {
  const hidden = rulesOf(screen, model).hidden;
  return formOf(screen).fields.findLast(field => !hidden.includes(field.name))?.name === formOf(screen).focus;
}
