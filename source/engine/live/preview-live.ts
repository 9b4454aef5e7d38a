import pMap from 'p-map';
import {liveStages} from '../../core/live-stages.js';
import type {PlanCounts} from '../../core/plan.js';
import {closeGroup, connectGroup} from '../connect-group.js';
import type {LivePreview} from '../engine.js';
import {type EngineContext, findLive} from '../engine-context.js';
import {makePlan, mustMeetPreconditions, type PlanObserver} from '../make-plan.js';
import {serversOf} from './live-relationship.js';
import {liveStep} from './live-step.js';

/** Live servers that are asked at the same time. */
const concurrency = 4;

/**
 * What a live sync would do, phase by phase and server by server, as things are now: what one server brings is not
 * yet counted for the others. Read-only.
 * @throws OperatorError of a check that fails (G1, G2), or when no live server answers
 */
export async function previewLive(
  context: EngineContext,
  name: string,
  {signal = new AbortController().signal}: {signal?: AbortSignal} = {},
): Promise<LivePreview> {
  const state = await context.state.read();
  const live = findLive(state, name);
  const group = await connectGroup(
    context,
    state,
    {local: live.local, members: serversOf(state, live)},
    signal,
  );
  const observer: PlanObserver = {signal, phase: (_, work) => work(), progress: () => () => {}};
  try {
    const stages = liveStages(group.local.site, live.tenants, live.extra);
    for (const stage of stages.slice(0, 1))
      for (const member of group.members) {
        const {member: own, profile, limits} = liveStep(live, stage, member);
        mustMeetPreconditions(own.ends, profile, limits);
      }
    const phases: LivePreview['phases'][number][] = [];
    for (const stage of stages) {
      const servers = await pMap(
        group.members,
        async (member): Promise<{server: string; counts: PlanCounts}> => {
          const {member: own, profile, limits} = liveStep(live, stage, member);
          const request = {profile, limits, everything: false, acceptRoot: false};
          const {plan} = await makePlan(own.ends, request, observer);
          return {server: member.name, counts: plan.counts};
        },
        {concurrency},
      );
      const {phase, tenant} = stage;
      phases.push({phase, ...(tenant === undefined ? {} : {tenant}), servers});
    }
    return {
      live: name,
      phases,
      missing: group.missing.map(({name: member, error: {code, message}}) => ({
        member,
        error: {code, message},
      })),
    };
  } finally {
    closeGroup(group);
  }
}
