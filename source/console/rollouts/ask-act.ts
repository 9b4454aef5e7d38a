import type {RolloutEntry} from '../../engine/rollouts/rollout-verbs.js';
import type {RolloutAct} from '../commands/rollouts.js';
import {formatDuration, plural} from '../format.js';
import type {Model} from '../model.js';
import {textInput} from '../text-input.js';
import {serverName, waveName} from './describe-rollout.js';

/** What is asked before something is decided about a rollout, and what it will bring. */
type Question = {
  readonly question: string;
  readonly effects: readonly (readonly [what: string, effect: string])[];
  readonly typeName?: string;
};

/** Asks before an act; what cannot be taken back wants a name typed. @param screen id of the screen that is answered */
export function askAct(model: Model, screen: number, entry: RolloutEntry, act: RolloutAct): Model {
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      ...questionOf(entry, act),
      input: textInput(),
      commands: [{type: 'act-on-rollout', screen, name: entry.name, act}],
      thenBack: false,
    },
  };
}

function questionOf(entry: RolloutEntry, act: RolloutAct): Question {
  const {name, release} = entry;
  const running = entry.servers.filter(({state}) => state === 'running');
  switch (act.kind) {
    case 'start':
      return {
        question: `Start the rollout ${name} of ${release}?`,
        effects: [
          ...wavesOf(entry),
          ['at a time', plural(entry.concurrency, 'server')],
          ['window', entry.window ?? 'none: at once'],
          [
            'it stops',
            `${entry.failuresAllowed === 0 ? 'at the first failure' : `after more than ${plural(entry.failuresAllowed, 'failure')}`}; a failed server keeps its version`,
          ],
          ['to see first', 'Esc, then c checks every server and changes nothing'],
        ],
      };
    case 'resume': {
      const tried = act.retry
        ? 'failed and rolled back ones are tried again'
        : 'failed ones stay as they are';
      return {
        question: `Go on with the rollout ${name}?`,
        effects: [
          ['servers that wait', `are updated to ${release}`],
          ['the others', tried],
          ...(act.takeOver === undefined
            ? []
            : [['the other rollout', `loses the servers that it holds under ${act.takeOver}`] as const]),
        ],
        ...(act.takeOver === undefined ? {} : {typeName: name}),
      };
    }
    case 'pause':
      return {
        question: `Pause the rollout ${name}?`,
        effects: [
          ['servers at work', `finish: ${namesOf(running)}`],
          ['servers that wait', 'are not started before R'],
        ],
      };
    case 'abort':
      return {
        question: `Abort the rollout ${name}?`,
        effects: [
          ['servers at work', `get their version back unless it was decided for: ${namesOf(running)}`],
          ['servers that wait', 'are not started'],
          ['servers that are done', 'keep the new version; b rolls one back'],
        ],
        typeName: name,
      };
    case 'approve': {
      const wave = entry.waves[act.wave - 1];
      return {
        question: `Approve ${waveName(act.wave, wave?.name)} of ${name}?`,
        effects: [
          ['it begins', `with ${wave?.servers.join(', ') || 'no server'}`],
          ['your name', 'and the time stand in the checklist'],
          ...(entry.bakeMs > 0
            ? [['before that', `${formatDuration(entry.bakeMs)} after the wave before`] as const]
            : []),
        ],
      };
    }
    case 'roll-back': {
      const one = act.servers?.length === 1 ? act.servers[0] : undefined;
      const done = entry.servers.filter(({state}) => state === 'done');
      return {
        question:
          one === undefined
            ? `Bring all servers of ${name} back to the version before?`
            : `Bring ${one} back to the version before?`,
        effects: [
          ['the service', `is stopped and started with the old version: ${one ?? namesOf(done)}`],
          ['data', 'become what they were, where the update had migrated them'],
          ['what users entered since', 'is lost where data are put back; it is backed up before'],
        ],
        typeName: one ?? name,
      };
    }
  }
}

function wavesOf(entry: RolloutEntry): (readonly [string, string])[] {
  const shown = entry.waves.slice(0, 5);
  return [
    ...shown.map(({name, servers}, index) => {
      const gate = entry.gates.includes(index + 1) ? ', after an approval' : '';
      return [waveName(index + 1, name), `${namesIn(servers)}${gate}`] as const;
    }),
    ...(entry.waves.length > shown.length
      ? [['...', `and ${plural(entry.waves.length - shown.length, 'wave')} more`] as const]
      : []),
  ];
}

function namesOf(servers: RolloutEntry['servers']): string {
  return namesIn(servers.map(serverName));
}

/** `a, b, c and 7 more` */
function namesIn(names: readonly string[]): string {
  const shown = names.slice(0, 4);
  const more = names.length - shown.length;
  return `${shown.join(', ') || 'none'}${more > 0 ? ` and ${more} more` : ''}`;
}
