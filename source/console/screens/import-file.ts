import type {SiteAddress} from '../../engine/engine.js';
import {siteText} from '../describe.js';
import {
  choiceField,
  createForm,
  type Form,
  type FormRules,
  labelled,
  textField,
  textOfField,
} from '../form.js';
import {backTo, formParts} from '../form-screen.js';
import type {Model} from '../model.js';
import {nameFault} from '../packages/name-fault.js';
import {packagesOf} from '../packages/read-packages.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {dim, line} from '../view/lines.js';

export type ImportFileScreen = {
  readonly kind: 'import-file';
  readonly id: number;
  readonly address: SiteAddress;
  readonly form: Form;
  readonly busy: boolean;
  readonly fault?: Fault;
};

export function importFileScreen(address: SiteAddress): Omit<ImportFileScreen, 'id'> {
  return {
    kind: 'import-file',
    address,
    busy: false,
    form: createForm([
      textField('path', 'File of this machine', '', 'such as ~/releases/shop-7.6.7.zip'),
      textField('name', 'Registered as', '', 'its own name when empty'),
      choiceField('replace', 'If it is there', labelled({no: 'refuse', yes: 'replace it'}), 'no'),
    ]),
  };
}

/** Copies a file of this machine into the download folder of a site (P4). */
export const importFile: ScreenDefinition<ImportFileScreen> = {
  title: () => 'import a file',
  context: ({address}) => ({left: line(dim(` is copied into the download folder of ${siteText(address)}`))}),
  needs: [],
  ...formParts<ImportFileScreen>({
    rules: rulesOf,
    submitOn: 'replace',
    save: {label: 'import', description: 'Copy the file and register it'},
    doing: 'copying the file',
    command: ({address, id, form}) => {
      const name = textOfField(form, 'name');
      return {
        type: 'import-file',
        screen: id,
        address,
        path: textOfField(form, 'path'),
        ...(name === '' ? {} : {name}),
        replace: textOfField(form, 'replace') === 'yes',
      };
    },
    saved: (_screen, model, text) => backTo(model, text),
  }),
};

function rulesOf({form, address}: ImportFileScreen, model: Model): FormRules {
  const problems: Record<string, string> = {};
  const path = textOfField(form, 'path');
  if (path === '') problems.path = 'a file is needed';
  else if (path.endsWith('/')) problems.path = 'a file, not a folder; a folder is packed first';
  const name = textOfField(form, 'name');
  const becomes = name === '' ? path.slice(path.lastIndexOf('/') + 1) : name;
  const fault = becomes === '' ? undefined : nameFault(becomes);
  if (fault !== undefined) problems.name = fault;
  const taken = packagesOf(model, address).value?.files.some(file => file.name === becomes);
  if (taken && textOfField(form, 'replace') === 'no')
    problems.replace = `${becomes} is registered already; choose to replace it, or another name`;
  return {hidden: [], problems};
}
