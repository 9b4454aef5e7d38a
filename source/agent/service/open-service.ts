import {setTimeout as delay} from 'node:timers/promises';
import {OperatorError} from '../../core/operator-error.js';
import {type CommandEnd, runCommand} from '../site/run-command.js';
import {checkHttpHealth} from './check-http-health.js';
import {commandControl} from './command-control.js';
import type {Health, Service, ServiceContext, ServiceState} from './service.js';
import type {ServiceCommand, ServiceSettings, ServiceVerb} from './service-settings.js';
import {systemdControl} from './systemd-control.js';

/** Milliseconds between two looks at whether a service has stopped. */
const lookMs = 100;

/** What the adapters differ in: how a service is started, stopped, killed and looked at. */
export type ServiceControl = {
  readonly start: ServiceCommand;
  readonly stop: ServiceCommand;
  readonly kill: ServiceCommand | undefined;
  /** Undefined where nothing tells. */
  readonly status: ServiceCommand | undefined;
  /** What an exit status of the status command says. */
  stateOf(end: CommandEnd): ServiceState;
};

/** Opens the service that agent.json describes. Nothing is asked or changed before a verb is called. */
export function openService(settings: ServiceSettings): Service {
  const {commands, health, killCommands} = settings;
  const control = settings.unit === undefined ? commandControl(settings) : systemdControl(settings);

  const run = (
    verb: ServiceVerb,
    command: ServiceCommand,
    {folder, environment, signal, onCommand}: ServiceContext,
  ) =>
    runCommand({
      ...command,
      cwd: folder,
      environment,
      signal,
      kill: killCommands,
      ...(onCommand && {onStarted: pid => onCommand(pid, verb)}),
    });
  const must = async (verb: ServiceVerb, command: ServiceCommand, context: ServiceContext) => {
    const end = await run(verb, command, context);
    if (end.end !== 'done') throw failure(verb, command, end);
    return end.output;
  };
  const state = async (context: ServiceContext): Promise<ServiceState> =>
    control.status === undefined ? 'unknown' : control.stateOf(await run('status', control.status, context));

  /** Whether the service has stopped by then; true at once where nothing can tell. */
  const hasStopped = async (context: ServiceContext, withinMs: number): Promise<boolean> => {
    if (control.status === undefined) return true;
    const until = performance.now() + withinMs;
    for (;;) {
      if ((await state(context)) === 'stopped') return true;
      if (performance.now() >= until) return false;
      await delay(lookMs, undefined, {signal: context.signal});
    }
  };

  return {
    can: verb => control[verb as keyof typeof control] !== undefined || commands[verb] !== undefined,
    state,

    async start(context) {
      if ((await state(context)) === 'running') return;
      await must('start', control.start, context);
    },

    async stop(context) {
      if ((await state(context)) === 'stopped') return undefined;
      const startedMs = performance.now();
      const end = await run('stop', control.stop, context);
      const leftMs = Math.max(0, control.stop.timeoutMs - (performance.now() - startedMs));
      const stopped =
        (end.end === 'done' || control.status !== undefined) && (await hasStopped(context, leftMs));
      if (stopped)
        return end.end === 'done' ? undefined : `The command to stop it failed, but it has stopped.`;
      if (control.kill === undefined)
        throw new OperatorError(
          'SERVICE_FAILED',
          end.end === 'done'
            ? `The service still runs ${control.stop.timeoutMs} ms after it was told to stop.`
            : `The service could not be stopped: ${endText(end)}`,
          {
            hint: 'See why it ignores stop. It is killed only where agent.json says so (`service.kill`, or `killUnit` for systemd).',
          },
        );
      await must('kill', control.kill, context);
      if (await hasStopped(context, control.kill.timeoutMs))
        return 'It ignored stop and was killed, as agent.json says.';
      throw new OperatorError('SERVICE_FAILED', 'The service still runs although it was killed.', {
        hint: 'See whether `kill` in agent.json reaches it.',
      });
    },

    async sessions(context) {
      const command = commands.sessions;
      if (command === undefined) return undefined;
      const output = await must('sessions', command, context);
      const count = /^\s*(\d{1,9})\b/.exec(output)?.[1];
      if (count !== undefined) return Number(count);
      throw new OperatorError(
        'SERVICE_FAILED',
        `The sessions could not be counted: ${command.argv.join(' ')} printed "${output.slice(0, 200).trim()}".`,
        {hint: 'It should print a number.'},
      );
    },

    async tell(verb, context) {
      const command = commands[verb];
      if (command !== undefined) await must(verb, command, context);
    },

    async migrate(context) {
      const command = commands.migrate;
      if (command === undefined) return '';
      const end = await run('migrate', command, context);
      if (end.end === 'done') return end.output;
      throw new OperatorError('MIGRATION_FAILED', `The migration of the data failed: ${endText(end)}`, {
        hint: 'Its last words are above; the log of the service may say more.',
      });
    },

    async structureVersion(context) {
      const command = commands.structureVersion;
      if (command === undefined) return undefined;
      return (await must('structureVersion', command, context)).trim().slice(0, 256);
    },

    async health(version, context): Promise<Health> {
      const {url} = health;
      const found: string[] = [];
      if (commands.health !== undefined) {
        const end = await run('health', commands.health, {
          ...context,
          environment: {...context.environment, LOCKSTEP_VERSION: version},
        });
        if (end.end !== 'done')
          return {kind: 'unwell', detail: `the health command says no: ${endText(end)}`};
        found.push('the health command says yes');
      }
      if (url !== undefined) {
        const answered = await checkHttpHealth({...health, url}, version, context.signal);
        if (answered.kind === 'unwell') return answered;
        found.push(answered.detail);
      }
      if (found.length === 0) {
        const now = await state(context);
        if (now === 'stopped') return {kind: 'unwell', detail: 'the service does not run'};
        found.push(now === 'running' ? 'the service runs' : 'nothing is configured that could tell');
      }
      return {kind: 'well', detail: found.join('; ')};
    },
  };
}

function failure(verb: ServiceVerb, {argv}: ServiceCommand, end: CommandEnd): OperatorError {
  return new OperatorError('SERVICE_FAILED', `${argv.join(' ')} (${verb}) failed: ${endText(end)}`, {
    hint: 'Try it by hand on the server, as the user of the agent.',
  });
}

function endText({error, output}: CommandEnd): string {
  const words = output.trim();
  return `${error ?? 'no reason'}${words === '' ? '' : `; it said: ${words.slice(-1000)}`}`;
}
