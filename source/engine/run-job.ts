import {readFile, writeFile} from 'node:fs/promises';
import {type Static, Type} from '#typebox';
import {OperatorError} from '../core/operator-error.js';
import {itemRefSchema} from '../protocol/schemas.js';
import {parseJson} from '../protocol/transport/json-text.js';
import {validate} from '../protocol/transport/validate.js';
import {runFiles} from '../state/run-files.js';

const syncJobSchema = Type.Object(
  {
    kind: Type.Union([Type.Literal('sync'), Type.Literal('initial-sync')]),
    relationship: Type.String({maxLength: 128}),
    /** Empty for an initial sync, which makes its own. */
    profile: Type.String({maxLength: 128}),
    by: Type.String({maxLength: 512}),
    /** Absolute path of the saved plan. */
    planFile: Type.Optional(Type.String({maxLength: 16_384})),
    /** Percent. */
    maxDelete: Type.Optional(Type.Number({minimum: 0, maximum: 100})),
    force: Type.Boolean(),
    /** Compares everything anew. */
    verify: Type.Boolean(),
    /** An initial sync backs the destination up whatever its relationship's profiles say. */
    backup: Type.Optional(Type.Boolean()),
    /** Only this travels (E20–E22), as an operator writes it. */
    select: Type.Optional(Type.Array(Type.String({maxLength: 16_384}), {minItems: 1, maxItems: 100_000})),
    /** Milliseconds that a site which another run holds is waited for; none when absent. */
    patienceMs: Type.Optional(Type.Integer({minimum: 0})),
  },
  {additionalProperties: false},
);

const undoJobSchema = Type.Object(
  {
    kind: Type.Union([Type.Literal('undo'), Type.Literal('redo')]),
    /** The run that is undone or redone. */
    of: Type.String({maxLength: 64}),
    /** Empty for a live sync. */
    relationship: Type.String({maxLength: 128}),
    profile: Type.String({maxLength: 128}),
    /** The live sync that the run was of. */
    live: Type.Optional(Type.String({maxLength: 128})),
    direction: Type.Union([
      Type.Literal('upload'),
      Type.Literal('download'),
      Type.Literal('bidirectional'),
      Type.Literal('none'),
    ]),
    by: Type.String({maxLength: 512}),
  },
  {additionalProperties: false},
);

const restoreJobSchema = Type.Object(
  {
    kind: Type.Literal('restore'),
    server: Type.String({maxLength: 128}),
    site: Type.String({maxLength: 128}),
    /** Entries by their id, or items whose newest old version is meant. */
    entries: Type.Array(
      Type.Union([
        Type.Object({id: Type.String({maxLength: 64})}, {additionalProperties: false}),
        Type.Object({item: itemRefSchema}, {additionalProperties: false}),
      ]),
      {minItems: 1, maxItems: 100_000},
    ),
    by: Type.String({maxLength: 512}),
  },
  {additionalProperties: false},
);

const liveJobSchema = Type.Object(
  {
    kind: Type.Literal('live'),
    live: Type.String({maxLength: 128}),
    by: Type.String({maxLength: 512}),
    /** Percent. */
    maxDelete: Type.Optional(Type.Number({minimum: 0, maximum: 100})),
    /** Milliseconds that a site which another run holds is waited for; none when absent. */
    patienceMs: Type.Optional(Type.Integer({minimum: 0})),
  },
  {additionalProperties: false},
);

const runJobSchema = Type.Union([syncJobSchema, undoJobSchema, restoreJobSchema, liveJobSchema]);

export type SyncJob = Static<typeof syncJobSchema>;
export type UndoJob = Static<typeof undoJobSchema>;
export type LiveJob = Static<typeof liveJobSchema>;
export type RestoreJob = Static<typeof restoreJobSchema>;
/** What a runner process is asked to do. */
export type RunJob = SyncJob | UndoJob | RestoreJob | LiveJob;

export async function writeRunJob(home: string, runId: string, job: RunJob): Promise<void> {
  await writeFile(runFiles(home, runId).request, JSON.stringify(job), {flag: 'wx', mode: 0o600});
}

/** @throws OperatorError NOT_FOUND, INVALID_STATE */
export async function readRunJob(home: string, runId: string): Promise<RunJob> {
  const {request} = runFiles(home, runId);
  let bytes: Buffer;
  try {
    bytes = await readFile(request);
  } catch (error) {
    throw new OperatorError('NOT_FOUND', `Nobody asked for a run ${runId}.`, {
      hint: 'Runs are started with `lockstep run`.',
      cause: error,
    });
  }
  try {
    const job = parseJson(bytes);
    validate(runJobSchema, job, 'The request');
    return job as RunJob;
  } catch (error) {
    throw new OperatorError('INVALID_STATE', `${request}: ${(error as Error).message}`, {
      hint: 'Start the run again.',
      cause: error,
    });
  }
}
