import {readFile} from 'node:fs/promises';
import {dirname, join, resolve} from 'node:path';
import {byteSize} from '../../core/byte-size.js';
import {defaultItemGroups} from '../../core/default-groups.js';
import {durationMs} from '../../core/duration.js';
import type {ItemGroup, ItemGroups} from '../../core/item-group.js';
import {OperatorError} from '../../core/operator-error.js';
import {findAmbiguity} from '../../core/replace-values.js';
import {listMistakes} from '../../protocol/transport/validate.js';
import type {AfterSyncHook} from '../site/after-sync.js';
import type {HistoryLimits} from '../site/prune-history.js';
import type {WebAlert} from '../site/send-web-alert.js';
import type {UpdateSettings} from '../update/update-settings.js';
import {type AgentJson, agentJsonSchema, type DatabaseJson, type SiteJson} from './agent-json-schema.js';
import {type ReleaseSettings, toReleaseSettings} from './release-json-schema.js';
import {type SelfUpdateSettings, toSelfUpdateSettings} from './self-update-schema.js';
import {toCommand} from './to-command.js';
import {contradictionsOf, toUpdateSettings} from './to-update-settings.js';

/** agent.json with its defaults filled in; all folders are absolute. */
export type AgentConfiguration = {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Host under which others reach the server, if the configuration says. */
  readonly advertise: string | undefined;
  readonly sites: readonly SiteConfiguration[];
  /** Whose releases of Lockstep consoles may update the agent to (U13); undefined where they may not. */
  readonly selfUpdate?: SelfUpdateSettings;
};

export type SiteConfiguration = {
  readonly name: string;
  /** Name of the server that hosts it. */
  readonly server: string;
  readonly root: string;
  readonly version: string;
  readonly staging: boolean;
  readonly allowForceInitial: boolean;
  readonly database?: DatabaseJson;
  /** Default groups (E8) and the site's own, which replace those of the same name. */
  readonly groups: ItemGroups;
  /** 0..100; undefined when the site sets none. */
  readonly maxDelete?: number;
  readonly logs: NonNullable<SiteJson['logs']>;
  readonly flags: Readonly<Record<string, boolean>>;
  readonly replacements: NonNullable<SiteJson['replacements']>;
  /** Where the flags are published (E30); absolute. */
  readonly flagsFile?: string;
  /** Commands after a sync (E32); a program that is named with a slash is relative to agent.json. */
  readonly hooks: readonly AfterSyncHook[];
  readonly webAlert?: WebAlert;
  readonly backup: NonNullable<SiteJson['backup']>;
  readonly history: Partial<HistoryLimits>;
  readonly mail?: NonNullable<SiteJson['mail']>;
  /** `folder` is absolute. */
  readonly downloads: NonNullable<SiteJson['downloads']>;
  /** Which releases are believed, and their limits (U2). */
  readonly releases: ReleaseSettings;
  /** How its service is updated (U1–U15). */
  readonly update?: UpdateSettings;
};

/** A mistake in agent.json: where it is (a JSON pointer, or line and column) and what to do. */
export type ConfigurationProblem = {
  readonly file: string;
  readonly place: string;
  readonly message: string;
  readonly remedy: string;
  /** Something that is only missing when it is asked for; agent.json is valid all the same. */
  readonly warning?: true;
};

export const configurationPath = (dataFolder: string) => join(dataFolder, 'agent.json');

/** @throws OperatorError INVALID_CONFIGURATION naming file, place and remedy of the first mistake. */
export async function loadConfiguration(dataFolder: string): Promise<AgentConfiguration> {
  const parsed = await readAgentJson(dataFolder);
  if (parsed.kind === 'invalid') {
    const [first] = parsed.problems;
    const more = parsed.problems.length > 1 ? ` (and ${parsed.problems.length - 1} more mistakes)` : '';
    throw new OperatorError(
      'INVALID_CONFIGURATION',
      `${first?.file}, ${first?.place}: ${first?.message}${more}`,
      {
        ...(first ? {hint: first.remedy} : {}),
        details: {problems: parsed.problems},
      },
    );
  }
  return toConfiguration(dataFolder, parsed.value);
}

