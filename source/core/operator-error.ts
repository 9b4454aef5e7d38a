import {type ErrorCode, errorCodes} from './error-codes.js';
import {fileFailureOf} from './file-failure.js';

/** What an error looks like on stderr with `--json` and in an agent's answer (CLI.md, "Everywhere"). */
export type ErrorDocument = {code: string; message: string; hint?: string; details?: unknown};

/**
 * Something the operator can understand and act on: a stable code, a sentence, a remedy. Anything thrown that is not
 * one of these, nor the system's word on a file, is our own bug and is reported as such.
 */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  /** Machine-readable extras, such as the holder of a lease. */
  readonly details: unknown;

  constructor(
    code: ErrorCode,
    message: string,
    options: {hint?: string; details?: unknown; cause?: unknown} = {},
  ) {
    super(message, {cause: options.cause});
    this.code = code;
    this.hint = options.hint;
    this.details = options.details;
  }

  get exitCode(): number {
    return errorCodes[this.code].exit;
  }

  toDocument(): ErrorDocument {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : {hint: this.hint}),
      ...(this.details === undefined ? {} : {details: this.details}),
    };
  }

  /** Rebuilds an error that an agent answered with; a code this version does not know becomes INTERNAL. */
  static fromDocument(document: ErrorDocument): OperatorError {
    const code = document.code in errorCodes ? (document.code as ErrorCode) : 'INTERNAL';
    return new OperatorError(code, document.message, {
      ...(document.hint === undefined ? {} : {hint: document.hint}),
      ...(document.details === undefined ? {} : {details: document.details}),
    });
  }
}

/** Any thrown value as an OperatorError, so that boundaries can treat all failures alike. */
export function asOperatorError(thrown: unknown): OperatorError {
  if (thrown instanceof OperatorError) return thrown;
  const failure = fileFailureOf(thrown);
  if (failure !== undefined)
    return new OperatorError('FILE_FAILED', failure.message, {cause: thrown, hint: failure.hint});
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new OperatorError('INTERNAL', message, {
    cause: thrown,
    hint: 'This is a defect of Lockstep; please report it.',
  });
}
