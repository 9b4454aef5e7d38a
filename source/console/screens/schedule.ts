import type {ScheduledStart} from '../../engine/engine.js';
import {nameOfStarter} from '../../engine/scheduler/schedules.js';
import {formatDuration, formatTime} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {type Model, step} from '../model.js';
import {push} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {drawList} from '../view/draw-list.js';
import {dim, line} from '../view/lines.js';
import {liveFormScreen} from './live-form.js';
import {livesScreen} from './lives.js';
import {profileFormScreen} from './profile-form.js';
import {relationshipScreen} from './relationship.js';
import {rolloutScreen} from './rollout.js';

export type ScheduleScreen = {readonly kind: 'schedule'; readonly id: number; readonly list: ListState};

export function scheduleScreen(): Omit<ScheduleScreen, 'id'> {
  return {kind: 'schedule', list: emptyList};
}

/** What starts by itself, and when (E12, U1). */
export const schedule: ScreenDefinition<ScheduleScreen> = {
  title: () => 'schedule',
  context: () => ({
    left: line(dim(' started by `lockstep scheduler run` or `tick`, not by this console')),
  }),
  needs: ['schedule', 'profiles', 'lives', 'servers', 'clusters'],
  list: (screen, model) => ({
    spec: startList(model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  bindings: [
    {
      keys: ['enter', 'right', 'l'],
      label: 'open',
      description: 'Open the relationship of the profile under the cursor, the live syncs, or the rollout',
      disabledBecause: noStart,
      run: (model, screen) => {
        const start = chosen(model, screen)!;
        if (start.rollout !== undefined) return step(push(model, rolloutScreen(start.rollout)));
        return step(
          push(model, start.live === undefined ? relationshipScreen(start.relationship) : livesScreen()),
        );
      },
    },
    {
      keys: ['e'],
      label: 'edit',
      description: 'Edit the profile or live sync under the cursor, its schedule among the rest',
      disabledBecause: (model, screen) =>
        noStart(model, screen) ??
        (chosen(model, screen)?.rollout !== undefined
          ? 'a rollout goes by the window it was created with'
          : chosen(model, screen)?.live !== undefined
            ? liveOf(model, screen) === undefined
              ? 'the live sync is not loaded yet'
              : undefined
            : profileOf(model, screen) === undefined
              ? 'the profile is not loaded yet'
              : undefined),
      run: (model, screen) => {
        const live = liveOf(model, screen);
        return step(
          push(
            model,
            live === undefined
              ? profileFormScreen(model, profileOf(model, screen)!, 'edit')
              : liveFormScreen(model, live),
          ),
        );
      },
    },
  ],
  draw: (screen, model, area) =>
    drawList(
      startList(model),
      screen.list,
      {
        caption: 'next starts',
        source: model.data.schedule,
        empty: [
          'Nothing is scheduled. Open a profile with e and give it a schedule, such as',
          '  daily 2026-12-01T02:00 Europe/Berlin',
        ],
      },
      model,
      area,
    ),
};

const noStarts: readonly ScheduledStart[] = [];

function startList(model: Model): ListSpec<ScheduledStart> {
  return {
    rows: model.data.schedule.value ?? noStarts,
    id: row => `${row.at} ${nameOfStarter(row)}`,
    columns: [
      {title: 'Start', min: 8, sortBy: row => row.at, text: row => formatTime(row.at, model.now, model.time)},
      {
        title: 'In',
        min: 6,
        align: 'right',
        sortBy: row => row.at,
        text: row => {
          const ms = Date.parse(row.at) - model.now;
          return ms <= 0 ? 'due' : formatDuration(ms);
        },
      },
      {title: 'What', min: 12, grow: true, text: nameOfStarter},
      {
        title: 'In its zone',
        min: 16,
        optional: 2,
        text: row => `${row.local.slice(0, 16).replace('T', ' ')} ${row.zone}`,
      },
      {title: 'Repeats', min: 6, text: row => row.schedule.split(' ')[0]!},
      {title: 'If missed', min: 4, optional: 3, text: row => (row.missed === 'run' ? 'run once' : 'skip')},
    ],
  };
}

function chosen(model: Model, screen: ScheduleScreen): ScheduledStart | undefined {
  return selectedRow(startList(model), screen.list);
}

function noStart(model: Model, screen: ScheduleScreen): string | undefined {
  return chosen(model, screen) === undefined ? 'nothing is scheduled' : undefined;
}

function liveOf(model: Model, screen: ScheduleScreen) {
  const live = chosen(model, screen)?.live;
  return live === undefined ? undefined : model.data.lives.value?.find(({name}) => name === live);
}

function profileOf(model: Model, screen: ScheduleScreen) {
  const start = chosen(model, screen);
  return model.data.profiles.value?.find(
    profile => profile.relationship === start?.relationship && profile.name === start?.profile,
  );
}