/** Reads and checks agent.json as it is written; what is wrong is a value, for `agent check` to show. */
export async function readAgentJson(
  dataFolder: string,
): Promise<{kind: 'valid'; value: AgentJson} | {kind: 'invalid'; problems: readonly ConfigurationProblem[]}> {
  const file = configurationPath(dataFolder);
  const invalid = (place: string, message: string, remedy: string) =>
    ({kind: 'invalid', problems: [{file, place, message, remedy}]}) as const;
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      return invalid(
        '/',
        'There is no agent.json here.',
        `Make one: lockstep agent init --data ${dataFolder} --name NAME`,
      );
    return invalid(
      '/',
      `It cannot be read: ${(error as Error).message}`,
      'Give the user that runs the agent the right to read it.',
    );
  }
  let value: unknown;
  try {
    // Some editors begin a file with a byte order mark, which is not JSON.
    value = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    const message = (error as Error).message;
    return invalid(
      placeInText(text, message),
      `It is not JSON: ${message}`,
      'Look for a missing comma, quote or brace there.',
    );
  }
  const mistakes = listMistakes(agentJsonSchema, value);
  if (mistakes.length === 0) {
    const problems = findContradictions(value as AgentJson).map(problem => ({file, ...problem}));
    return problems.length === 0 ? {kind: 'valid', value: value as AgentJson} : {kind: 'invalid', problems};
  }
  return {
    kind: 'invalid',
    problems: mistakes.map(({place, message, expected, unknownNames}) => ({
      file,
      place: unknownNames?.[0] === undefined ? place || '/' : `${place}/${unknownNames[0]}`,
      message: unknownNames ? `Unknown name ${unknownNames.join(', ')}.` : `It ${message}.`,
      remedy: unknownNames
        ? 'Check the spelling; agent.schema.json beside the file lists what there is.'
        : `${expected === undefined ? '' : `What it is: ${expected}. `}agent.schema.json beside the file says what may stand there.`,
    })),
  };
}

