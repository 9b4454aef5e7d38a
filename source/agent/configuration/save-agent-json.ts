import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {OperatorError} from '../../core/operator-error.js';
import {withLock} from '../../system/process-lock.js';
import {configurationPath, readAgentJson} from './agent-configuration.js';
import {type AgentJson, agentJsonSchema, type SiteJson} from './agent-json-schema.js';

const schemaFile = 'agent.schema.json';

/** Writes a new agent.json and, beside it, the schema that an editor checks it by. */
export async function createAgentJson(dataFolder: string, value: Omit<AgentJson, '$schema'>): Promise<void> {
  const schema = {$schema: 'https://json-schema.org/draft/2020-12/schema', ...agentJsonSchema};
  await writeFileAtomic(join(dataFolder, schemaFile), `${JSON.stringify(schema, null, 2)}\n`, {mode: 0o644});
  await save(dataFolder, {$schema: `./${schemaFile}`, ...value});
}

/**
 * Adds a site to agent.json; everything else in it stays.
 * @throws OperatorError ALREADY_EXISTS, INVALID_CONFIGURATION.
 */
export async function addSiteToAgentJson(
  dataFolder: string,
  name: string,
  site: SiteJson,
  options: {dryRun: boolean},
): Promise<void> {
  // Where there is no agent there is no folder for the lock either.
  await readValid(dataFolder);
  await withLock(`${configurationPath(dataFolder)}.lock`, async () => {
    const value = await readValid(dataFolder);
    if (Object.hasOwn(value.sites, name))
      throw new OperatorError('ALREADY_EXISTS', `There is a site ${name} already.`, {
        hint: `Change it in ${configurationPath(dataFolder)}.`,
      });
    if (options.dryRun) return;
    await save(dataFolder, {...value, sites: {...value.sites, [name]: site}});
  });
}

/** Makes a version the one that a site of agent.json has, after its service was updated; everything else stays. */
export async function setVersionInAgentJson(
  dataFolder: string,
  name: string,
  version: string,
): Promise<void> {
  await withLock(`${configurationPath(dataFolder)}.lock`, async () => {
    const parsed = await readAgentJson(dataFolder);
    // A mistake that somebody is just making must not be overwritten; the update says that it could not.
    if (parsed.kind === 'invalid')
      throw new OperatorError('INVALID_CONFIGURATION', 'agent.json has a mistake and was not changed.', {
        hint: `Correct it and set "version" of the site ${name} to ${version}.`,
      });
    const site = parsed.value.sites[name];
    if (site === undefined || site.version === version) return;
    await save(dataFolder, {...parsed.value, sites: {...parsed.value.sites, [name]: {...site, version}}});
  });
}

async function readValid(dataFolder: string): Promise<AgentJson> {
  const parsed = await readAgentJson(dataFolder);
  if (parsed.kind === 'valid') return parsed.value;
  const [first] = parsed.problems;
  throw new OperatorError('INVALID_CONFIGURATION', `${first?.file}, ${first?.place}: ${first?.message}`, {
    ...(first ? {hint: first.remedy} : {}),
  });
}

/** Readable by its owner only: database URLs hold passwords. */
async function save(dataFolder: string, value: AgentJson): Promise<void> {
  await writeFileAtomic(configurationPath(dataFolder), `${JSON.stringify(value, null, 2)}\n`, {mode: 0o600});
}
