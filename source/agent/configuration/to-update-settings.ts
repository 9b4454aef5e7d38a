import {resolve} from 'node:path';
import {durationMs} from '../../core/duration.js';
import {asOperatorError} from '../../core/operator-error.js';
import {parseWindow} from '../../core/rollout-window.js';
import type {HealthSettings, ServiceCommand, ServiceVerb, VersionPlace} from '../service/service-settings.js';
import type {UpdateSettings} from '../update/update-settings.js';
import {toCommand} from './to-command.js';
import type {UpdateJson} from './update-schema.js';

/** Milliseconds that a command may take where agent.json does not say. */
const defaultTimeoutsMs: Readonly<Record<ServiceVerb, number>> = {
  start: 60_000,
  stop: 60_000,
  status: 10_000,
  sessions: 10_000,
  warn: 30_000,
  closeLogins: 30_000,
  openLogins: 30_000,
  logoff: 30_000,
  kill: 30_000,
  health: 10_000,
  migrate: 600_000,
  structureVersion: 30_000,
};
const defaults = {grace: '90s', leave: '30s', health: '60s'} as const;

/**
 * `update` of agent.json with its defaults; undefined where it only says which releases are believed.
 * @param base folder that relative paths are relative to
 */
export function toUpdateSettings(json: UpdateJson, base: string): UpdateSettings | undefined {
  const {folder, service, health = {}, grace = defaults.grace, leave = defaults.leave} = json;
  if (folder === undefined || service === undefined) return undefined;
  const commands: Partial<Record<ServiceVerb, ServiceCommand>> = {};
  for (const verb of Object.keys(defaultTimeoutsMs) as ServiceVerb[]) {
    const command = service[verb];
    if (command === undefined) continue;
    commands[verb] = {
      argv: toCommand(command.run, base),
      timeoutMs: command.timeout === undefined ? defaultTimeoutsMs[verb] : durationMs(command.timeout)!,
    };
  }
  return {
    folder: resolve(base, folder),
    carry: (json.carry ?? []).map(rule =>
      typeof rule === 'string'
        ? {path: rule, required: false}
        : {path: rule.path, required: rule.required ?? false},
    ),
    service: {
      commands,
      unit: service.kind === 'systemd' ? service.unit : undefined,
      killUnit: service.killUnit ?? false,
      killCommands: service.killCommands ?? false,
      health: toHealth(health),
    },
    graceMs: durationMs(grace)!,
    leaveMs: durationMs(leave)!,
    users: json.users ?? 'logoff',
    backup: json.backup ?? true,
    keepPrevious: json.keepPrevious ?? true,
    notice: json.notice === undefined ? undefined : resolve(base, json.notice),
    window: json.window === undefined ? undefined : parseWindow(json.window),
    administrators: json.mail?.administrator ?? [],
  };
}

/** A contradiction that the schema cannot say: place below `update`, what is wrong, what to do. */
export function contradictionsOf(json: UpdateJson): {place: string; message: string; remedy: string}[] {
  const {folder, service, health} = json;
  const found: {place: string; message: string; remedy: string}[] = [];
  if ((folder === undefined) !== (service === undefined))
    found.push({
      place: folder === undefined ? 'folder' : 'service',
      message: 'An update needs both the server folder and its service.',
      remedy: 'Add "folder": "/srv/NAME" and "service": {"start": …, "stop": …}.',
    });
  if (service === undefined) return found;
  if (service.kind === 'systemd') {
    if (service.unit === undefined)
      found.push({
        place: 'service/unit',
        message: 'A service of systemd needs its unit.',
        remedy: 'Name it: "unit": "NAME.service".',
      });
  } else
    for (const verb of ['start', 'stop'] as const)
      if (service[verb] === undefined)
        found.push({
          place: `service/${verb}`,
          message: `The service has no command to ${verb} it.`,
          remedy: `Add "${verb}": {"run": [PROGRAM, …]}, or name a unit of systemd.`,
        });
  if (health?.version !== undefined && health.url === undefined)
    found.push({
      place: 'health/version',
      message: 'The version is looked for in an answer, and there is no address to ask.',
      remedy: 'Add "url" beside it.',
    });
  if (json.window !== undefined)
    try {
      parseWindow(json.window);
    } catch (error) {
      const {message, hint} = asOperatorError(error);
      found.push({place: 'window', message, remedy: hint ?? ''});
    }
  return found;
}

function toHealth({
  url,
  status = 200,
  version,
  timeout = defaults.health,
}: NonNullable<UpdateJson['health']>): HealthSettings {
  return {
    url,
    status,
    version: version === undefined ? undefined : versionPlace(version),
    timeoutMs: durationMs(timeout)!,
  };
}

function versionPlace(text: string): VersionPlace {
  if (text === 'body') return {kind: 'body'};
  if (text.startsWith('header:')) return {kind: 'header', name: text.slice('header:'.length)};
  return {kind: 'pointer', pointer: text};
}