/** What the schema cannot say. */
function findContradictions(value: AgentJson): Omit<ConfigurationProblem, 'file'>[] {
  return Object.entries(value.sites).flatMap(([site, {replacements = [], ...rest}]) => {
    const apart = (first: readonly string[] | undefined, second: readonly string[] | undefined) =>
      first !== undefined &&
      second !== undefined &&
      ![...first, ...second].some(name => /[*?[{(!]/.test(name)) &&
      !first.some(name => second.includes(name));
    const found = findAmbiguity(replacements, (first, second) => {
      const [a, b] = [replacements[first]!, replacements[second]!];
      return !apart(a.tables, b.tables) && !apart(a.columns, b.columns);
    });
    const alert = rest.webAlert;
    const ways = alert === undefined ? 1 : [alert.run, alert.post].filter(way => way !== undefined).length;
    return [
      ...(rest.update === undefined ? [] : contradictionsOf(rest.update)).map(({place, ...problem}) => ({
        place: `/sites/${site}/update/${place}`,
        ...problem,
      })),
      ...(ways === 1
        ? []
        : [
            {
              place: `/sites/${site}/webAlert`,
              message: 'A web alert needs one of `run` and `post`.',
              remedy: 'Name the program that is run, or the address that is posted to.',
            },
          ]),
      ...(found === undefined
        ? []
        : [
            {
              place: `/sites/${site}/replacements/${found.index}`,
              message: `The replacements cannot be told apart on the way back: ${found.reason}.`,
              remedy: 'Choose values of which none holds another, or name different tables.',
            },
          ]),
    ];
  });
}

/** Splits `HOST:PORT`; an IPv6 address stands in brackets. The pattern of the schema holds. */
export function splitListen(listen: string): {host: string; port: number} {
  const colon = listen.lastIndexOf(':');
  const host = listen.slice(0, colon).replace(/^\[|\]$/g, '');
  const digits = listen.slice(colon + 1);
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : Number.NaN;
  if (colon < 1 || host === '' || !(port <= 65_535))
    throw new OperatorError('USAGE', `${listen} is no address to listen on.`, {
      hint: 'HOST:PORT, such as 0.0.0.0:8732.',
    });
  return {host, port};
}

function toConfiguration(dataFolder: string, value: AgentJson): AgentConfiguration {
  const base = dirname(configurationPath(resolve(dataFolder)));
  return {
    name: value.name,
    ...splitListen(value.listen),
    advertise: value.advertise,
    ...(value.selfUpdate && {selfUpdate: toSelfUpdateSettings(value.selfUpdate)}),
    sites: Object.entries(value.sites).map(([name, site]) => toSite(name, value.name, site, base)),
  };
}

function toSite(name: string, server: string, site: SiteJson, base: string): SiteConfiguration {
  return {
    name,
    server,
    root: resolve(base, site.root),
    version: site.version ?? '',
    staging: site.staging ?? false,
    allowForceInitial: site.allowForceInitial ?? false,
    ...(site.database && {database: {...site.database, url: resolveDatabaseUrl(site.database.url, base)}}),
    groups: {
      ...defaultItemGroups,
      ...Object.fromEntries(
        Object.entries(site.groups ?? {}).map(([group, value]) => [group, toGroup(value)]),
      ),
    },
    ...(site.maxDelete === undefined ? {} : {maxDelete: Number(site.maxDelete.slice(0, -1))}),
    logs: site.logs ?? [],
    flags: site.flags ?? {},
    replacements: site.replacements ?? [],
    ...(site.flagsFile === undefined ? {} : {flagsFile: resolve(base, site.flagsFile)}),
    hooks: (site.hooks?.afterSync ?? []).map(({run, timeout = defaultTimeout}) => ({
      argv: toCommand(run, base),
      timeoutMs: durationMs(timeout)!,
    })),
    ...(site.webAlert && {webAlert: toWebAlert(site.webAlert, base)}),
    backup: site.backup?.folder
      ? {...site.backup, folder: resolve(base, site.backup.folder)}
      : (site.backup ?? {}),
    history: toHistoryLimits(site.history ?? {}),
    ...(site.mail && {mail: site.mail}),
    downloads: site.downloads?.folder
      ? {...site.downloads, folder: resolve(base, site.downloads.folder)}
      : (site.downloads ?? {}),
    releases: toReleaseSettings(site.update),
    ...toUpdate(site.update, base),
  };
}

function toUpdate(json: SiteJson['update'], base: string): Pick<SiteConfiguration, 'update'> {
  const update = json && toUpdateSettings(json, base);
  return update === undefined ? {} : {update};
}

function toHistoryLimits({
  maxAge,
  maxEntries,
  maxBytes,
}: NonNullable<SiteJson['history']>): Partial<HistoryLimits> {
  return {
    ...(maxAge === undefined ? {} : {maxAgeMs: durationMs(maxAge)!}),
    ...(maxEntries === undefined ? {} : {maxEntries}),
    ...(maxBytes === undefined ? {} : {maxBytes: byteSize(maxBytes)!}),
  };
}

/** How long an action after a sync may take. */
const defaultTimeout = '60s';
const defaultAttempts = 3;

function toWebAlert(
  {run, post, headers, timeout = '30s', attempts = defaultAttempts}: NonNullable<SiteJson['webAlert']>,
  base: string,
): WebAlert {
  return {
    ...(run === undefined ? {} : {run: toCommand(run, base)}),
    ...(post === undefined ? {} : {post}),
    ...(headers === undefined ? {} : {headers}),
    timeoutMs: durationMs(timeout)!,
    attempts,
  };
}

function toGroup(group: NonNullable<SiteJson['groups']>[string]): ItemGroup {
  return {
    include: group.include ?? [],
    exclude: group.exclude ?? [],
    ...(group.rest === undefined ? {} : {rest: group.rest}),
    ...(group.database === undefined ? {} : {database: group.database}),
  };
}

function resolveDatabaseUrl(url: string, base: string): string {
  return url.startsWith('sqlite:') ? `sqlite:${resolve(base, url.slice('sqlite:'.length))}` : url;
}

function placeInText(text: string, message: string): string {
  const position = /position (\d+)/.exec(message)?.[1];
  if (position === undefined) return 'the end';
  const before = text.slice(0, Number(position)).split('\n');
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}
