import type {Command} from 'commander';
import type {Register} from '../command-context.js';

/** `lockstep demo`: three agents and a small content site on this machine, ready to play with. */
export function addDemoCommand(program: Command, register: Register): void {
  program
    .command('demo')
    .description('three agents and a small site on this machine, ready to play with')
    .option('--headless', 'play a tour for a script instead of opening the console', false)
    .option('--keep', 'leave the folder behind', false)
    .action(
      register<[], {headless: boolean; keep: boolean}>(({services, options: {plain}}, _, options) =>
        services.runDemo({...options, plain}),
      ),
    );
}
