import type {OwnIdentity} from '../../engine/trust.js';
import {formatTime} from '../format.js';
import {type Model, step} from '../model.js';
import {push} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {textInput} from '../text-input.js';
import {drawAge, drawFault} from '../view/draw-list.js';
import {blank, bold, dim, type Line, line, marker, spread, wrap} from '../view/lines.js';
import {trustFormScreen} from './trust-form.js';

export type IdentityScreen = {readonly kind: 'identity'; readonly id: number};

export function identityScreen(): Omit<IdentityScreen, 'id'> {
  return {kind: 'identity'};
}

/** The console's own certificate: what servers know it by (E4). */
export const identity: ScreenDefinition<IdentityScreen> = {
  title: () => 'own certificate',
  context: () => ({
    left: line(dim(' servers know this console by its certificate; the key never leaves its folder')),
  }),
  needs: ['identity', 'servers'],
  bindings: [
    {
      keys: ['x'],
      label: 'export',
      description: "Write this console's certificate to a file, to be pinned by hand at a server",
      run: model => step(push(model, trustFormScreen({mode: 'export'}))),
    },
    {
      keys: ['P'],
      label: 'trust a server',
      description: "Pin a server's certificate from a file, instead of using an invitation",
      run: model => step(push(model, trustFormScreen({mode: 'pin-server'}))),
    },
    {
      keys: ['K'],
      label: 'new keys',
      description: 'Make new keys and discard these, after a word was typed',
      disabledBecause: model => (model.data.identity.value ? undefined : 'the certificate is not loaded yet'),
      run: model => step(askRegeneration(model)),
    },
  ],
  draw: (_screen, model, area) => [{kind: 'lines', lines: facts(model, area.width)}],
};

function facts(model: Model, width: number): Line[] {
  const {identity: own, servers} = model.data;
  if (own.value === undefined)
    return [
      blank,
      ...(own.fault === undefined
        ? [line('   ', marker('run'), ' loading ...')]
        : drawFault(own.fault, width)),
    ];
  const {name, fingerprint, notAfter, path}: OwnIdentity = own.value;
  const list = servers.value ?? [];
  return [
    spread(blank, line(dim(drawAge(own, model))), width),
    fact('Name', name),
    fact('Fingerprint', ''),
    line('   ', bold(fingerprint.slice(0, 32))),
    line('   ', bold(fingerprint.slice(32))),
    fact('Valid until', formatTime(notAfter, model.now, model.time)),
    fact('File', path),
    blank,
    line(dim(' Servers that were paired with it, and what they let it do')),
    ...(list.length === 0
      ? [line('   none yet; Esc, then a pairs the first')]
      : list.map(server => line(`   ${server.name}  `, dim(`${server.role}  ${server.url}`)))),
    blank,
    ...wrap(
      'Compare the fingerprint over another line (telephone) when certificates are pinned by hand. Who has copied ' +
        'the key can do what this console can: then make new keys with K and let each server revoke the old ones.',
      width - 2,
    ).map(text => line(' ', dim(text))),
  ];
}

function fact(label: string, text: string): Line {
  return line(dim(` ${label.padEnd(14)}`), text);
}

function askRegeneration(model: Model): Model {
  const count = model.data.servers.value?.length ?? 0;
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: 'Make new keys for this console and discard the present ones?',
      effects: [
        ['the present keys', 'are gone for good'],
        [
          'servers',
          count === 0
            ? 'none is paired yet'
            : `all ${count} refuse this console (IDENTITY_REFUSED) until it is paired anew with each`,
        ],
        [
          'the way back',
          'an invitation from each server, or its own `cert trust`, or another admin’s console',
        ],
        ['runs under way', 'go on with what they hold, and may fail where they connect anew'],
        ['what is kept', 'servers, relationships, profiles, logs: all of the state'],
      ],
      typeName: 'regenerate',
      input: textInput(),
      commands: [{type: 'regenerate-identity'}],
      thenBack: false,
    },
  };
}
