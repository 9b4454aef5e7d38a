import {resolve} from 'node:path';

/** A program is looked for on PATH, or beside agent.json: never in the site, whose files come from elsewhere. */
export function toCommand([program = '', ...rest]: readonly string[], base: string): readonly string[] {
  return [program.includes('/') ? resolve(base, program) : program, ...rest];
}
