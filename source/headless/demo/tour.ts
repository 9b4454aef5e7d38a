import {appendFileSync} from 'node:fs';
import path from 'node:path';
import type {CommandResult} from './command-line.js';
import type {DemoWorld} from './demo-world.js';
import {changeDatabase, leaveEditsWaiting, makeConflict} from './edits.js';

type Summary = {
  type: string;
  runId: string;
  status: string;
  applied: number;
  skipped: number;
  conflicts: number;
  deleted: number;
  bytes: number;
};
type PreviewDocument = {planHash: string; actions: {kind: string}[]};

/** One station of the tour: a command, and what must be true of what it did. */
type Station = {
  readonly title: string;
  readonly before?: (world: DemoWorld) => void;
  readonly argv: (world: DemoWorld) => string[];
  readonly exitCode: number;
  /** A sentence about what was seen; throws when it is not what it should be. */
  readonly see: (result: CommandResult) => string;
};

const profile = 'staging-production/everything';
const planFile = (world: DemoWorld) => path.join(world.folder, 'plan.json');

/** The run that decided the conflicts, for the stations that take it back. */
let conflictRun = '';

const stations: readonly Station[] = [
  {
    title: 'Preview what waits on both sides',
    before: leaveEditsWaiting,
    argv: () => ['preview', profile, '--json', '--detailed-exitcode'],
    exitCode: 2,
    see: result => {
      const preview = JSON.parse(result.stdout) as PreviewDocument;
      expect(preview.actions.length > 10, 'more than ten changes wait');
      return `${preview.actions.length} actions, plan ${preview.planHash.slice(0, 8)}`;
    },
  },
  {
    title: 'Run it',
    argv: () => ['run', profile, '--json'],
    exitCode: 0,
    see: result => {
      const summary = lastEvent(result);
      expect(
        summary.status === 'success' && summary.applied > 10 && summary.skipped === 0,
        'everything is applied',
      );
      return `${summary.applied} applied, ${summary.deleted} of them deletions, ${summary.bytes} bytes sent`;
    },
  },
  {
    title: 'Run again: nothing to do',
    argv: () => ['run', profile, '--json'],
    exitCode: 0,
    see: result => {
      const summary = lastEvent(result);
      expect(summary.applied === 0 && summary.bytes === 0, 'nothing is applied and nothing sent');
      return '0 applied, 0 bytes sent';
    },
  },
  {
    title: 'The same row and file changed on both sides: two conflicts, local wins',
    before: makeConflict,
    argv: () => ['run', profile, '--json'],
    exitCode: 0,
    see: result => {
      const summary = lastEvent(result);
      expect(summary.conflicts === 2 && summary.applied === 2, 'both conflicts are decided');
      conflictRun = summary.runId;
      return `${summary.conflicts} conflicts decided; the losing versions are in the history of production`;
    },
  },
  {
    title: 'Undo that run: production has its own versions again',
    argv: () => ['runs', 'undo', conflictRun, '--json'],
    exitCode: 0,
    see: result => {
      const summary = lastEvent(result);
      expect(summary.status === 'success' && summary.applied === 2, 'both versions are back');
      return '2 old versions are back';
    },
  },
  {
    title: 'Run again: what was undone is held',
    argv: () => ['run', profile, '--json'],
    exitCode: 0,
    see: result => {
      const summary = lastEvent(result);
      expect(summary.applied === 0 && summary.skipped === 0, 'nothing of it travels');
      return '0 applied, until a side changes it or the run is redone';
    },
  },
  {
    title: 'Redo it',
    argv: () => ['runs', 'redo', conflictRun, '--json'],
    exitCode: 0,
    see: result => {
      const summary = lastEvent(result);
      expect(summary.status === 'success' && summary.applied === 2, 'it is done again');
      return '2 applied';
    },
  },
  {
    title: 'Save a plan',
    before: world =>
      appendFileSync(path.join(world.rootOf('staging'), 'templates/list.html'), '<!-- planned -->\n'),
    argv: world => ['preview', profile, '--json', '--out', planFile(world)],
    exitCode: 0,
    see: result => {
      const preview = JSON.parse(result.stdout) as PreviewDocument;
      // The table without a key is listed as left alone; that is no change.
      expect(
        preview.actions.filter(action => action.kind !== 'skip').length === 1,
        'the plan holds the one change',
      );
      return '1 action saved';
    },
  },
  {
    title: 'The world moves on: the saved plan is refused',
    before: world => {
      appendFileSync(
        path.join(world.rootOf('production'), 'templates/list.html'),
        '<!-- somebody was faster -->\n',
      );
      changeDatabase(world, 'production', database =>
        database.exec(`UPDATE content SET title = 'Moved on' WHERE id = 7`),
      );
    },
    argv: world => ['run', profile, '--plan', planFile(world), '--json'],
    exitCode: 8,
    see: result => {
      expect(lastEvent(result).status === 'refused', 'the run is refused');
      return 'refused, nothing changed';
    },
  },
];

/** Plays the tour (CLI.md, `lockstep demo --headless`); true only when every station did what it should. */
export async function playTour(world: DemoWorld, print: (line: string) => void): Promise<boolean> {
  for (const [index, station] of stations.entries()) {
    station.before?.(world);
    const argv = station.argv(world);
    print(`\n${index + 1}. ${station.title}\n   $ lockstep ${argv.join(' ')}`);
    const result = await world.commandLine.run(...argv);
    try {
      expect(
        result.exitCode === station.exitCode,
        `it ends with ${station.exitCode}, not ${result.exitCode}`,
      );
      print(`   ok    ${station.see(result)}`);
    } catch (error) {
      print(
        `   fail  ${error instanceof Error ? error.message : String(error)}\n${indent(result.stderr || result.stdout.slice(-2000))}`,
      );
      return false;
    }
  }
  return true;
}

function lastEvent(result: CommandResult): Summary {
  return JSON.parse(result.stdout.trimEnd().split('\n').at(-1) ?? '') as Summary;
}

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`expected that ${what}`);
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '         ');
}
