import type {TSchema} from '#typebox';
import {Compile} from '#typebox/compile';
import {OperatorError} from '../../core/operator-error.js';
import {gatherMistakes, type ValidationError} from './gather-mistakes.js';

type Validator = {Check(value: unknown): boolean; Errors(value: unknown): Iterable<ValidationError>};

const compiled = new WeakMap<TSchema, Validator>();

/** The compiled form of a schema; compiled on first use, because a command needs few of them. */
function validatorOf(schema: TSchema): Validator {
  let validator = compiled.get(schema);
  if (!validator) {
    validator = Compile(schema) as Validator;
    compiled.set(schema, validator);
  }
  return validator;
}

/**
 * Refuses a value from outside that is not what the schema says.
 * @param subject what the value is, for the message: `The body`.
 * @throws OperatorError BAD_REQUEST naming the place as a JSON pointer.
 */
export function validate(schema: TSchema, value: unknown, subject: string): void {
  const validator = validatorOf(schema);
  if (validator.Check(value)) return;
  const [first] = validator.Errors(value);
  const place = first?.instancePath ? ` at ${first.instancePath.slice(0, 256)}` : '';
  throw new OperatorError(
    'BAD_REQUEST',
    `${subject} is not valid${place}: ${first?.message ?? 'wrong shape'}.`,
    {
      hint: 'Console and agent may be of different versions: `lockstep doctor` compares them.',
    },
  );
}

/**
 * A mistake in a value. `place` is a JSON pointer; `expected` is what the schema says of the value there,
 * `unknownNames` are those that the schema does not have.
 */
export type Mistake = {
  readonly place: string;
  readonly message: string;
  readonly expected?: string;
  readonly unknownNames?: readonly string[];
};

/** Every mistake in a value, for whoever wants to show them all. */
export function listMistakes(schema: TSchema, value: unknown): readonly Mistake[] {
  const validator = validatorOf(schema);
  if (validator.Check(value)) return [];
  const unknownAt = new Set<string>();
  const mistakes: Mistake[] = [];
  for (const {schemaPath, instancePath, keyword, message, params} of gatherMistakes([
    ...validator.Errors(value),
  ])) {
    const unknownNames = params.additionalProperties;
    if (unknownNames) for (const name of unknownNames) unknownAt.add(`${instancePath}/${name}`);
    const expected = descriptionAt(schema, schemaPath);
    mistakes.push({
      place: instancePath,
      // Nobody should have to read a regular expression.
      message: keyword === 'pattern' ? 'is not of the right form' : message,
      ...(expected === undefined ? {} : {expected}),
      ...(unknownNames ? {unknownNames} : {}),
    });
  }
  // An unknown name is also reported as a value that may not be there, which says the same less clearly.
  return mistakes.filter(mistake => mistake.unknownNames || !unknownAt.has(mistake.place));
}

/** What a schema says of the part that a path such as `#/properties/name` leads to. */
function descriptionAt(schema: TSchema, schemaPath: string): string | undefined {
  let node: unknown = schema;
  for (const step of schemaPath.split('/').slice(1))
    node = typeof node === 'object' && node !== null ? (node as Record<string, unknown>)[step] : undefined;
  const description = (node as {description?: unknown} | undefined)?.description;
  return typeof description === 'string' ? description : undefined;
}
