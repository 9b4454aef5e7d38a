import {createForm, type Form, type FormRules, textField, textOfField} from '../form.js';
import {formParts} from '../form-screen.js';
import {step} from '../model.js';
import {pop, replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {blank, dim, line, marker, wrap} from '../view/lines.js';

export type ReleaseVerifyScreen = {
  readonly kind: 'release-verify';
  readonly id: number;
  readonly release: string;
  readonly form: Form;
  readonly busy: boolean;
  readonly fault?: Fault;
  /** What the signature says, and the key, as it was typed, that it was made with. */
  readonly verified?: {readonly key: string; readonly signedBy: string; readonly trustedComment: string};
};

export function releaseVerifyScreen(release: string): Omit<ReleaseVerifyScreen, 'id'> {
  return {
    kind: 'release-verify',
    release,
    busy: false,
    form: createForm([
      textField('key', 'Public key', '', 'the line that begins with RW, or the .pub file that holds it'),
    ]),
  };
}

const parts = formParts<ReleaseVerifyScreen>({
  rules: rulesOf,
  submitOn: 'key',
  save: {
    label: 'verify',
    description: 'Look whether the release is signed with this key, and unchanged since',
  },
  doing: 'verifying',
  command: ({id, release, form}) => ({
    type: 'verify-release',
    screen: id,
    release,
    publicKey: textOfField(form, 'key'),
  }),
  saved: (_screen, model) => step(model),
  below: ({release, form, verified}, _model, width) =>
    verified === undefined || verified.key !== textOfField(form, 'key')
      ? []
      : [
          blank,
          line(' ', marker('ok'), ` ${release} is signed with the key ${verified.signedBy}.`),
          ...wrap(`Its trusted comment: ${verified.trustedComment}`, width - 2).map(text =>
            line(' ', dim(text)),
          ),
        ],
});

/** Whether a release is signed with a key that somebody names (U2). */
export const releaseVerify: ScreenDefinition<ReleaseVerifyScreen> = {
  title: () => 'verify',
  context: ({release}) => ({
    left: line(dim(` ${release}: servers ask the same, of the keys that their agent.json names`)),
  }),
  needs: [],
  ...parts,
  // It changes nothing, so there is nothing to lose.
  back: (_screen, model) => step(pop(model)),
  receive: (screen, model, answer) => {
    if (answer.kind !== 'release-verified') return parts.receive!(screen, model, answer);
    const {fault: _gone, ...rest} = screen;
    const verified = {...answer, key: textOfField(screen.form, 'key')};
    return step(replaceScreen(model, {...rest, busy: false, verified}));
  },
};

function rulesOf({form}: ReleaseVerifyScreen): FormRules {
  return {hidden: [], problems: textOfField(form, 'key') === '' ? {key: 'a key is needed'} : {}};
}
