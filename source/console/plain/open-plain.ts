import {createInterface} from 'node:readline';
import type {Writable} from 'node:stream';
import type {Settings} from '../../core/settings.js';
import type {Engine} from '../../engine/engine.js';
import type {Command} from '../command.js';
import {createCommandRunner} from '../commands.js';
import type {ConsoleEvent} from '../events.js';
import {farewell} from '../farewell.js';
import {createModel, type Model} from '../model.js';
import {currentScreen} from '../navigate.js';
import {overviewScreen} from '../screens/overview.js';
import {start, update} from '../update.js';
import {hideTyping, plainText, type TypedInput} from './hidden-typing.js';
import {formInSight, sayMenu, sayPlace, sayScreen} from './say-screen.js';
import {asksSecret, nextQuestion, sayAsked, type Talk, takeLine} from './take-line.js';

export type PlainOptions = {
  /** The console's folder, as given or found. */
  readonly home: string;
  readonly loadEngine: () => Promise<Engine>;
  /** What was chosen for this home; the defaults when absent. */
  readonly settings?: Settings;
  /** Opens the demo, when that is chosen; resolves with its exit status. */
  readonly startDemo?: () => Promise<number>;
  readonly stdin?: TypedInput;
  readonly stdout?: Writable;
};

/** Characters of a line and rows of a list that are said at a time: a screen reader needs no edges. */
const area = {columns: 200, rows: 24} as const;

const tickMs = 1000;

/** Milliseconds between two reports of what goes on by itself, such as a run. */
const reportMs = 2000;

/** Commands that nobody waits for before they type on. */
const inTheBackground: readonly Command['type'][] = ['check', 'stop'];

/**
 * The console as lines of text and numbered choices, for screen readers, terminals that cannot draw, and scripts: the
 * same model, screens and keys, said instead of drawn. Ends with `q` or with the input.
 *
 * From a script, the next line is taken when what the one before started is done, a run included; on a terminal at
 * once, so that a run can be left.
 * @returns the exit status
 */
