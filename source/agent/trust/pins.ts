import {type BigIntStats, readFileSync, statSync} from 'node:fs';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {Type} from '#typebox';
import {OperatorError} from '../../core/operator-error.js';
import type {Role} from '../../protocol/endpoint.js';
import {fingerprintSchema, siteNameSchema} from '../../protocol/schemas.js';
import {validate} from '../../protocol/transport/validate.js';
import {withLock} from '../../system/process-lock.js';

/** A certificate that is trusted, and for what (DESIGN.md, "Trust"). */
export type Pin = {
  readonly fingerprint: string;
  readonly name: string;
  readonly role: Role;
  /** Sites that a `peer` may act on; empty for consoles, which reach every site. */
  readonly sites: readonly string[];
  /**
   * Sites whose content this agent may bring to or fetch from that peer, by connections that it opens itself. Gives
   * the peer no right here: an outside server can do nothing to an inside one (X7).
   */
  readonly outbound?: readonly string[];
  /** ISO 8601, UTC. */
  readonly addedAt: string;
};

const pinsSchema = Type.Object({
  version: Type.Literal(1),
  pins: Type.Array(
    Type.Object(
      {
        fingerprint: fingerprintSchema,
        name: Type.String({maxLength: 256}),
        role: Type.Union([
          Type.Literal('view'),
          Type.Literal('operate'),
          Type.Literal('admin'),
          Type.Literal('peer'),
        ]),
        sites: Type.Array(siteNameSchema),
        outbound: Type.Optional(Type.Array(siteNameSchema)),
        addedAt: Type.String(),
      },
      {additionalProperties: false},
    ),
  ),
});

/**
 * The pinned certificates of one agent, kept in `pins.json`. The running agent and the command line both read and
 * write them: every look-up sees what is in the file now, so that a revocation acts at once.
 */
export type Pins = {
  find(fingerprint: string): Pin | undefined;
  list(): readonly Pin[];
  /** Pins a console; trusting again replaces the role (CLI.md). */
  trust(pin: Omit<Pin, 'addedAt'>): Promise<Pin>;
  /** Pins an agent for sites, in addition to those it was given before (X1). */
  introduce(peer: {
    fingerprint: string;
    name: string;
    sites: readonly string[];
    outbound?: readonly string[];
  }): Promise<Pin>;
  /** Takes sites from a pinned agent again; one that is left without any is no longer pinned. */
  withdraw(peer: {fingerprint: string; sites: readonly string[]; outbound: readonly string[]}): Promise<void>;
  /** @throws OperatorError NOT_FOUND when nothing or more than one thing is pinned that begins so. */
  revoke(fingerprint: string): Promise<Pin>;
};

/** Opens the pins of the agent in `dataFolder`; a file that is not there yet holds none. */
export function openPins(dataFolder: string): Pins {
  const path = join(dataFolder, 'pins.json');
  let known = new Map<string, Pin>();
  let seen = '';

  const current = (): Map<string, Pin> => {
    // The file is only ever replaced as a whole, so another inode or time is the sign of every change.
    const stats = statSync(path, {bigint: true, throwIfNoEntry: false}) as BigIntStats | undefined;
    const mark = stats ? `${stats.ino}:${stats.mtimeNs}:${stats.size}` : 'none';
    if (mark !== seen) {
      known = stats ? readPins(path) : new Map();
      seen = mark;
    }
    return known;
  };
  const change = <T>(edit: (pins: Map<string, Pin>) => T): Promise<T> =>
    withLock(`${path}.lock`, async () => {
      const pins = new Map(current());
      const result = edit(pins);
      const text = JSON.stringify({version: 1, pins: [...pins.values()]}, null, 2);
      await writeFileAtomic(path, `${text}\n`, {mode: 0o600});
      return result;
    });

  return {
    find: fingerprint => current().get(fingerprint),
    list: () => [...current().values()],
    trust: pin =>
      change(pins => {
        const added: Pin = {...pin, addedAt: new Date().toISOString()};
        pins.set(pin.fingerprint, added);
        return added;
      }),
    introduce: ({fingerprint, name, sites, outbound = []}) =>
      change(pins => {
        const before = pins.get(fingerprint);
        if (before && before.role !== 'peer')
          throw new OperatorError(
            'ALREADY_EXISTS',
            `That certificate is pinned as the console ${before.name}.`,
            {
              hint: `Revoke it first: lockstep agent revoke ${fingerprint} --data …`,
            },
          );
        const pin: Pin = {
          fingerprint,
          name,
          role: 'peer',
          sites: union(before?.sites, sites),
          outbound: union(before?.outbound, outbound),
          addedAt: before?.addedAt ?? new Date().toISOString(),
        };
        pins.set(fingerprint, pin);
        return pin;
      }),
    withdraw: ({fingerprint, sites, outbound}) =>
      change(pins => {
        const before = pins.get(fingerprint);
        if (before?.role !== 'peer') return;
        const pin = {
          ...before,
          sites: before.sites.filter(site => !sites.includes(site)),
          outbound: (before.outbound ?? []).filter(site => !outbound.includes(site)),
        };
        if (pin.sites.length === 0 && pin.outbound.length === 0) pins.delete(fingerprint);
        else pins.set(fingerprint, pin);
      }),
    revoke: prefix =>
      change(pins => {
        const pin = findPin([...pins.values()], prefix);
        pins.delete(pin.fingerprint);
        return pin;
      }),
  };
}

/**
 * The one pin that a person means by a fingerprint or its beginning (at least 8 digits).
 * @throws OperatorError NOT_FOUND
 */
export function findPin(pins: readonly Pin[], prefix: string): Pin {
  const wanted = prefix.replaceAll(':', '').toLowerCase();
  const matches = wanted.length < 8 ? [] : pins.filter(pin => pin.fingerprint.startsWith(wanted));
  const [pin] = matches;
  if (pin && matches.length === 1) return pin;
  throw new OperatorError(
    'NOT_FOUND',
    pin
      ? `More than one pinned certificate begins with ${prefix}.`
      : `No certificate ${prefix} is pinned here.`,
    {hint: '`lockstep agent peers --data DIR` lists them with their whole fingerprints.'},
  );
}

function union(before: readonly string[] = [], added: readonly string[]): string[] {
  return [...new Set([...before, ...added])].sort();
}

function readPins(path: string): Map<string, Pin> {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    validate(pinsSchema, value, path);
    return new Map((value as {pins: Pin[]}).pins.map(pin => [pin.fingerprint, pin]));
  } catch (error) {
    // Trusting nobody is the safe reading of a file that cannot be read, but it must be said.
    throw new OperatorError('INVALID_STATE', `${path} cannot be read: ${(error as Error).message}`, {
      hint: 'Put it back from a backup, or delete it and pair again.',
      cause: error,
    });
  }
}
