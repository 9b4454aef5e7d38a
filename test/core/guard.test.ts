import test from 'ava';
import {type GuardInput, guardDeletions, guardError} from '../../source/core/guard.js';
import type {Action} from '../../source/core/plan.js';

function deletes(count: number, type: 'file' | 'row'): Action[] {
  return [...Array(count).keys()].map(at => {
    const item =
      type === 'file' ? ({type, path: `f${at}`} as const) : ({type, table: 't', key: [String(at)]} as const);
    const operation = {op: 'delete', item, expect: {state: 'present', digest: ''}, vector: 'a:1'} as const;
    return {id: String(at), side: 'remote', kind: 'delete', item, operations: [{side: 'remote', operation}]};
  });
}

const present = {kind: 'present'} as const;
const base: GuardInput = {
  actions: [],
  live: {local: {files: 10, rows: 10}, remote: {files: 10, rows: 1000}},
  maxDelete: 50,
  roots: {local: present, remote: present},
};

const cases: [string, Partial<GuardInput>, string[]][] = [
  ['nothing to delete', {}, []],
  ['half of the files may go', {actions: deletes(5, 'file')}, []],
  ['one more may not', {actions: deletes(6, 'file')}, ['mass-deletion']],
  ['files and rows are counted apart', {actions: [...deletes(5, 'file'), ...deletes(500, 'row')]}, []],
  ['rows are guarded too', {actions: deletes(501, 'row')}, ['mass-deletion']],
  ['100 % allows everything', {actions: deletes(10, 'file'), maxDelete: 100}, []],
  ['0 % allows nothing', {actions: deletes(1, 'file'), maxDelete: 0}, ['mass-deletion']],
  [
    "the site's own ceiling counts",
    {actions: deletes(3, 'file'), siteMaxDelete: {remote: 20}},
    ['mass-deletion'],
  ],
  ['the ceiling of the other side does not', {actions: deletes(3, 'file'), siteMaxDelete: {local: 20}}, []],
  [
    'a missing root halts whatever is allowed',
    {maxDelete: 100, roots: {local: {kind: 'missing', detail: 'gone'}, remote: present}},
    ['root-missing'],
  ],
  [
    'another root halts whatever is allowed',
    {maxDelete: 100, roots: {local: {kind: 'changed', detail: 'device'}, remote: present}},
    ['root-changed'],
  ],
  [
    'an emptied root halts',
    {roots: {local: present, remote: {kind: 'emptied', before: 3}}},
    ['root-emptied'],
  ],
  [
    'an emptied root passes with 100 %',
    {maxDelete: 100, roots: {local: present, remote: {kind: 'emptied', before: 3}}},
    [],
  ],
];

for (const [title, input, kinds] of cases)
  test(title, t => {
    const findings = guardDeletions({...base, ...input});
    t.deepEqual(
      findings.map(({kind}) => kind),
      kinds as (typeof findings)[number]['kind'][],
    );
    for (const finding of findings) {
      t.is(guardError(finding).exitCode, 8);
      t.truthy(guardError(finding).hint);
    }
  });
