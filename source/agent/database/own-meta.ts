import {randomBytes} from 'node:crypto';
import {OperatorError} from '../../core/operator-error.js';
import type {DatabaseMemory} from './database-options.js';

/* What our own table `meta` says of a site's database as a whole; the engines differ in how it is read and written. */

/** Form of the tables that Lockstep keeps in a site's database. */
const schemaVersion = 1;

/** Values of `meta` by name. */
export type Meta = ReadonlyMap<string, string>;

/** Who a site database is, and where its sequence stands. */
export type Identity = {
  readonly replica: string;
  readonly lineage: string;
  readonly epoch: string;
  readonly seq: number;
};

/** Undefined as long as the database knows nothing of us. */
export function identityOf(meta: Meta): Identity | undefined {
  const text = (name: string) => meta.get(name) ?? '';
  if (text('replica') === '') return undefined;
  return {
    replica: text('replica'),
    lineage: text('lineage'),
    epoch: text('epoch'),
    seq: Number(meta.get('seq') ?? 0),
  };
}

/** Signature of the replacements (E28) that the rows are written with. */
export function replacementsOf(meta: Meta): string {
  return meta.get('replacements') ?? '[]';
}

/** @throws OperatorError STATE_TOO_NEW */
export function mustKnowSchema(meta: Meta): void {
  if (Number(meta.get('schema') ?? 0) > schemaVersion)
    throw new OperatorError(
      'STATE_TOO_NEW',
      'The lockstep tables in the site database were made by a newer version of Lockstep.',
      {hint: 'Update the agent.'},
    );
}

/** Whether the database is the one that is remembered, at that place or further on. */
export function isContinuation(known: Identity | undefined, memory: DatabaseMemory | undefined): boolean {
  return (
    known !== undefined &&
    memory !== undefined &&
    known.replica === memory.replica &&
    known.epoch === memory.epoch &&
    known.seq >= memory.seq
  );
}

/**
 * Decides who a database is: a new one, the one that is remembered, or a copy or a restored one, which goes on under a
 * new replica.
 * @param replacements of a new database, whose rows are taken to be as the site wants them
 * @returns what has to be written to `meta`
 * @throws OperatorError STATE_TOO_NEW
 */
export function establishMeta(
  meta: Meta,
  lastKnown: DatabaseMemory | undefined,
  replacements: string,
): {values: Readonly<Record<string, string>>; renewed: boolean} {
  mustKnowSchema(meta);
  const known = identityOf(meta);
  if (known === undefined) {
    const identity = {replica: randomId(), lineage: randomId(), epoch: randomId(), seq: '0'};
    return {values: {schema: String(schemaVersion), ...identity, replacements}, renewed: false};
  }
  if (isContinuation(known, lastKnown)) return {values: {}, renewed: false};
  return {values: renewedReplica(), renewed: true};
}

/** Of a database some of whose versions are not known any more: what others have seen must never stand for something else. */
export function renewedReplica(): {replica: string; epoch: string} {
  return {replica: randomId(), epoch: randomId()};
}

/** 16 characters of [0-9a-z]: the form of replicas, lineages and epochs. */
export function randomId(): string {
  return randomBytes(16).reduce((text, byte) => text + (byte % 36).toString(36), '');
}
