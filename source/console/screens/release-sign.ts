import {
  choiceField,
  createForm,
  type Form,
  type FormRules,
  labelled,
  secretField,
  textField,
  textOfField,
} from '../form.js';
import {backTo, formParts} from '../form-screen.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {dim, line} from '../view/lines.js';

export type ReleaseSignScreen = {
  readonly kind: 'release-sign';
  readonly id: number;
  readonly release: string;
  readonly form: Form;
  readonly busy: boolean;
  readonly fault?: Fault;
};

export function releaseSignScreen(release: string): Omit<ReleaseSignScreen, 'id'> {
  return {
    kind: 'release-sign',
    release,
    busy: false,
    form: createForm([
      choiceField(
        'how',
        'Signature',
        labelled({'secret-key': 'with a key', signature: 'made elsewhere'}),
        'secret-key',
      ),
      textField('file', 'File', '', 'of the secret key, or the .minisig file'),
      secretField('password', 'Password', 'none'),
    ]),
  };
}

/** Signs the manifest of a release, which names the archive and every file (U2). */
export const releaseSign: ScreenDefinition<ReleaseSignScreen> = {
  title: () => 'sign',
  context: ({release}) => ({
    left: line(dim(` ${release}: servers take it only from keys that their agent.json names`)),
  }),
  needs: [],
  ...formParts<ReleaseSignScreen>({
    rules: rulesOf,
    save: {label: 'sign', description: 'Sign the manifest of the release'},
    doing: 'signing',
    command: ({id, release, form}) => {
      const file = textOfField(form, 'file');
      const password = textOfField(form, 'password');
      return {
        type: 'sign-release',
        screen: id,
        release,
        signing:
          textOfField(form, 'how') === 'signature'
            ? {kind: 'signature', file}
            : {kind: 'secret-key', file, ...(password === '' ? {} : {password})},
      };
    },
    saved: (_screen, model, text) => backTo(model, text, {type: 'load', what: 'releases'}),
  }),
};

function rulesOf({form}: ReleaseSignScreen): FormRules {
  return {
    hidden: textOfField(form, 'how') === 'signature' ? ['password'] : [],
    problems: textOfField(form, 'file') === '' ? {file: 'a file is needed'} : {},
  };
}
