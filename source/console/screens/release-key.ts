import {createForm, type Form, type FormRules, textField, textOfField} from '../form.js';
import {formParts} from '../form-screen.js';
import {step} from '../model.js';
import {pop, replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {blank, dim, line, marker, wrap} from '../view/lines.js';

export type ReleaseKeyScreen = {
  readonly kind: 'release-key';
  readonly id: number;
  readonly form: Form;
  readonly busy: boolean;
  readonly fault?: Fault;
  readonly made?: {readonly keyId: string; readonly publicKey: string; readonly secretFile: string};
};

export function releaseKeyScreen(): Omit<ReleaseKeyScreen, 'id'> {
  return {
    kind: 'release-key',
    busy: false,
    form: createForm([textField('file', 'File of the key', '', 'such as ~/keys/release.key')]),
  };
}

const parts = formParts<ReleaseKeyScreen>({
  rules: rulesOf,
  submitOn: 'file',
  save: {label: 'make', description: 'Make the secret key and, beside it, FILE.pub'},
  doing: 'making keys',
  command: ({id, form}) => ({type: 'create-release-key', screen: id, file: textOfField(form, 'file')}),
  saved: (_screen, model) => step(model),
  below: ({made}, _model, width) =>
    made === undefined
      ? []
      : [
          blank,
          line(' ', marker('ok'), ` ${made.secretFile} holds the key ${made.keyId}; keep it secret.`),
          blank,
          line(' ', made.publicKey),
          blank,
          ...wrap(
            'That line belongs into "update": {"keys": […]} of each site in agent.json of the servers that are to take releases signed with it.',
            width - 2,
          ).map(text => line(' ', dim(text))),
        ],
});

/** A pair of minisign keys to sign releases with. */
export const releaseKey: ScreenDefinition<ReleaseKeyScreen> = {
  title: () => 'new key',
  context: () => ({left: line(dim(' servers trust the keys that their own agent.json names, and no other'))}),
  needs: [],
  ...parts,
  // What has been typed is used; there is nothing to lose.
  back: (screen, model) => (screen.made === undefined ? parts.back!(screen, model) : step(pop(model))),
  receive: (screen, model, answer) =>
    answer.kind === 'key-made'
      ? step(replaceScreen(model, {...screen, busy: false, made: answer}))
      : parts.receive!(screen, model, answer),
};

function rulesOf({form}: ReleaseKeyScreen): FormRules {
  const file = textOfField(form, 'file');
  return {
    hidden: [],
    problems:
      file === '' ? {file: 'a file is needed'} : file.endsWith('/') ? {file: 'a file, not a folder'} : {},
  };
}
