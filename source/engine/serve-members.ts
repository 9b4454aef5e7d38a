import pMap from 'p-map';
import type {Member} from './connect-group.js';
import {changesSide, type GroupRun, type GroupStep, type PreparedStep, touchesLocal} from './run-group.js';

/** Members that are worked on at the same time. */
const concurrency = 4;

export type Gathered = {
  /** Plans that still hold, of members that have not been served yet. */
  readonly planned: readonly PreparedStep[];
  /** Names of the members that have been served and know of everything that the local site has. */
  readonly inStep: ReadonlySet<string>;
};

/**
 * Plans for all members and takes what they bring, one after the other: each plan has to know what came before.
 * @throws OperatorError of what stops the run as a whole
 */
export async function gather(run: GroupRun, step: (member: Member) => GroupStep): Promise<Gathered> {
  const planned = await prepareAll(run, run.members, step);
  const seen = new Map<string, number>();
  let revision = 0;
  const bringing = planned.filter(({made}) => touchesLocal(made));
  for (const [index, prepared] of bringing.entries()) {
    const current = index === 0 ? prepared : await run.prepare(step(prepared.member));
    if (current === undefined || (await run.carryOut(current)) === undefined) continue;
    if (changesSide(current.made, 'local')) revision += 1;
    seen.set(prepared.member.name, revision);
  }
  return {
    planned: bringing.length === 0 ? planned : [],
    inStep: new Set([...seen].flatMap(([name, known]) => (known === revision ? [name] : []))),
  };
}

/** Serves the first member, then the others side by side; those that touch the local site one after the other. */
export async function spread(
  run: GroupRun,
  members: readonly Member[],
  prepare: (member: Member) => Promise<PreparedStep | undefined>,
): Promise<void> {
  const [first, ...others] = members;
  if (first === undefined) return;
  await carryOut(run, await prepare(first));
  const late: Member[] = [];
  await pMap(
    others,
    async member => {
      const prepared = await prepare(member);
      if (prepared !== undefined && touchesLocal(prepared.made)) late.push(member);
      else await carryOut(run, prepared);
    },
    {concurrency},
  );
  for (const member of late) await carryOut(run, await prepare(member));
}

async function carryOut(run: GroupRun, prepared: PreparedStep | undefined): Promise<void> {
  if (prepared !== undefined) await run.carryOut(prepared);
}

export async function prepareAll(
  run: GroupRun,
  members: readonly Member[],
  step: (member: Member) => GroupStep,
): Promise<PreparedStep[]> {
  const prepared = await pMap(members, member => run.prepare(step(member)), {concurrency});
  return prepared.filter(one => one !== undefined);
}
