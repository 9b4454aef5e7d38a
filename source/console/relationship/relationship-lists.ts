import type {Profile} from '../../core/profile.js';
import type {RunEntry} from '../../engine/engine.js';
import {lastRun, resultText} from '../describe.js';
import {formatTime, timeWidth} from '../format.js';
import {type ListSpec, selectedRow} from '../list.js';
import type {Model} from '../model.js';
import type {RelationshipScreen} from '../screens/relationship.js';
import {runList} from '../screens/runs.js';
import type {Tone} from '../view/lines.js';

/** The profiles of a relationship, each with its last run. */
export function profileList(model: Model, screen: RelationshipScreen): ListSpec<Profile> {
  return {
    rows: profilesOf(model.data.profiles.value ?? noProfiles, screen.relationship),
    id: row => row.name,
    columns: [
      {title: 'Profile', min: 10, grow: true, text: row => row.name},
      {title: 'Items', min: 8, text: row => row.items.join(' ')},
      {title: 'Direction', min: 8, optional: 2, text: row => row.direction},
      {title: 'Schedule', min: 6, text: row => row.schedule ?? 'none'},
      {
        title: 'Last run',
        min: timeWidth,
        sortBy: row => lastOf(model, row)?.startedAt ?? '',
        text: row => {
          const run = lastOf(model, row);
          return run === undefined ? 'never' : formatTime(run.startedAt, model.now, model.time);
        },
      },
      {
        title: 'Result',
        min: 12,
        text: row => {
          const run = lastOf(model, row);
          return run === undefined ? '-' : resultText(run);
        },
      },
    ],
  };
}

const noProfiles: readonly Profile[] = [];
const noRuns: readonly RunEntry[] = [];

// The same array for the same data, so that filtered and sorted rows are found again (list.ts).
const profilesOf = remembered((rows: readonly Profile[], name) =>
  rows.filter(row => row.relationship === name),
);
const runsIn = remembered((rows: readonly RunEntry[], name) => rows.filter(row => row.relationship === name));

function remembered<Row>(select: (rows: readonly Row[], name: string) => readonly Row[]) {
  const known = new WeakMap<readonly Row[], Map<string, readonly Row[]>>();
  return (rows: readonly Row[], name: string): readonly Row[] => {
    const byName = known.get(rows) ?? new Map<string, readonly Row[]>();
    known.set(rows, byName);
    const selected = byName.get(name) ?? select(rows, name);
    byName.set(name, selected);
    return selected;
  };
}

/** The runs of a relationship, newest first. */
export function runsOf(model: Model, screen: RelationshipScreen): ListSpec<RunEntry> {
  return runList(model, runsIn(model.data.runs.value ?? noRuns, screen.relationship), false);
}

function lastOf(model: Model, profile: Profile): RunEntry | undefined {
  return lastRun(model, profile.relationship, profile.name);
}

/** A profile whose last run did not end well stands out. */
export function toneOfProfile(model: Model, profile: Profile): Tone | undefined {
  const run = lastOf(model, profile);
  const result = run === undefined ? '' : resultText(run);
  return result.startsWith('fail') ? 'fail' : result.startsWith('warn') ? 'warn' : undefined;
}

/** The profile under the cursor of its list. */
export function chosenProfile(model: Model, screen: RelationshipScreen): Profile | undefined {
  return selectedRow(profileList(model, screen), screen.profiles);
}

/** The run under the cursor of its list. */
export function chosenRun(model: Model, screen: RelationshipScreen): RunEntry | undefined {
  return selectedRow(runsOf(model, screen), screen.runs);
}

/** The run whose log `L` shows: the one under the cursor, or the last one of the profile there. */
export function loggedRun(model: Model, screen: RelationshipScreen): RunEntry | undefined {
  if (screen.pane === 'runs') return chosenRun(model, screen);
  const profile = chosenProfile(model, screen);
  return profile === undefined ? undefined : lastOf(model, profile);
}

/** Why there is no profile to do something with. */
export function noProfile(model: Model, screen: RelationshipScreen): string | undefined {
  return chosenProfile(model, screen) ? undefined : 'there is no profile yet; n describes one';
}
