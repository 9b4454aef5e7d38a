import {dueChecks, mergeCheck} from './background-checks.js';
import type {Command} from './command.js';
import {runningRuns} from './describe.js';
import type {Answer, ConsoleEvent} from './events.js';
import type {Key} from './key-splitter.js';
import {definitionOf, pressKey} from './key-tables.js';
import {typeFilter} from './list.js';
import {keepFault, say} from './message.js';
import {type Model, type Step, step} from './model.js';
import {currentScreen, push, replaceScreen} from './navigate.js';
import {answerConfirm} from './overlays/confirm.js';
import {answerHelp} from './overlays/help.js';
import {answerPalette} from './overlays/palette.js';
import {receivePackages} from './packages/read-packages.js';
import {endSeenRuns} from './run/end-run.js';
import {runScreen} from './screens/run.js';
import {notLoaded, type Shared, type SharedData} from './shared-data.js';
import {insertText} from './text-input.js';
import {remember} from './travel.js';

/** How old shared data may be before the screen in sight asks for it again, milliseconds. */
const refreshAfterMs = {running: 2_000, doctor: 60_000} as const;

/** A message line fades after this long, milliseconds. */
const messageLifeMs = 30_000;

/** The model that the console starts with, and what it asks for first. */
export function start(model: Model): Step {
  return withLifeCycle({...model, stack: []}, step(model));
}

/**
 * The whole behaviour of the console as a pure function: nothing is drawn, read or started here. Screens that
 * were opened or closed by the event add what they need or give up.
 */
export function update(model: Model, event: ConsoleEvent): Step {
  const {model: after, commands} = handle(model, event);
  return settled(withLifeCycle(model, {model: remember(model, after), commands}));
}

function handle(model: Model, event: ConsoleEvent): Step {
  switch (event.type) {
    case 'key':
      return handleKey(withoutPassing(model), event.key);
    case 'paste':
      return handlePaste(withoutPassing(model), event.text);
    case 'tick':
      return tick({...model, now: event.now});
    case 'resize':
      return step({...model, columns: event.columns, rows: event.rows});
    case 'loaded': {
      const loaded = endSeenRuns(
        put(model, event.what, {
          loading: false,
          value: event.value,
          at: event.at,
        } as SharedData[Shared]),
      );
      // Checks say whether a server is well; they are asked once, as soon as the servers are known.
      const unchecked =
        event.what === 'servers'
          ? (loaded.data.servers.value ?? []).filter(server => loaded.checks[server.name] === undefined)
          : [];
      const checking = unchecked.map(server => ({type: 'check', server: server.name}) as const);
      return step(markChecking(withSettings(loaded), checking), ...checking);
    }
    case 'load-failed':
      return step(
        put(keepFault(model, event.fault), event.what, {
          ...model.data[event.what],
          loading: false,
          fault: event.fault,
        }),
      );
    case 'checked':
      return step(
        putCheck(model, event.server, {
          loading: false,
          value: mergeCheck(model, event.check, event.quick),
          at: event.at,
        }),
      );
    case 'check-failed': {
      const before = model.checks[event.server] ?? notLoaded;
      return step(putCheck(model, event.server, {...before, loading: false, fault: event.fault}));
    }
    case 'packages-read':
    case 'packages-failed':
      return step(receivePackages(model, event));
    case 'world-changed':
      return load(
        model,
        neededNow(model).filter(what => (event.what === 'runs' ? what === 'runs' : what !== 'doctor')),
      );
    case 'changed':
      return step(
        say(model, 'info', event.text),
        ...event.reload.map(what => ({type: 'load', what}) as const),
      );
    case 'failed':
      return step(
        say(
          model,
          'fail',
          `${event.doing}: ${event.fault.message}${event.fault.hint === undefined ? '' : ` ${event.fault.hint}`}`,
          event.fault,
        ),
      );
    case 'run-started': {
      const opened = push(model, runScreen(event.runId, event.relationship, event.profile));
      return step(say(opened, 'info', `Started run ${event.runId}.`), {type: 'load', what: 'runs'});
    }
    case 'answer': {
      const screen = model.stack.find(other => other.id === event.screen);
      return screen === undefined
        ? step(model)
        : (definitionOf(screen).receive?.(screen, keptWith(model, event.answer), event.answer) ??
            step(model));
    }
  }
}

/** What a screen is told to have failed can be read again among the notices. */
function keptWith(model: Model, answer: Answer): Model {
  return answer.kind === 'fault' ? keepFault(model, answer.fault) : model;
}

function handleKey(model: Model, key: Key): Step {
  if (key === 'ctrl-c') return step({...model, leaving: true});
  if (key === 'ctrl-z') return step(model, {type: 'suspend'});
  const {overlay} = model;
  switch (overlay?.kind) {
    case 'help':
      return answerHelp(model, overlay.top, key);
    case 'palette':
      return answerPalette(model, overlay, key);
    case 'confirm':
      return answerConfirm(model, overlay, key);
    case undefined:
      break;
  }
  const screen = currentScreen(model);
  const definition = definitionOf(screen);
  const list = definition.list?.(screen, model);
  if (list?.state.filtering) return step(replaceScreen(model, list.put(screen, typeFilter(list.state, key))));
  return definition.type?.(screen, model, key) ?? pressKey(model, screen, key);
}

