import {createHash} from 'node:crypto';
import type {IncomingMessage} from 'node:http';
import type {TLSSocket} from 'node:tls';
import {OperatorError} from '../../core/operator-error.js';
import type {Access, Role} from '../../protocol/endpoint.js';
import type {Pins} from '../trust/pins.js';

/** Who calls. `nobody` is a certificate that is not pinned, which only the pairing call accepts. */
export type Caller = {
  readonly fingerprint: string;
  readonly name: string;
  readonly role: Role | 'nobody';
  /** Sites a peer was given; empty for consoles, which reach every site. */
  readonly sites: readonly string[];
  readonly address: string;
};

const consoleRank: Readonly<Record<string, number>> = {view: 1, operate: 2, admin: 3};

/**
 * Says who calls by the pins as they are now, at every request: a kept connection is no ticket.
 * @throws OperatorError IDENTITY_REFUSED when no certificate was shown or it is not pinned.
 */
export function identifyCaller(request: IncomingMessage, access: Access, pins: Pins): Caller {
  const address = request.socket.remoteAddress ?? 'unknown';
  const fingerprint = fingerprintOfSocket(request.socket as TLSSocket);
  if (fingerprint === undefined)
    throw new OperatorError('IDENTITY_REFUSED', 'No certificate was shown.', {
      hint: 'Only paired consoles and introduced agents are served: `lockstep agent invite` on the server, `lockstep server add` at the console.',
    });
  const pin = pins.find(fingerprint);
  if (pin) return {fingerprint, name: pin.name, role: pin.role, sites: pin.sites, address};
  if (access === 'anyone') return {fingerprint, name: '', role: 'nobody', sites: [], address};
  throw new OperatorError(
    'IDENTITY_REFUSED',
    `The certificate ${fingerprint.slice(0, 16)}… is not trusted here.`,
    {
      hint: 'It was never paired, or it was revoked: `lockstep agent invite` on the server makes a new invitation.',
      details: {fingerprint},
    },
  );
}

/**
 * Whether the caller may use an endpoint (X7).
 * @throws OperatorError SITE_REFUSED for a peer outside its sites, ROLE_REFUSED otherwise.
 */
export function authorize(caller: Caller, access: Access, site: string | undefined): void {
  if (access === 'anyone' || access === 'pinned') return;
  if (caller.role === 'peer') {
    if (site !== undefined && !caller.sites.includes(site))
      throw new OperatorError('SITE_REFUSED', `${caller.name} was not given the site ${site}.`, {
        hint: 'A relationship gives an agent access: `lockstep relationship create` introduces the two.',
      });
    if (access === 'site-peer' && site !== undefined) return;
    throw new OperatorError(
      'ROLE_REFUSED',
      `${caller.name} is a peer, and peers may only exchange content.`,
      {
        hint: 'This call is for consoles.',
      },
    );
  }
  const needed = access === 'site-peer' ? 'operate' : access;
  if ((consoleRank[caller.role] ?? 0) >= (consoleRank[needed] ?? Number.POSITIVE_INFINITY)) return;
  throw new OperatorError(
    'ROLE_REFUSED',
    `${caller.name} has the role ${caller.role}; this needs ${needed}.`,
    {
      hint: `An administrator of the server can give it: lockstep agent invite --role ${needed} --data …`,
    },
  );
}

const fingerprints = new WeakMap<TLSSocket, string>();

function fingerprintOfSocket(socket: TLSSocket): string | undefined {
  // A resumed session shows no certificate of its own and is never accepted, though none should come about.
  if (socket.isSessionReused()) return undefined;
  const known = fingerprints.get(socket);
  if (known !== undefined) return known;
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return undefined;
  const fingerprint = createHash('sha256').update(certificate.raw).digest('hex');
  fingerprints.set(socket, fingerprint);
  return fingerprint;
}
