import type {Findings} from './findings.js';
import type {PreflightSubject} from './preflight.js';

/** @returns the structure version of the data, where a command prints it. */
export async function checkService(
  {service, settings, context, site}: PreflightSubject,
  {add, attempt}: Findings,
): Promise<string | undefined> {
  await attempt('service', 'Correct `update.service` in agent.json.', async () => {
    const state = await service.state(context);
    if (state === 'unknown')
      add(
        'service',
        'warning',
        settings.service.commands.status === undefined && settings.service.unit === undefined
          ? 'Nothing tells whether the service runs.'
          : 'The status command gave no answer that says whether the service runs.',
        'Give it a `status` command that ends with 0 when it runs and with 3 when it does not.',
      );
    else if (state === 'stopped')
      add('service', 'warning', 'The service does not run; the update will start it.');
    else {
      const health = await service.health(site.version, context);
      add(
        'service',
        health.kind === 'well' ? 'passed' : 'warning',
        health.kind === 'well'
          ? `The service is well: ${health.detail}.`
          : `The service is not well: ${health.detail}.`,
        health.kind === 'well' ? undefined : 'An old version that is not well cannot be gone back to.',
      );
    }
    const sessions = await service.sessions(context);
    if (sessions !== undefined) add('sessions', 'passed', `${sessions} users are on the service.`);
  });
  if (!service.can('structureVersion')) return undefined;
  return attempt('structure', 'Correct `structureVersion` in agent.json.', async () => {
    const version = await service.structureVersion(context);
    add('structure', 'passed', `The data has structure version ${version}.`);
    return version;
  });
}
