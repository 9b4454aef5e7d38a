import type {SiteAddress} from '../../engine/engine.js';
import {siteText} from '../describe.js';
import {createForm, type Form, type FormRules, textField, textOfField} from '../form.js';
import {backTo, formParts} from '../form-screen.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {dim, line} from '../view/lines.js';

export type PackageFetchScreen = {
  readonly kind: 'package-fetch';
  readonly id: number;
  readonly address: SiteAddress;
  readonly name: string;
  readonly form: Form;
  readonly busy: boolean;
  readonly progress?: string;
  readonly fault?: Fault;
};

export function packageFetchScreen(address: SiteAddress, name: string): Omit<PackageFetchScreen, 'id'> {
  return {
    kind: 'package-fetch',
    address,
    name,
    busy: false,
    form: createForm([textField('to', 'Save as', `${name}.zip`)]),
  };
}

/** Downloads the archive of a package to this machine (P8). */
export const packageFetch: ScreenDefinition<PackageFetchScreen> = {
  title: screen => `fetch ${screen.name}`,
  context: screen => ({
    left: line(dim(` from ${siteText(screen.address)}; an interrupted download goes on where it ended`)),
  }),
  needs: [],
  ...formParts<PackageFetchScreen>({
    rules: rulesOf,
    submitOn: 'to',
    save: {label: 'fetch', description: 'Download the archive and check it'},
    doing: 'fetching',
    command: ({id, address, name, form}) => ({
      type: 'fetch-package',
      screen: id,
      address,
      name,
      to: textOfField(form, 'to'),
    }),
    saved: (_screen, model, text) => backTo(model, text),
    below: () => [line(dim(' relative to the folder in which the console was started; ~/ is your own'))],
  }),
};

function rulesOf({form}: PackageFetchScreen): FormRules {
  const to = textOfField(form, 'to');
  return {
    hidden: [],
    problems: to === '' ? {to: 'a file is needed'} : to.endsWith('/') ? {to: 'a file, not a folder'} : {},
  };
}