function handlePaste(model: Model, text: string): Step {
  const {overlay} = model;
  if (overlay?.kind === 'palette' || overlay?.kind === 'confirm') {
    return step({...model, overlay: {...overlay, input: insertText(overlay.input, text.trim())}});
  }
  if (overlay !== undefined) return step(model);
  const screen = currentScreen(model);
  const definition = definitionOf(screen);
  const list = definition.list?.(screen, model);
  if (list?.state.filtering) {
    const filter = insertText(list.state.filter, text.trim());
    return step(replaceScreen(model, list.put(screen, {...list.state, filter})));
  }
  // A pasted text is never taken for keys: "q" in it must not end the console.
  return (
    definition.paste?.(screen, model, text) ??
    step(say(model, 'warn', 'There is nothing to paste into here.'))
  );
}

function tick(model: Model): Step {
  const idleMs = idleMsOf(model);
  const limit = runningRuns(model).length > 0 ? refreshAfterMs.running : idleMs;
  const due = neededNow(model).filter(what => {
    const data = model.data[what];
    const lifeMs = what === 'runs' ? limit : what === 'doctor' ? refreshAfterMs.doctor : idleMs;
    return !data.loading && model.now - (data.at ?? 0) > lifeMs && data.fault === undefined;
  });
  // After a fault the same question is repeated more slowly; the answer that is there stays in sight.
  const retry = neededNow(model).filter(what => {
    const data = model.data[what];
    return !data.loading && data.fault !== undefined && model.now % idleMs < 1000;
  });
  const asked = load(fadeMessage(model), [...due, ...retry]);
  return refreshedWhenDue(step(asked.model, ...asked.commands, ...dueChecks(model)));
}

/** After how long what is in sight is asked for again while nothing runs. */
function idleMsOf({settings}: Model): number {
  return Number(settings.refresh) * 1000;
}

/** Settings act as soon as they are known, whoever changed them. */
function withSettings(model: Model): Model {
  const settings = model.data.settings.value ?? model.settings;
  if (settings === model.settings) return model;
  const time = settings.times === model.settings.times ? model.time : {...model.time, show: settings.times};
  return {...model, settings, time};
}

function refreshedWhenDue(after: Step): Step {
  const {model} = after;
  const screen = currentScreen(model);
  const everyMs = definitionOf(screen).refreshEveryMs?.(screen, model) ?? idleMsOf(model);
  return model.now - model.refreshedAt < everyMs ? after : refreshed(after);
}

/** Asks for what only the screen in sight shows. */
function refreshed({model, commands}: Step): Step {
  const screen = currentScreen(model);
  const more = definitionOf(screen).refresh?.(screen, {...model, refreshedAt: model.now});
  return more === undefined ? {model, commands} : {...more, commands: [...commands, ...more.commands]};
}

function neededNow(model: Model): readonly Shared[] {
  return [...new Set<Shared>([...definitionOf(currentScreen(model)).needs, 'runs'])];
}

function fadeMessage(model: Model): Model {
  if (model.message === undefined || model.now - model.message.at < messageLifeMs) return model;
  return withoutMessage(model);
}

function withoutPassing(model: Model): Model {
  return model.message?.passing ? withoutMessage(model) : model;
}

function withoutMessage({message: _gone, ...rest}: Model): Model {
  return rest;
}

/** Adds what screens want done when they open, and ends what closed ones still waited for. */
function withLifeCycle(before: Model, after: Step): Step {
  const {model} = after;
  if (before.stack === model.stack) return markLoading(after);
  const opened = model.stack.filter(screen => !before.stack.some(other => other.id === screen.id));
  const closed = before.stack.filter(screen => !model.stack.some(other => other.id === screen.id));
  const top = currentScreen(model);
  const cameIntoSight = before.stack.at(-1)?.id !== top.id;
  const needs = cameIntoSight ? definitionOf(top).needs : [];
  const next = markLoading({
    model,
    commands: [
      ...closed.flatMap(screen => definitionOf(screen).closed?.(screen, model) ?? []),
      ...after.commands,
      ...needs.map(what => ({type: 'load', what}) as const),
      ...opened.flatMap(screen => definitionOf(screen).opened?.(screen, model) ?? []),
    ],
  });
  return cameIntoSight ? refreshed(next) : next;
}

/** What the screen in sight lacks for the rows that can now be seen. */
function settled(after: Step): Step {
  const screen = currentScreen(after.model);
  const more = definitionOf(screen).settle?.(screen, after.model);
  return more === undefined ? after : {model: more.model, commands: [...after.commands, ...more.commands]};
}

function load(model: Model, what: readonly Shared[]): Step {
  return step(model, ...what.map(name => ({type: 'load', what: name}) as const));
}

/** Every question that is asked is marked as such, once, so that no question is asked twice at a time. */
function markLoading({model, commands}: Step): Step {
  const asked = new Set<string>();
  const kept = commands.filter(command => {
    if (command.type !== 'load' && command.type !== 'check') return true;
    const key = command.type === 'load' ? command.what : `check ${command.server}`;
    if (asked.has(key)) return false;
    asked.add(key);
    return true;
  });
  let marked = model;
  for (const command of kept) {
    if (command.type === 'load')
      marked = put(marked, command.what, {...marked.data[command.what], loading: true});
  }
  return {model: markChecking(marked, kept), commands: kept};
}

function markChecking(model: Model, commands: readonly Command[]): Model {
  return commands.reduce<Model>(
    (marked, command) =>
      command.type === 'check'
        ? putCheck(marked, command.server, {...(marked.checks[command.server] ?? notLoaded), loading: true})
        : marked,
    model,
  );
}

function put<K extends Shared>(model: Model, what: K, value: SharedData[K]): Model {
  return {...model, data: {...model.data, [what]: value}};
}

function putCheck(model: Model, server: string, check: Model['checks'][string]): Model {
  return {...model, checks: {...model.checks, [server]: check}};
}
