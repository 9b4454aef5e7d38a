import envPaths from 'env-paths';
import {runProgram} from './headless/program.js';
import {version} from './system/version.js';
import {growYoungSpaceBy} from './system/young-space.js';

/*
 * The entry of the program, and the one place that knows all its parts. Each is loaded when a command needs it, so
 * that `lockstep --version` costs no web server and a script no user interface.
 */

// A reader that went away (`| head`), or a terminal that did, must neither end a run nor show a stack (X3).
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const exitCode = await runProgram({
  argv: process.argv.slice(2),
  version,
  defaultHome: () => envPaths('lockstep', {suffix: ''}).data,
  services: {
    openEngine,
    async agentVerbs() {
      const {keepHeapSmall} = await import('./agent/memory.js');
      keepHeapSmall();
      const {createAgentVerbs} = await import('./agent/verbs.js');
      return createAgentVerbs();
    },
    openConsole: (home, {plain}) =>
      openConsole(home, {plain, startDemo: () => runDemo({headless: false, keep: false, plain})}),
    runDemo,
    async executeRun(home, runId) {
      const {executeRun} = await import('./engine/runner.js');
      return executeRun(home, runId);
    },
    async executeRollout(home, rolloutId) {
      const {executeRollout} = await import('./engine/rollouts/run-rollout.js');
      return executeRollout(home, rolloutId);
    },
  },
});

// Idle connections would keep the process; what was written to a pipe must be out before it ends.
await Promise.all([process.stdout, process.stderr].map(flushed));
process.exit(exitCode);

async function openEngine(home: string) {
  const {openEngine} = await import('./engine/open-engine.js');
  return openEngine(home);
}

async function openConsole(home: string, options: {plain: boolean; startDemo?: () => Promise<number>}) {
  const {plain, ...rest} = options;
  // A console stays open for days beside other work; its frames leave little behind.
  growYoungSpaceBy(1);
  const {readSettings} = await import('./state/settings-file.js');
  const opened = {...rest, home, settings: readSettings(home), loadEngine: () => openEngine(home)};
  if (plain) {
    const {openPlain} = await import('./console/plain/open-plain.js');
    return openPlain(opened);
  }
  const {openConsole} = await import('./console/open-console.js');
  return openConsole(opened);
}

async function runDemo({plain, ...options}: {headless: boolean; keep: boolean; plain: boolean}) {
  const {runDemo} = await import('./headless/demo/demo.js');
  return runDemo({...options, program: process.argv[1] ?? ''}, home => openConsole(home, {plain}));
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise(resolve => {
    if (stream.destroyed || stream.writableLength === 0) resolve();
    else stream.write('', () => resolve());
  });
}