export async function openPlain(options: PlainOptions): Promise<number> {
  const stdin = options.stdin ?? process.stdin;
  const stdout = options.stdout ?? process.stdout;
  const typed = stdin.isTTY === true;
  const pending = new Set<Promise<void>>();
  const first = start(
    createModel({
      home: options.home,
      ...area,
      now: Date.now(),
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      colour: false,
      offersDemo: options.startDemo !== undefined,
      ...(options.settings === undefined ? {} : {settings: options.settings}),
      overview: overviewScreen(),
    }),
  );
  let talk: Talk = {model: first.model, gone: []};
  let said = nothingSaid;
  let lastReport = 0;
  const runner = createCommandRunner({
    home: options.home,
    loadEngine: options.loadEngine,
    dispatch,
    now: Date.now,
  });
  const print = (lines: readonly string[]) => {
    if (lines.length > 0) stdout.write(`${lines.join('\n')}\n`);
  };

  function perform(commands: readonly Command[]): void {
    for (const command of commands) {
      const done = runner.execute(command);
      if (inTheBackground.includes(command.type) || (typed && command.type === 'watch-run')) continue;
      pending.add(done);
      void done.then(() => pending.delete(done));
    }
  }

  function dispatch(event: ConsoleEvent): void {
    const step = update(talk.model, event);
    talk = {...talk, model: step.model};
    perform(step.commands);
    // What the screen in sight waits for is news; that time passes is not.
    if (event.type === 'answer' && event.screen === currentScreen(talk.model).id) report();
  }

  /** Says what is new while something goes on by itself. */
  function report(): void {
    if (talk.asking !== undefined || talk.model.overlay !== undefined || formInSight(talk.model)) return;
    if (said.place !== currentScreen(talk.model).id || Date.now() - lastReport < reportMs) return;
    lastReport = Date.now();
    sayNews();
  }

  function sayNews(): void {
    const now = hear(talk.model, said);
    print(now.news);
    said = now.said;
  }

  async function quiet(): Promise<void> {
    while (pending.size > 0 && !ended) await Promise.race([Promise.all(pending), over.promise]);
  }

  let ended = false;
  const over = Promise.withResolvers<number>();
  const end = (status: number) => () => {
    ended = true;
    over.resolve(status);
  };
  const signals = [
    ['SIGINT', end(130)],
    ['SIGTERM', end(143)],
    ['SIGHUP', end(129)],
  ] as const;
  for (const [signal, handler] of signals) process.on(signal, handler);
  stdout.on('error', end(129));
  const ticker = setInterval(() => dispatch({type: 'tick', now: Date.now()}), tickMs);

  async function converse(): Promise<number> {
    perform(first.commands);
    const lines = createInterface({input: stdin, crlfDelay: Number.POSITIVE_INFINITY});
    const input = lines[Symbol.asyncIterator]();
    try {
      for (;;) {
        await quiet();
        talk = nextQuestion(talk);
        // While a form is gone through only the questions are said; the whole of it comes after the last.
        if (talk.asking === undefined) sayNews();
        else if (said.place !== currentScreen(talk.model).id) {
          said = {...nothingSaid, place: currentScreen(talk.model).id, messageAt: said.messageAt};
          print(['', sayPlace(talk.model)]);
        }
        print(sayAsked(talk));
        if (typed) stdout.write('> ');
        const isSecret = typed && asksSecret(talk);
        const showAgain = isSecret ? hideTyping(stdin, {onInterrupt: end(130), onEnd: end(0)}) : undefined;
        const next = await Promise.race([input.next(), over.promise]).finally(showAgain);
        if (isSecret) stdout.write('\n');
        if (typeof next === 'number' || next.done) return 0;
        const line = isSecret ? plainText(next.value) : next.value;
        if (line.trim() === '' && talk.asking === undefined && talk.model.overlay === undefined)
          said = {...said, lines: nothingSaid.lines, menu: ''};
        const reply = takeLine(talk, line);
        talk = reply.talk;
        print(reply.say);
        perform(reply.commands);
        if (talk.model.leaving) return 0;
      }
    } finally {
      lines.close();
    }
  }

  const status = await Promise.race([converse(), over.promise]);
  clearInterval(ticker);
  runner.close();
  for (const [signal, handler] of signals) process.off(signal, handler);
  if (status === 0 && talk.model.demoWanted && options.startDemo !== undefined) return options.startDemo();
  if (status === 0) stdout.write(farewell(talk.model));
  return status;
}

/** What was said last, so that only what is new is said. */
type Said = {
  /** Id of the screen. */
  readonly place: number;
  readonly lines: ReadonlySet<string>;
  readonly menu: string;
  /** When the last message came, epoch milliseconds. */
  readonly messageAt: number;
};

const nothingSaid: Said = {place: 0, lines: new Set(), menu: '', messageAt: 0};

/** A screen that was just opened is said whole, of one that was said only what changed; under a question only the message. */
function hear(model: Model, before: Said): {news: string[]; said: Said} {
  const place = currentScreen(model).id;
  const {message} = model;
  const isNew = message !== undefined && message.at !== before.messageAt;
  const messages = isNew ? [`${message.level}: ${message.text}`] : [];
  const messageAt = message?.at ?? before.messageAt;
  if (model.overlay !== undefined) return {news: messages, said: {...before, messageAt}};
  const lines = sayScreen(model);
  const menu = sayMenu(model);
  const known = place === before.place ? before.lines : nothingSaid.lines;
  const whole = known.size === 0 && before.place !== 0;
  return {
    news: [
      ...(whole ? [''] : []),
      ...lines.filter(line => !known.has(line)),
      ...messages,
      ...(menu === before.menu ? [] : [menu]),
    ],
    said: {place, lines: new Set(lines), menu, messageAt},
  };
}
