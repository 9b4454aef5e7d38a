import {Option} from 'commander';

/** `--select`, which may be given several times: only what is named travels (E20–E22). */
export function selectOption(): Option {
  return new Option(
    '--select <what>',
    'only this, now: content:ID with what belongs to it, folder:ID, file:PATH; may be repeated',
  ).argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
}
