import type {ServerCheck} from '../../engine/engine.js';
import {siteText} from '../describe.js';
import {textOfField} from '../form.js';
import type {Model} from '../model.js';
import type {WizardScreen} from '../screens/wizard.js';
import {drawForm} from '../view/draw-form.js';
import {blank, bold, dim, fitText, type Line, line, marker, wrap} from '../view/lines.js';
import {addressOf, remoteAddress, rulesOf} from './wizard-forms.js';

/** Step 1: both servers. */
export function drawFirst(screen: WizardScreen, model: Model, width: number): Line[] {
  return [
    ...wrap(
      'The local site is the one on this side of the firewall; its agent opens all connections. The remote server is only asked.',
      width - 2,
    ).map(text => line(' ', dim(text))),
    blank,
    ...drawForm(screen.servers, rulesOf(screen, model), model.colour, width),
    blank,
    line(dim(' ⏎ on the last line connects to both and checks certificates and clocks.')),
  ];
}

/** Step 2: the sites found on the remote server. */
export function drawSecond(screen: WizardScreen, model: Model, width: number): Line[] {
  return [
    ...Object.values(screen.checks).map(check =>
      line(
        ' ',
        marker('ok'),
        ` ${fitText(check.server, 16)} `,
        dim(`certificate ${fingerprintOf(check, model)}`),
      ),
    ),
    blank,
    ...drawForm(screen.sites, rulesOf(screen, model), model.colour, width),
  ];
}

/** As much of a fingerprint as people compare. */
function fingerprintOf(check: ServerCheck, model: Model): string {
  const entry = model.data.servers.value?.find(server => server.name === check.server);
  return entry === undefined ? 'as in the invitation' : `${entry.fingerprint.slice(0, 32)}..., as pinned`;
}

/** Step 3: both sides side by side, and which way the first sync goes. */
export function drawThird(screen: WizardScreen, model: Model, width: number): Line[] {
  const local = addressOf(textOfField(screen.servers, 'local'));
  const remote = remoteAddress(screen);
  const column = Math.max(20, Math.floor((width - 19) / 2));
  const arrow = screen.initial === 'upload' ? '──first sync──>' : '<──first sync──';
  const [source, destination] = screen.initial === 'upload' ? [local, remote] : [remote, local];
  const row = (left: string, middle: string, right: string, strong = false) =>
    line(
      ' ',
      strong ? bold(fitText(left, column)) : fitText(left, column),
      ' ',
      bold(fitText(middle, 15)),
      ' ',
      strong ? bold(fitText(right, column)) : fitText(right, column),
    );
  const facts = (address: {server: string; site: string}) => {
    const check = screen.checks[address.server];
    const site = check?.sites?.find(other => other.name === address.site);
    return [
      `database ${site?.engine ?? 'none'}`,
      `version ${site?.version || '-'}`,
      site?.staging ? 'staging' : 'not staging',
      site?.initialSync === undefined ? 'never initialised' : `initialised from ${site.initialSync.from}`,
    ];
  };
  const left = facts(local);
  const right = facts(remote);
  return [
    row('local', '', 'remote'),
    row(siteText(local), arrow, siteText(remote), true),
    ...left.map((text, index) => row(text, '', right[index]!)),
    blank,
    line(
      ' The first sync will make ',
      bold(siteText(destination)),
      ' a mirror of ',
      bold(siteText(source)),
      '.',
    ),
    line(dim(' Tab or Ctrl-T switches the direction.')),
    blank,
    ...drawForm(screen.summary, rulesOf(screen, model), model.colour, width),
    blank,
    line(dim(' ⏎ creates the relationship; that starts nothing.')),
  ];
}
