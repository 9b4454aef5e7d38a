import {readFile, writeFile} from 'node:fs/promises';
import {type Static, Type} from '#typebox';
import {OperatorError} from '../../core/operator-error.js';
import {parseJson} from '../../protocol/transport/json-text.js';
import {validate} from '../../protocol/transport/validate.js';
import {rolloutFiles} from '../../state/run-files.js';

const rolloutJobSchema = Type.Object(
  {
    /** `update` starts, or goes on; `rollback` brings back the version before. */
    kind: Type.Union([Type.Literal('update'), Type.Literal('rollback')]),
    rollout: Type.String({maxLength: 128}),
    by: Type.String({maxLength: 512}),
    /** Agents may know of updates already: they are asked first. */
    resumes: Type.Boolean(),
    /** The lock of another rollout whose servers are taken from it. */
    takeOver: Type.Optional(Type.String({maxLength: 64})),
    /** `SERVER/SITE` of those that are rolled back. */
    servers: Type.Array(Type.String({maxLength: 512}), {maxItems: 10_000}),
  },
  {additionalProperties: false},
);

/** What the process of a rollout is asked to do. */
export type RolloutJob = Static<typeof rolloutJobSchema>;

export async function writeRolloutJob(home: string, rolloutId: string, job: RolloutJob): Promise<void> {
  await writeFile(rolloutFiles(home, rolloutId).request, JSON.stringify(job), {flag: 'wx', mode: 0o600});
}

/** @throws OperatorError NOT_FOUND, INVALID_STATE */
export async function readRolloutJob(home: string, rolloutId: string): Promise<RolloutJob> {
  const {request} = rolloutFiles(home, rolloutId);
  let bytes: Buffer;
  try {
    bytes = await readFile(request);
  } catch (error) {
    throw new OperatorError('NOT_FOUND', `Nobody asked for the rollout ${rolloutId}.`, {
      hint: 'Rollouts are started with `lockstep rollout start`.',
      cause: error,
    });
  }
  try {
    const job = parseJson(bytes);
    validate(rolloutJobSchema, job, 'The request');
    return job as RolloutJob;
  } catch (error) {
    throw new OperatorError('INVALID_STATE', `${request}: ${(error as Error).message}`, {
      hint: 'Resume the rollout: `lockstep rollout resume`.',
      cause: error,
    });
  }
}
