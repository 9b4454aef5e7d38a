import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {finishPlan} from '../../source/core/finish-plan.js';
import type {PreviewResult} from '../../source/engine/engine.js';
import {loadPlan, savePlan} from '../../source/engine/plan-file.js';

const preview: PreviewResult = {
  relationship: 'r',
  profile: 'p',
  revision: '0011223344556677',
  takenAt: '2026-01-01T00:00:00.000Z',
  firstRun: false,
  adoptsLineage: false,
  plan: finishPlan(
    [
      {
        side: 'remote',
        kind: 'delete',
        item: {type: 'row', table: 't', key: ['1']},
        operations: [
          {
            side: 'remote',
            operation: {
              op: 'delete',
              item: {type: 'row', table: 't', key: ['1']},
              expect: {state: 'present', digest: 'a'.repeat(32)},
              vector: 'x:2',
            },
          },
        ],
      },
    ],
    [],
  ),
};

async function saved(t: ExecutionContext): Promise<string> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'lockstep-plan-'));
  t.teardown(() => rmSync(folder, {recursive: true, force: true}));
  const file = path.join(folder, 'plan.json');
  await savePlan(preview, file);
  return file;
}

test('a saved plan comes back as it was, and every saving is a plan of its own', async t => {
  const file = await saved(t);
  const first = await loadPlan(file);
  t.deepEqual(first.plan, preview.plan);
  await savePlan(preview, file);
  t.not((await loadPlan(file)).planId, first.planId);
});

for (const [what, change] of [
  ['an altered action', (text: string) => text.replaceAll('["1"]', '["2"]')],
  ['a plan of another version', (text: string) => text.replace('"version":1', '"version":2')],
  ['another JSON file', () => '{"name":"package"}'],
  ['no JSON', () => 'once upon a time'],
  ['nested without end', () => `${'['.repeat(1_000_000)}`],
] as const)
  test(`${what} is no plan that can be run`, async t => {
    const file = await saved(t);
    writeFileSync(file, change(readFileSync(file, 'utf8')));
    await t.throwsAsync(loadPlan(file), {code: 'USAGE'});
  });

test('a plan that is not there, or cannot be saved there, is the operator to tell', async t => {
  const file = await saved(t);
  await t.throwsAsync(loadPlan(`${file}.missing`), {code: 'USAGE'});
  await t.throwsAsync(savePlan(preview, path.join(file, 'plan.json')), {code: 'USAGE'});
});
