/** An error as the schema library lists it; `schemaPath` and `instancePath` are JSON pointers. */
export type ValidationError = {
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly message: string;
  readonly keyword: string;
  readonly params: {
    readonly additionalProperties?: readonly string[];
    readonly allowedValue?: unknown;
  };
};

/**
 * One error for each mistake: of a union the library lists what is wrong with every one of its forms, and that none
 * fits. A mistake inside one form is told alone; otherwise what may stand there.
 */
export function gatherMistakes(errors: readonly ValidationError[]): readonly ValidationError[] {
  const told = new Set<ValidationError>(errors);
  for (const union of errors.filter(({keyword}) => keyword === 'anyOf')) {
    const forms = errors.filter(({schemaPath}) => schemaPath.startsWith(`${union.schemaPath}/anyOf/`));
    const isInside = ({instancePath}: ValidationError) => instancePath.length > union.instancePath.length;
    for (const form of forms) if (!isInside(form)) told.delete(form);
    if (forms.some(isInside)) told.delete(union);
    else {
      told.delete(union);
      told.add({...union, message: choiceOf(forms) ?? union.message});
    }
  }
  return [...told];
}

function choiceOf(forms: readonly ValidationError[]): string | undefined {
  if (forms.length === 0) return undefined;
  if (forms.every(({keyword}) => keyword === 'const'))
    return `must be ${forms.map(({params}) => JSON.stringify(params.allowedValue)).join(' or ')}`;
  return forms.map(({message}) => message).join(' or ');
}
