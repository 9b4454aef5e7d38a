import type {ServiceControl} from './open-service.js';
import type {ServiceSettings} from './service-settings.js';

/** A service that commands of agent.json start, stop and ask. Exit statuses as in the LSB: 0 runs, 1 to 3 does not. */
export function commandControl({commands}: ServiceSettings): ServiceControl {
  const {start, stop, kill, status} = commands;
  if (start === undefined || stop === undefined) throw new Error('a service without start or stop');
  return {
    start,
    stop,
    kill,
    status,
    stateOf({end, error}) {
      if (end === 'done') return 'running';
      return end === 'failed' && /^it ended with [123]$/.test(error ?? '') ? 'stopped' : 'unknown';
    },
  };
}
