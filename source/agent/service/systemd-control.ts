import type {ServiceControl} from './open-service.js';
import type {ServiceCommand, ServiceSettings} from './service-settings.js';

/** Where agent.json gives no command, and so no timeout, milliseconds. */
const defaultMs = {start: 60_000, stop: 60_000, kill: 30_000, status: 10_000};

/**
 * A unit of systemd, handled by `systemctl` as it is found on PATH; the agent's user must be allowed to. Timeouts of
 * `start` and `stop` in agent.json count; their commands would be used in place of systemctl.
 */
export function systemdControl({unit, commands, killUnit}: ServiceSettings): ServiceControl {
  if (unit === undefined) throw new Error('a service of systemd without a unit');
  const systemctl = (verb: keyof typeof defaultMs, ...rest: string[]): ServiceCommand =>
    commands[verb] ?? {argv: ['systemctl', ...rest, '--', unit], timeoutMs: defaultMs[verb]};
  return {
    start: systemctl('start', 'start'),
    stop: systemctl('stop', 'stop'),
    kill: killUnit ? systemctl('kill', 'kill', '--signal=SIGKILL') : commands.kill,
    status: systemctl('status', 'is-active'),
    stateOf({end, output}) {
      const said = output.trim();
      if (end === 'done') return 'running';
      // While it starts or stops there are processes of it.
      if (['activating', 'deactivating', 'reloading', 'refreshing'].includes(said)) return 'running';
      return said === 'inactive' || said === 'failed' || said === 'unknown' ? 'stopped' : 'unknown';
    },
  };
}
