import {durationMs, durationText} from '../../core/duration.js';
import {momentOf} from '../../core/moment.js';
import type {SiteAddress} from '../../engine/engine.js';
import type {PackageEntry} from '../../engine/packages.js';
import type {Command} from '../command.js';
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
import {say} from '../message.js';
import {type Model, step} from '../model.js';
import {pop, push} from '../navigate.js';
import {nameFault} from '../packages/name-fault.js';
import {packagesOf} from '../packages/read-packages.js';
import {splitNames} from '../profile-rules.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {blank, dim, line, wrap} from '../view/lines.js';
import {packageAssignScreen} from './package-assign.js';

export type PackageFormScreen = {
  readonly kind: 'package-form';
  readonly id: number;
  readonly address: SiteAddress;
  /** Name of the package that is edited; undefined for a new one. */
  readonly editing?: string;
  readonly form: Form;
  readonly busy: boolean;
  readonly fault?: Fault;
};

/** @param entry the package to edit; a new one when absent */
export function packageFormScreen(address: SiteAddress, entry?: PackageEntry): Omit<PackageFormScreen, 'id'> {
  const {title, expiresAt, lifetimeMs, managers, downloaders, links} = entry?.attributes ?? {
    title: '',
    managers: [],
    downloaders: [],
    links: false,
  };
  return {
    kind: 'package-form',
    address,
    busy: false,
    ...(entry === undefined ? {} : {editing: entry.name}),
    form: createForm([
      ...(entry === undefined ? [textField('name', 'Name', '', 'such as press-kit')] : []),
      textField('title', 'Title', title, 'what people read'),
      textField('expires', 'Expires', expiresAt ?? '', 'never, or a moment such as 2027-01-31T00:00Z'),
      textField(
        'lifetime',
        'Lifetime',
        lifetimeMs === undefined ? '' : durationText(lifetimeMs),
        'none, or a time from its making such as 30d, 12h, 90m',
      ),
      textField(
        'managers',
        'May be changed by',
        managers.join(', '),
        'every operator, or names of consoles besides the administrators',
      ),
      textField(
        'downloaders',
        'May be downloaded by',
        downloaders.join(', '),
        'every console and the servers of the site, or names of consoles and servers',
      ),
      choiceField(
        'links',
        'Links',
        labelled({no: 'not allowed', yes: 'signed links may be made'}),
        links ? 'yes' : 'no',
      ),
    ]),
  };
}

/** The first step of a new package (P2), or the attributes of one (P6). */
export const packageForm: ScreenDefinition<PackageFormScreen> = {
  title: screen => (screen.editing === undefined ? 'new package' : `edit ${screen.editing}`),
  context: ({address, editing}) => ({
    left: line(
      dim(
        editing === undefined
          ? ` step 1 of 2 at ${siteText(address)}: define it; it is empty until files are added`
          : ` attributes at ${siteText(address)}; the archive is not touched`,
      ),
    ),
  }),
  needs: [],
  ...formParts<PackageFormScreen>({
    rules: rulesOf,
    save: {label: 'save', description: 'Save the package; of a new one the files are added next'},
    doing: 'saving',
    command,
    saved: (screen, model, text) =>
      screen.editing === undefined
        ? step(
            say(
              push(pop(model), packageAssignScreen(screen.address, textOfField(screen.form, 'name'))),
              'info',
              text,
            ),
          )
        : backTo(model, text),
    below: (_screen, _model, width) => [
      blank,
      ...wrap(
        'A package is deleted at its expiry or at the end of its lifetime, whichever comes first. Its registered files stay.',
        width - 2,
      ).map(text => line(' ', dim(text))),
    ],
  }),
};

function command({id, address, editing, form}: PackageFormScreen): Command {
  const text = (name: string) => textOfField(form, name);
  const expiresAt = text('expires') === '' ? undefined : momentOf(text('expires'));
  const lifetimeMs = text('lifetime') === '' ? undefined : durationMs(text('lifetime'));
  const rest = {
    title: text('title'),
    managers: splitNames(text('managers')),
    downloaders: splitNames(text('downloaders')),
    links: text('links') === 'yes',
  };
  return editing === undefined
    ? {
        type: 'create-package',
        screen: id,
        address,
        name: text('name'),
        attributes: {
          ...rest,
          ...(expiresAt === undefined ? {} : {expiresAt}),
          ...(lifetimeMs === undefined ? {} : {lifetimeMs}),
        },
      }
    : {
        type: 'edit-package',
        screen: id,
        address,
        name: editing,
        changes: {...rest, expiresAt: expiresAt ?? null, lifetimeMs: lifetimeMs ?? null},
      };
}

/** Shortest lifetime that an agent takes, milliseconds. */
const leastLifetimeMs = 1000;

function rulesOf({form, editing, address}: PackageFormScreen, model: Model): FormRules {
  const problems: Record<string, string> = {};
  const name = textOfField(form, 'name');
  if (editing === undefined) {
    const fault = name === '' ? 'a name is needed' : nameFault(name);
    if (fault !== undefined) problems.name = fault;
    else if (packagesOf(model, address).value?.packages.some(entry => entry.name === name))
      problems.name = `there is already a package ${name}`;
  }
  const expires = textOfField(form, 'expires');
  const moment = momentOf(expires);
  if (expires !== '' && moment === undefined)
    problems.expires = 'a moment with its zone, such as 2027-01-31T00:00Z; empty for never';
  else if (moment !== undefined && Date.parse(moment) <= model.now)
    problems.expires = 'that is over already; the package would be deleted at once';
  const lifetime = textOfField(form, 'lifetime');
  if (lifetime !== '' && (durationMs(lifetime) ?? 0) < leastLifetimeMs)
    problems.lifetime = 'a duration of 1s or more, such as 30d, 12h, 90m; empty for none';
  return {hidden: [], problems};
}
