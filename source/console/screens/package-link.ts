import {durationMs} from '../../core/duration.js';
import type {SiteAddress} from '../../engine/engine.js';
import {createForm, type Form, type FormRules, textField, textOfField} from '../form.js';
import {formParts} from '../form-screen.js';
import {formatTime} from '../format.js';
import {step} from '../model.js';
import {pop, replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {blank, dim, line, marker, wrap} from '../view/lines.js';

export type PackageLinkScreen = {
  readonly kind: 'package-link';
  readonly id: number;
  readonly address: SiteAddress;
  readonly name: string;
  readonly form: Form;
  readonly busy: boolean;
  readonly fault?: Fault;
  readonly made?: {readonly url: string; readonly expiresAt: string};
};

export function packageLinkScreen(address: SiteAddress, name: string): Omit<PackageLinkScreen, 'id'> {
  return {
    kind: 'package-link',
    address,
    name,
    busy: false,
    form: createForm([textField('ttl', 'Holds for', '24h')]),
  };
}

/** The longest time that an agent signs for, milliseconds. */
const mostMs = 366 * 86_400_000;

const parts = formParts<PackageLinkScreen>({
  rules: rulesOf,
  submitOn: 'ttl',
  save: {label: 'make a link', description: 'Sign a link that holds for so long'},
  doing: 'signing',
  command: ({id, address, name, form}) => ({
    type: 'link-package',
    screen: id,
    address,
    name,
    ttlMs: durationMs(textOfField(form, 'ttl')) ?? 0,
  }),
  saved: (_screen, model) => step(model),
  below: ({made}, model, width) =>
    made === undefined
      ? []
      : [
          blank,
          line(' ', marker('ok'), ` It holds until ${formatTime(made.expiresAt, model.now, model.time)}:`),
          blank,
          // Whoever copies it must get it whole, so it is broken where the terminal ends and not with marks.
          ...pieces(made.url, width).map(text => line(text)),
          blank,
          ...wrap(
            "Anybody who has it can download the package. The agent's certificate is its own, which browsers ask about.",
            width - 2,
          ).map(text => line(' ', dim(text))),
        ],
});

/** A signed, expiring link to a package, for people without a certificate (P8). */
export const packageLink: ScreenDefinition<PackageLinkScreen> = {
  title: screen => `link to ${screen.name}`,
  context: () => ({left: line(dim(' with the link the package can be downloaded without a certificate'))}),
  needs: [],
  ...parts,
  // How long a link holds is nothing that would be lost.
  back: (_screen, model) => step(pop(model)),
  receive: (screen, model, answer) =>
    answer.kind === 'link-made'
      ? step(replaceScreen(model, {...screen, busy: false, made: answer}))
      : parts.receive!(screen, model, answer),
};

function pieces(text: string, width: number): string[] {
  const count = Math.max(1, Math.ceil(text.length / width));
  return Array.from({length: count}, (_, index) => text.slice(index * width, (index + 1) * width));
}

function rulesOf({form}: PackageLinkScreen): FormRules {
  const ms = durationMs(textOfField(form, 'ttl'));
  const fits = ms !== undefined && ms >= 1000 && ms <= mostMs;
  return {hidden: [], problems: fits ? {} : {ttl: 'a duration from 1s to 366d, such as 24h'}};
}
