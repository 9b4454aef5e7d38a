import type {ReleaseSigning} from '../../engine/releases.js';
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
import type {Model} from '../model.js';
import {expiryIn, nameIn, originIn, originText, releaseProblems} from '../releases/release-rules.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {blank, cut, dim, type Line, line} from '../view/lines.js';

export type ReleaseFormScreen = {
  readonly kind: 'release-form';
  readonly id: number;
  readonly form: Form;
  readonly busy: boolean;
  readonly progress?: string;
  readonly fault?: Fault;
};

export function releaseFormScreen(): Omit<ReleaseFormScreen, 'id'> {
  return {
    kind: 'release-form',
    busy: false,
    form: createForm([
      textField('source', 'Source', '', 'FILE.zip, FOLDER, https://…, ftp://…, package:SERVER/SITE/NAME'),
      textField('version', 'Version', '', 'such as 7.6.7'),
      textField('name', 'Name', '', 'that of the archive or folder when empty'),
      textField('minimumVersion', 'From version', '', 'any, or the oldest that can be updated to it'),
      textField('expires', 'Expires', '', 'never, or such as 90d, 2027-01-31T00:00Z'),
      choiceField('strip', 'Single top folder', labelled({no: 'is kept', yes: 'is left away'}), 'no'),
      choiceField(
        'push',
        'Servers get it',
        labelled({no: 'from its address', yes: 'from the console'}),
        'no',
      ),
      choiceField(
        'signing',
        'Signature',
        labelled({none: 'none yet', 'secret-key': 'with a key', manifest: 'made elsewhere'}),
        'none',
      ),
      textField('key', 'Secret key', '', 'file of a minisign key'),
      secretField('password', 'Its password', 'none'),
      textField('manifest', 'Manifest', '', 'that was made and signed elsewhere'),
      textField('signature', 'Its signature', '', 'a .minisig file'),
    ]),
  };
}

/** Makes a release known to the console (U2). */
export const releaseForm: ScreenDefinition<ReleaseFormScreen> = {
  title: () => 'add a release',
  context: () => ({left: line(dim(' the archive is read whole and its files listed with their checksums'))}),
  needs: ['releases'],
  ...formParts<ReleaseFormScreen>({
    rules: rulesOf,
    save: {label: 'add', description: 'Read the archive, list its files and sign the list'},
    doing: 'reading the archive',
    command: ({id, form}, model) => {
      const text = (name: string) => textOfField(form, name);
      const origin = originIn(text('source'))!;
      const expiresAt = expiryIn(text('expires'), model.now);
      return {
        type: 'add-release',
        screen: id,
        definition: {
          origin,
          name: text('name') === '' ? nameIn(origin, text('version')) : text('name'),
          version: text('version'),
          ...(text('minimumVersion') === '' ? {} : {minimumVersion: text('minimumVersion')}),
          ...(expiresAt === undefined ? {} : {expiresAt}),
          strip: text('strip') === 'yes',
          push: text('push') === 'yes',
          signing: signingOf(form),
        },
      };
    },
    saved: (_screen, model, text) => backTo(model, text, {type: 'load', what: 'releases'}),
    below: ({form}, _model, width) => understood(form, width),
  }),
};

function signingOf(form: Form): ReleaseSigning {
  const text = (name: string) => textOfField(form, name);
  switch (text('signing')) {
    case 'secret-key':
      return {
        kind: 'secret-key',
        file: text('key'),
        ...(text('password') === '' ? {} : {password: text('password')}),
      };
    case 'manifest':
      return {
        kind: 'signed-manifest',
        manifest: text('manifest'),
        ...(text('signature') === '' ? {} : {signature: text('signature')}),
      };
    default:
      return {kind: 'none'};
  }
}

function rulesOf({form}: ReleaseFormScreen, model: Model): FormRules {
  const text = (name: string) => textOfField(form, name);
  const signing = text('signing');
  const origin = originIn(text('source'));
  return {
    hidden: [
      ...(signing === 'secret-key' ? [] : ['key', 'password']),
      ...(signing === 'manifest' ? [] : ['manifest', 'signature']),
      // What lies on this machine is always sent by the console.
      ...(origin === undefined || origin.kind === 'path' ? ['push'] : []),
    ],
    problems: releaseProblems(
      {
        source: text('source'),
        name: text('name'),
        version: text('version'),
        minimumVersion: text('minimumVersion'),
        expires: text('expires'),
        signing,
        key: text('key'),
        manifest: text('manifest'),
      },
      (model.data.releases.value ?? []).map(({id}) => id),
      model.now,
    ),
  };
}

/** What the source was taken for, and what the release will be called. */
function understood(form: Form, width: number): Line[] {
  const origin = originIn(textOfField(form, 'source'));
  if (origin === undefined) return [];
  const version = textOfField(form, 'version');
  const name = textOfField(form, 'name') || nameIn(origin, version);
  return [
    blank,
    line(dim(cut(` source: ${originText(origin)}`, width - 1))),
    line(dim(cut(` release: ${name}-${version || '?'}`, width - 1))),
  ];
}
