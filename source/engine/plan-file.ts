import {randomBytes} from 'node:crypto';
import {open} from 'node:fs/promises';
import writeFileAtomic from 'write-file-atomic';
import {type Static, type TSchema, Type} from '#typebox';
import {OperatorError} from '../core/operator-error.js';
import type {Action, SideOperation} from '../core/plan.js';
import {planHash} from '../core/plan-hash.js';
import {itemRecordSchema, itemRefSchema, operationSchema} from '../protocol/schemas.js';
import {parseJson} from '../protocol/transport/json-text.js';
import {validate} from '../protocol/transport/validate.js';
import type {PreviewResult} from './engine.js';

/** Bytes of a saved plan: some millions of actions. */
const maxPlanBytes = 480 * 1024 * 1024;
const fileVersion = 1;

const strict = {additionalProperties: false} as const;
const text = (maxLength = 4096) => Type.String({maxLength});
const literals = <const T extends readonly string[]>(...values: T) =>
  Type.Unsafe<T[number]>(Type.Union(values.map(value => Type.Literal(value)) as TSchema[]));
const side = literals('local', 'remote');
const sideOperation = Type.Unsafe<SideOperation>(Type.Object({side, operation: operationSchema}, strict));
const count = Type.Integer({minimum: 0});
const sideCounts = Type.Object({create: count, update: count, delete: count}, strict);

const actionSchema = Type.Unsafe<Action>(
  Type.Object(
    {
      id: text(32),
      side,
      member: Type.Optional(text(512)),
      kind: literals('create', 'update', 'delete', 'conflict', 'skip'),
      item: itemRefSchema,
      reason: Type.Optional(text(64 * 1024)),
      winner: Type.Optional(side),
      conflict: Type.Optional(text(64)),
      collision: Type.Optional(
        Type.Object(
          {
            kind: text(256),
            table: text(256),
            key: Type.Array(Type.String(), {minItems: 1, maxItems: 64}),
            column: text(256),
            original: Type.String(),
            modified: Type.String(),
          },
          strict,
        ),
      ),
      counted: Type.Optional(Type.Boolean()),
      before: Type.Optional(
        Type.Object(
          {local: Type.Optional(itemRecordSchema), remote: Type.Optional(itemRecordSchema)},
          strict,
        ),
      ),
      operations: Type.Array(sideOperation),
    },
    strict,
  ),
);

const planFileSchema = Type.Object(
  {
    format: Type.Literal('lockstep-plan'),
    version: Type.Literal(fileVersion),
    /** Random: a plan can be run once. */
    planId: Type.String({pattern: '^[0-9a-f]{32}$'}),
    relationship: text(128),
    profile: text(128),
    /** Revision of the profile; an edited profile makes the plan stale. */
    revision: text(64),
    takenAt: text(64),
    firstRun: Type.Boolean(),
    adoptsLineage: Type.Boolean(),
    plan: Type.Object(
      {
        actions: Type.Array(actionSchema),
        adoptions: Type.Array(sideOperation),
        counts: Type.Object(
          {local: sideCounts, remote: sideCounts, conflicts: count, skipped: count},
          strict,
        ),
        hash: Type.String({pattern: '^[0-9a-f]{64}$'}),
      },
      strict,
    ),
  },
  strict,
);

/** A plan that was saved, to be run exactly so (X2). */
export type SavedPlan = Static<typeof planFileSchema>;

/** Saves what a preview showed. @throws OperatorError USAGE when the file cannot be written. */
export async function savePlan(preview: PreviewResult, file: string): Promise<void> {
  const {relationship, profile, revision, takenAt, firstRun, adoptsLineage, plan} = preview;
  const saved = {
    format: 'lockstep-plan',
    version: fileVersion,
    planId: randomBytes(16).toString('hex'),
    relationship,
    profile,
    revision,
    takenAt,
    firstRun,
    adoptsLineage,
    plan,
  };
  try {
    await writeFileAtomic(file, `${JSON.stringify(saved)}\n`);
  } catch (error) {
    throw new OperatorError('USAGE', `The plan cannot be saved: ${(error as Error).message}`, {
      hint: 'Name a file in a folder that exists and can be written.',
      cause: error,
    });
  }
}

/**
 * Reads a saved plan. Nothing in it is trusted: its shape, and that its actions are those which were hashed.
 * @throws OperatorError USAGE for a file that is not there or is no plan of this version.
 */
export async function loadPlan(file: string): Promise<SavedPlan> {
  try {
    const value = parseJson(await readBounded(file));
    validate(planFileSchema, value, 'The plan');
    const saved = value as SavedPlan;
    if (planHash(saved.plan.actions) !== saved.plan.hash)
      throw new OperatorError('USAGE', 'Its actions are not those that were saved.');
    return saved;
  } catch (error) {
    throw new OperatorError('USAGE', `${file} is no plan that can be run: ${(error as Error).message}`, {
      hint: '`lockstep preview RELATIONSHIP/PROFILE --out FILE` saves one.',
      cause: error,
    });
  }
}

async function readBounded(file: string): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const {size} = await handle.stat();
    if (size > maxPlanBytes)
      throw new OperatorError('LIMIT_EXCEEDED', `It is longer than ${maxPlanBytes} bytes.`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}
