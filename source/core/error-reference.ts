import {errorCodes} from './error-codes.js';

/** What the launcher says before anything of Lockstep is loaded (source/bin/lockstep.cjs). */
const launcherErrors = {
  NODE_TOO_OLD: {
    exit: 1,
    meaning: 'The Node.js that starts it is too old.',
    remedy: '`node_modules/.bin/node` is a right one.',
  },
  NOT_BUILT: {exit: 1, meaning: 'A checkout that was not built.', remedy: '`npm ci`.'},
};

/** All error codes as a Markdown table, for the README: made from the table that the program itself reads. */
export function errorReference(): string {
  const rows = Object.entries({...errorCodes, ...launcherErrors}).map(([code, {exit, meaning, remedy}]) =>
    ['', ` \`${code}\` `, ` ${exit} `, ` ${cell(meaning)} `, ` ${cell(remedy)} `, ''].join('|'),
  );
  return ['| code | status | what it means | what to do |', '|---|---|---|---|', ...rows].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
