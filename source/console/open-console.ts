import {OperatorError} from '../core/operator-error.js';
import {defaultSettings, type Settings} from '../core/settings.js';
import type {Engine} from '../engine/engine.js';
import {createCommandRunner} from './commands.js';
import {runningRuns} from './describe.js';
import type {ConsoleEvent} from './events.js';
import {farewell} from './farewell.js';
import {createKeySplitter} from './key-splitter.js';
import {createModel, type Step} from './model.js';
import {overviewScreen} from './screens/overview.js';
import {start, update} from './update.js';

export type ConsoleOptions = {
  /** The console's folder, as given or found. */
  readonly home: string;
  /** Called after the first frame, so that nothing heavy stands before it. */
  readonly loadEngine: () => Promise<Engine>;
  /** What was chosen for this home; the defaults when absent. */
  readonly settings?: Settings;
  /** Opens the demo in this terminal, when that is chosen; resolves with its exit status. */
  readonly startDemo?: () => Promise<number>;
  /** The terminal; the process's own by default. */
  readonly stdin?: NodeJS.ReadStream;
  readonly stdout?: NodeJS.WriteStream;
  readonly env?: NodeJS.ProcessEnv;
};

const tickMs = 1000;
/** Without a key and without a run for so long, the clock alone is not worth a frame a second. */
const calm = {afterMs: 10_000, framesEveryMs: 5_000} as const;
const bracketedPaste = {on: '\x1b[?2004h', off: '\x1b[?2004l'} as const;

/**
 * Opens the interactive console and resolves with the exit status once the operator has left or the terminal has
 * gone. Runs are processes of their own and never notice (X3): leaving, SIGHUP, SIGTERM and a terminal that
 * vanished only end this one.
 * @throws OperatorError USAGE when there is no terminal.
 */
