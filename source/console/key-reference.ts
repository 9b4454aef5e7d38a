import {type Binding, showKey} from './bindings.js';
import {formBindings, globalBindings, listBindings} from './key-tables.js';
import {screens} from './screens/index.js';

/** All keys of the console as Markdown tables, for the README: made from the same tables as footer and help. */
export function keyReference(): string {
  const tables: readonly (readonly [
    title: string,
    bindings: readonly Pick<Binding, 'keys' | 'description'>[],
  ])[] = [
    ['Everywhere', globalBindings],
    ['In lists', listBindings],
    ['In forms', formBindings],
    ...Object.entries(screens).map(([kind, {bindings}]) => [kind.replaceAll('-', ' '), bindings] as const),
  ];
  return tables
    .filter(([, bindings]) => bindings.length > 0)
    .map(([title, bindings]) =>
      [`### ${title[0]!.toUpperCase()}${title.slice(1)}`, '', ...rows(bindings), ''].join('\n'),
    )
    .join('\n');
}

function rows(bindings: readonly Pick<Binding, 'keys' | 'description'>[]): string[] {
  return [
    '| key | what it does |',
    '|---|---|',
    ...bindings.map(({keys, description}) => {
      const shown = keys.map(key => `\`${showKey(key)}\``).join(' ');
      return `| ${shown} | ${description.replaceAll('|', '\\|')} |`;
    }),
  ];
}
