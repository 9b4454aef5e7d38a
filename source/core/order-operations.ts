import {compareCodePoints} from './item.js';
import type {Action, Operation, Side} from './plan.js';

/** An operation with the id of the action it belongs to. */
export type OrderedOperation = {readonly actionId: string; readonly operation: Operation};

/**
 * What one side is asked to carry out in the main step of a commit, in an order that works: files that go,
 * children before their folders; then what comes, folders before their children; then attributes of folders, which
 * may be what forbids writing into them; then rows and tables in the order of the plan. Adoptions are not
 * among them: they follow once the other side has done its part.
 */
export function orderOperations(actions: Iterable<Action>, side: Side): OrderedOperation[] {
  const phases: OrderedOperation[][] = [[], [], [], []];
  for (const action of actions)
    for (const {side: at, operation} of action.operations)
      if (at === side && operation.op !== 'adopt')
        phases[phaseOf(operation)]!.push({actionId: action.id, operation});
  phases[0]!.sort((a, b) => compareCodePoints(pathOf(b.operation), pathOf(a.operation)));
  phases[1]!.sort((a, b) => compareCodePoints(pathOf(a.operation), pathOf(b.operation)));
  phases[2]!.sort((a, b) => compareCodePoints(pathOf(b.operation), pathOf(a.operation)));
  return phases.flat();
}

function phaseOf(operation: Operation): 0 | 1 | 2 | 3 {
  switch (operation.op) {
    case 'delete':
      return operation.item.type === 'file' ? 0 : 3;
    case 'put':
      return operation.record.type === 'file' ? 1 : 3;
    case 'touch':
      return operation.record.kind === 'folder' ? 2 : 1;
    case 'adopt':
    case 'copy-table':
      return 3;
  }
}

function pathOf(operation: Operation): string {
  const item = 'record' in operation ? operation.record : 'item' in operation ? operation.item : undefined;
  return item?.type === 'file' ? item.path : '';
}