export async function openConsole(options: ConsoleOptions): Promise<number> {
  const stdin = options.stdin ?? process.stdin;
  const stdout = options.stdout ?? process.stdout;
  const env = options.env ?? process.env;
  if (!stdin.isTTY || !stdout.isTTY) {
    throw new OperatorError('USAGE', 'The console needs a terminal.', {
      hint: '`lockstep --help` lists the commands that need none.',
    });
  }
  const settings = options.settings ?? defaultSettings;
  const colour = wantsColour(env) && settings.colours === 'auto';
  // Before anything is loaded: what is typed ahead must neither be echoed nor be gathered into lines.
  setRawMode(stdin, true);
  const {mountView} = await importView(colour);

  const first = start(
    createModel({
      home: options.home,
      columns: stdout.columns || 80,
      rows: stdout.rows || 24,
      now: Date.now(),
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      colour,
      offersDemo: options.startDemo !== undefined,
      settings,
      overview: overviewScreen(),
    }),
  );
  let step: Step = first;
  let suspended = false;
  let startedLast: string | undefined;
  const ended = Promise.withResolvers<number>();
  const view = mountView(step.model, stdout);
  const runner = createCommandRunner({
    home: options.home,
    loadEngine: options.loadEngine,
    dispatch,
    now: Date.now,
  });

  function apply(event: ConsoleEvent): void {
    // What was typed after q belongs to the shell; what had been begun before it is still heard of.
    if (event.type === 'run-started') startedLast = event.runId;
    if (step.model.leaving) return;
    step = update(step.model, event);
    for (const command of step.commands) {
      if (command.type === 'suspend') void suspend();
      else runner.execute(command);
    }
  }

  /** Ctrl-Z, which a terminal in raw mode does not make a signal of. Goes on here when the shell says so. */
  async function suspend(): Promise<void> {
    if (suspended) return;
    suspended = true;
    const resume = view.suspend();
    writeQuietly(stdout, bracketedPaste.off);
    setRawMode(stdin, false);
    // To the whole group, as a terminal does it. Without a shell that could continue it the system ignores this.
    stopGroup();
    await new Promise(resolve => setImmediate(resolve));
    setRawMode(stdin, true);
    writeQuietly(stdout, bracketedPaste.on);
    resume();
    suspended = false;
    onResize();
  }

  function dispatch(event: ConsoleEvent): void {
    apply(event);
    draw();
  }

  let lastKeyAt = Date.now();
  let lastTickDrawnAt = 0;
  function tick(): void {
    const now = Date.now();
    apply({type: 'tick', now});
    const isCalm = now - lastKeyAt > calm.afterMs && runningRuns(step.model).length === 0;
    if (isCalm && now - lastTickDrawnAt < calm.framesEveryMs) return;
    lastTickDrawnAt = now;
    draw();
  }

  const splitter = createKeySplitter({
    onKey: key => apply({type: 'key', key}),
    onPaste: text => apply({type: 'paste', text}),
    // A lone Esc is only known some time after its chunk, so it has to be drawn by itself.
    startTimer: (callback, delayMs) => {
      const timer = setTimeout(() => {
        callback();
        drawNow();
      }, delayMs);
      return () => clearTimeout(timer);
    },
  });

  function draw(): void {
    if (!suspended) view.draw(step.model);
    if (step.model.leaving) ended.resolve(0);
  }

  function drawNow(): void {
    if (!suspended) view.drawNow(step.model);
    draw();
  }

  // All keys of a chunk are applied before anything is drawn: only the last state is worth a frame.
  const onData = (chunk: Buffer | string) => {
    lastKeyAt = Date.now();
    splitter.write(chunk);
    drawNow();
  };
  const onResize = () => dispatch({type: 'resize', columns: stdout.columns || 80, rows: stdout.rows || 24});
  const onGone = () => ended.resolve(hangUpStatus);
  const onHangUp = () => ended.resolve(hangUpStatus);
  const onTerminate = () => ended.resolve(143);
  const onInterrupt = () => ended.resolve(130);

  stdout.on('resize', onResize).on('error', onGone);
  stdin.on('data', onData).on('end', onGone).on('close', onGone).on('error', onGone);
  process.on('SIGHUP', onHangUp).on('SIGTERM', onTerminate).on('SIGINT', onInterrupt);
  stdin.resume();
  writeQuietly(stdout, bracketedPaste.on);
  const ticker = setInterval(tick, tickMs);

  await view.flushed();
  for (const command of first.commands) runner.execute(command);
  const status = await Promise.race([ended.promise, view.broken]).finally(release);
  await runner.changesDone();
  runner.close();
  if (status === 0 && step.model.demoWanted && options.startDemo !== undefined) return options.startDemo();
  if (status === 0) writeQuietly(stdout, farewell(step.model, startedLast));
  // The listeners for errors stay: a terminal that is gone may still report it, and nobody else would listen.
  return status;

  function release(): void {
    // Nothing is drawn any more, whatever still comes.
    suspended = true;
    clearInterval(ticker);
    splitter.close();
    writeQuietly(stdout, bracketedPaste.off);
    view.unmount();
    setRawMode(stdin, false);
    stdin.pause();
    stdin.off('data', onData).off('end', onGone).off('close', onGone);
    stdout.off('resize', onResize);
    process.off('SIGHUP', onHangUp).off('SIGTERM', onTerminate).off('SIGINT', onInterrupt);
  }
}

function stopGroup(): void {
  try {
    process.kill(0, 'SIGTSTP');
  } catch {
    // A system without job control.
  }
}

/** 128 + SIGHUP, as shells count. */
const hangUpStatus = 129;

/** NO_COLOR counts when it is not empty (no-color.org). */
function wantsColour(env: NodeJS.ProcessEnv): boolean {
  return !env.NO_COLOR && env.TERM !== 'dumb';
}

/**
 * Ink and React decide about colour and about their development mode while they are loaded, by the environment.
 * It is put back afterwards: the processes that the engine starts must not inherit this. Ink's layout engine would
 * `fetch` itself out of its own text, for which Node loads a whole HTTP client; without `fetch` it decodes the text.
 */
async function importView(colour: boolean): Promise<typeof import('./view/mount-view.js')> {
  const wanted: Record<string, string> = {
    NODE_ENV: 'production',
    ...(colour ? {} : {FORCE_COLOR: '0'}),
  };
  const before = Object.keys(wanted).map(name => [name, process.env[name]] as const);
  const {fetch} = globalThis;
  Object.assign(process.env, wanted);
  Object.assign(globalThis, {fetch: undefined});
  try {
    return await import('./view/mount-view.js');
  } finally {
    Object.assign(globalThis, {fetch});
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

function setRawMode(stdin: NodeJS.ReadStream, raw: boolean): void {
  try {
    stdin.setRawMode?.(raw);
  } catch {
    // A terminal that is gone has no mode any more.
  }
}

function writeQuietly(stdout: NodeJS.WriteStream, text: string): void {
  if (text === '' || stdout.destroyed || !stdout.writable) return;
  try {
    stdout.write(text);
  } catch {
    // A terminal that is gone needs no farewell.
  }
}
