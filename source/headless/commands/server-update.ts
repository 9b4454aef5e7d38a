import type {Command} from 'commander';
import {OperatorError} from '../../core/operator-error.js';
import type {Register} from '../command-context.js';
import {printable} from '../format.js';
import {findServer} from './server.js';

/** `lockstep server update`: the agent of a server gets the version of this console (U13). */
export function addServerUpdateCommand(server: Command, register: Register): void {
  server
    .command('update <name>')
    .description(
      'update an agent that is older than this console; the old one comes back if the new one is not well',
    )
    .option(
      '--release <release>',
      'a release of Lockstep, mostly a signed one; by default the program of this console',
    )
    .action(
      register<[string], {release?: string}>(async (context, [name], {release}) => {
        const {output, options} = context;
        const engine = await context.engine();
        await findServer(engine, name);
        if (options.dryRun) {
          const found = await engine.servers.agent(name);
          if (options.json) return output.document({server: name, ...found, updated: false});
          output.print(
            printable(
              `${name} runs ${found.version}, this console ${found.consoleVersion}; ${
                !found.older
                  ? 'nothing to update'
                  : found.allowed
                    ? 'it could be updated'
                    : 'its agent.json lets no console update it'
              }`,
            ),
          );
          return;
        }
        await context.interaction.confirm({
          consequence: `The agent of ${name} is replaced by a newer version; its sites cannot be synchronised meanwhile.`,
          name,
        });
        const stop = new AbortController();
        const unregister = context.onSignal(['SIGTERM', 'SIGINT', 'SIGHUP'], () =>
          stop.abort(
            new OperatorError('RUN_CANCELLED', 'Not looked at any more; an update that has begun goes on.', {
              hint: `\`lockstep server update ${name}\` looks on again.`,
            }),
          ),
        );
        const said = new Set<string>();
        const say = (text: string) => {
          if (options.json || said.has(text)) return;
          said.add(text);
          output.tell(printable(text));
        };
        const status = await engine.servers
          .updateAgent(name, {
            ...(release === undefined ? {} : {release}),
            signal: stop.signal,
            onProgress: stage => say(`${stage} the program`),
            onStatus: ({steps}) => {
              for (const {title, state, error} of steps)
                if (state === 'done' || state === 'failed')
                  say(error === undefined ? `${title}: ${state}` : `${title}: ${error.message}`);
            },
          })
          .finally(unregister);
        if (options.json) output.document({server: name, updated: true, update: status});
        else output.print(printable(`updated the agent of ${name} from ${status.from} to ${status.to}`));
      }),
    );
}
