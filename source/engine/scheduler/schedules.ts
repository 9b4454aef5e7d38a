import {setImmediate as immediate} from 'node:timers/promises';
import {OperatorError} from '../../core/operator-error.js';
import {parseSchedule, sharedStart} from '../../core/schedule.js';
import type {Scheduling, State, StoredLive, StoredProfile} from '../../state/state.js';

/** What starts by itself: a profile, or a live sync (then the other two are empty, as in the runs of one). */
export type Starter = {readonly relationship: string; readonly profile: string; readonly live?: string};

/** Where the schedule of a starter is kept. */
export type Scheduled = Starter & {readonly entry: StoredProfile | StoredLive};

/** Everything that can have a schedule. */
export function* startersOf({profiles, lives = []}: State): Generator<Scheduled, void> {
  for (const entry of profiles) yield {relationship: entry.relationship, profile: entry.name, entry};
  for (const entry of lives) yield {relationship: '', profile: '', live: entry.name, entry};
}

export function isSameStarter(a: Starter, b: Starter): boolean {
  return a.relationship === b.relationship && a.profile === b.profile && a.live === b.live;
}

/** As people call it: `R/P`, or the name of the live sync or rollout. */
export function nameOfStarter({
  relationship,
  profile,
  live,
  rollout,
}: Starter & {readonly rollout?: string}): string {
  if (rollout !== undefined) return `rollout ${rollout}`;
  return live === undefined ? `${relationship}/${profile}` : `live sync ${live}`;
}

/** What the scheduler remembers from the moment on at which a schedule is saved; nothing earlier is due. */
export function newScheduling(): Scheduling {
  return {handled: new Date().toISOString()};
}

/** What was found of pairs of schedules, by their texts. */
const meetings = new Map<string, number | undefined>();
const keptMeetings = 10_000;

/** When two schedules would first start together from now on. Remembered: it means walking through years of starts. */
function meetingOf(a: string, b: string): number | undefined {
  const pair = JSON.stringify([a, b]);
  const known = meetings.get(pair);
  if (!meetings.has(pair) || (known !== undefined && known <= Date.now())) {
    if (meetings.size >= keptMeetings) meetings.clear();
    meetings.set(pair, sharedStart(parseSchedule(a), parseSchedule(b), Date.now()));
  }
  return meetings.get(pair);
}

/** Does the long work of `checkSchedules` before the state is locked, with pauses. */
export async function compareSchedules(state: State, schedule: string | undefined): Promise<void> {
  if (schedule === undefined) return;
  for (const {entry} of startersOf(state)) {
    if (entry.schedule !== undefined) meetingOf(schedule, entry.schedule);
    await immediate();
  }
}

/** Two schedules that would start at the same moment are refused (E12). @throws OperatorError USAGE */
export function checkSchedules(state: State, own: Starter, schedule: string | undefined): void {
  if (schedule === undefined) return;
  for (const other of startersOf(state)) {
    if (other.entry.schedule === undefined || isSameStarter(other, own)) continue;
    const meeting = meetingOf(schedule, other.entry.schedule);
    if (meeting !== undefined)
      throw new OperatorError(
        'USAGE',
        `The schedule would start together with ${nameOfStarter(other)} at ${new Date(meeting).toISOString()}.`,
        {hint: 'Choose another minute.'},
      );
  }
}
