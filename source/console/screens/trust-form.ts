import type {ConsoleRole} from '../../engine/trust.js';
import type {Command} from '../command.js';
import {
  choiceField,
  createForm,
  type Field,
  type Form,
  type FormRules,
  textField,
  textOfField,
} from '../form.js';
import {backTo, formParts} from '../form-screen.js';
import {formatTime} from '../format.js';
import {say} from '../message.js';
import {type Model, type Step, step} from '../model.js';
import {replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {blank, bold, dim, type Line, line, wrap} from '../view/lines.js';

/** What is to be done about trust; `export` without a server means the console's own certificate. */
export type TrustTask =
  | {readonly mode: 'invite' | 'pin'; readonly server: string}
  | {readonly mode: 'export'; readonly server?: string}
  | {readonly mode: 'pin-server'; readonly server?: string};

export type TrustFormScreen = {
  readonly kind: 'trust-form';
  readonly id: number;
  readonly task: TrustTask;
  readonly form: Form;
  readonly busy: boolean;
  readonly fault?: Fault;
  /** The invitation that was made. */
  readonly made?: {readonly invitation: string; readonly expiresAt: string; readonly role: ConsoleRole};
};

const roles = [
  {value: 'view', label: 'view: look and preview'},
  {value: 'operate', label: 'operate: run too'},
  {value: 'admin', label: 'admin: everything'},
] as const;

const lifetimes = [
  {value: '900000', label: '15 minutes'},
  {value: '3600000', label: '1 hour'},
  {value: '86400000', label: '1 day'},
  {value: '604800000', label: '7 days'},
] as const;

export function trustFormScreen(task: TrustTask): Omit<TrustFormScreen, 'id'> {
  return {kind: 'trust-form', task, busy: false, form: createForm(fieldsOf(task))};
}

function fieldsOf(task: TrustTask): readonly Field[] {
  const role = choiceField('role', 'Role', roles, 'view');
  switch (task.mode) {
    case 'invite':
      return [role, choiceField('ttl', 'Valid for', lifetimes, '900000')];
    case 'pin':
      return [
        textField('file', 'Certificate file', '', 'as `lockstep cert export FILE` wrote it there'),
        role,
        textField('name', 'Name', '', 'as the certificate says'),
      ];
    case 'export':
      return [textField('file', 'File', '', `${task.server ?? 'console'}.pem`)];
    case 'pin-server':
      return [
        textField('file', 'Certificate file', '', 'as `lockstep cert export FILE --data DIR` wrote it there'),
        textField('name', 'Name', task.server ?? '', 'as the certificate says'),
        textField('url', 'Address', '', task.server === undefined ? 'https://HOST:PORT' : 'as it is known'),
      ];
  }
}

const titles = {
  invite: 'invite a console',
  pin: 'pin a certificate',
  export: 'export the certificate',
  'pin-server': 'trust a server by hand',
} as const;

const explanations = {
  invite:
    'The line can be used once. Hand it to whoever is to be paired; there, `a` on the overview takes it.',
  pin: 'Its holder is answered from the next request on, under the role that is given here.',
  export: 'Only the certificate is written, never the key.',
  'pin-server':
    'For those who rather compare fingerprints than use invitations: the server must trust this console’s ' +
    'certificate too (`lockstep cert trust FILE --data DIR` there).',
} as const;

const {bindings, type, form, paste, back, receive, draw} = formParts<TrustFormScreen>({
  rules: rulesOf,
  save: {label: 'do it', description: 'Make the invitation, pin or export the certificate'},
  submitOn: 'never',
  doing: 'asking',
  command: commandOf,
  saved: (_screen, model, text) => backTo(model, text, {type: 'load', what: 'servers'}),
  below: belowForm,
});

/** Invites, pins and exports: one form each (E4, X1). */
export const trustForm: ScreenDefinition<TrustFormScreen> = {
  title: screen => titles[screen.task.mode],
  context: screen => ({
    left: line(
      bold(` ${screen.task.server ?? 'this console'}`),
      dim(`   ${titles[screen.task.mode]}; Ctrl-S does it`),
    ),
  }),
  needs: ['servers'],
  bindings,
  type: (screen, model, key) => {
    const last = screen.form.fields.at(-1)!.name;
    // Enter on the last field saves, whichever the last one of this task is.
    if (key === 'enter' && screen.form.focus === last && !screen.busy)
      return bindings[0]!.run(model, screen as never);
    return type!(screen, model, key);
  },
  form: form!,
  paste: paste!,
  back: (screen, model) => (screen.made === undefined ? back!(screen, model) : backTo(model, 'Made.')),
  receive: (screen, model, answer): Step => {
    if (answer.kind !== 'invited') return receive!(screen, model, answer);
    const {kind: _, ...made} = answer;
    return step(
      say(
        replaceScreen(model, {...screen, busy: false, made}),
        'info',
        'The invitation is made; hand it over.',
      ),
    );
  },
  draw,
};

function belowForm(screen: TrustFormScreen, model: Model, width: number): readonly Line[] {
  const {made, task} = screen;
  if (made === undefined)
    return [blank, ...wrap(explanations[task.mode], width - 2).map(text => line(' ', dim(text)))];
  return [
    blank,
    line(
      ' The invitation, valid once, as ',
      bold(made.role),
      ` until ${formatTime(made.expiresAt, model.now, model.time)}:`,
    ),
    blank,
    // It has no blanks to break at; where it is pasted, line ends in it do not count.
    ...(made.invitation.match(new RegExp(`.{1,${Math.max(20, width - 1)}}`, 'g')) ?? []).map(part =>
      line(part),
    ),
  ];
}

function commandOf({id, task, form}: TrustFormScreen): Command {
  const text = (name: string) => textOfField(form, name);
  const optional = (name: string) => (text(name) === '' ? {} : {[name]: text(name)});
  switch (task.mode) {
    case 'invite':
      return {
        type: 'invite',
        screen: id,
        server: task.server,
        role: text('role') as ConsoleRole,
        ttlMs: Number(text('ttl')),
      };
    case 'pin':
      return {
        type: 'pin-console',
        screen: id,
        server: task.server,
        file: text('file'),
        role: text('role') as ConsoleRole,
        ...optional('name'),
      };
    case 'export':
      return {
        type: 'export-certificate',
        screen: id,
        file: text('file'),
        ...(task.server === undefined ? {} : {server: task.server}),
      };
    case 'pin-server':
      return {type: 'pin-server', screen: id, file: text('file'), ...optional('name'), ...optional('url')};
  }
}

function rulesOf(screen: TrustFormScreen): FormRules {
  const problems: Record<string, string> = {};
  const {task, form} = screen;
  if (task.mode !== 'invite' && textOfField(form, 'file') === '') problems.file = 'a file is needed';
  const url = textOfField(form, 'url');
  if (task.mode === 'pin-server') {
    if (url === '' && task.server === undefined) problems.url = 'an address is needed, https://HOST:PORT';
    else if (url !== '' && !/^https:\/\/[^/]+\/?$/.test(url))
      problems.url = 'an address is https://HOST:PORT';
    if (textOfField(form, 'name').includes('/')) problems.name = 'a name has no slash';
  }
  return {hidden: [], problems};
}
