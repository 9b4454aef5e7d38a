import {access, constants, stat} from 'node:fs/promises';
import {createServer} from 'node:net';
import {delimiter, dirname, join, relative, resolve, sep} from 'node:path';
import {createLogClock} from '../../core/log-time.js';
import {OperatorError} from '../../core/operator-error.js';
import {openDatabaseBackup} from '../backup/open-database-backup.js';
import {databaseFile, openSiteDatabase} from '../database/open-site-database.js';
import {
  type ConfigurationProblem,
  configurationPath,
  loadConfiguration,
  readAgentJson,
  type SiteConfiguration,
} from './agent-configuration.js';

/**
 * Everything that is wrong with agent.json, or with the world it describes: roots, databases, the port.
 * @param options `running`: the agent serves, so that its port is taken by itself.
 */
export async function checkConfiguration(
  dataFolder: string,
  options: {running: boolean},
): Promise<readonly ConfigurationProblem[]> {
  const parsed = await readAgentJson(dataFolder);
  if (parsed.kind === 'invalid') return parsed.problems;
  const file = configurationPath(dataFolder);
  const configuration = await loadConfiguration(dataFolder);
  const problems: ConfigurationProblem[] = [];
  const add = (place: string, message: string, remedy: string) =>
    problems.push({file, place, message, remedy});
  const warn = (place: string, message: string, remedy: string) =>
    problems.push({file, place, message, remedy, warning: true});
  if (!options.running) {
    const failure = await tryListening(configuration.host, configuration.port);
    if (failure !== undefined)
      add(
        '/listen',
        `Cannot listen there: ${failure}.`,
        'Choose another port or address, or stop what uses it.',
      );
  }
  const roots = new Map<string, string>();
  for (const site of configuration.sites) {
    const place = `/sites/${site.name}`;
    await checkRoot(site, (message, remedy) => add(`${place}/root`, message, remedy));
    const other = roots.get(site.root);
    if (other !== undefined)
      add(
        `${place}/root`,
        `It is also the root of the site ${other}.`,
        'Every site has a folder of its own.',
      );
    roots.set(site.root, site.name);
    await checkDatabase(site, (message, remedy) => add(`${place}/database/url`, message, remedy));
    await checkBackupTools(site, (message, remedy) => warn(`${place}/backup`, message, remedy));
    await checkActions(site, (where, message, remedy) => add(`${place}/${where}`, message, remedy));
    await checkUpdate(site, dataFolder, (where, message, remedy) =>
      add(`${place}/update/${where}`, message, remedy),
    );
    for (const [index, log] of site.logs.entries())
      try {
        createLogClock(log);
      } catch (error) {
        add(
          `${place}/logs/${index}/timestamp`,
          `It cannot be understood: ${(error as Error).message}.`,
          'Write it like %d.%m.%Y %H:%M:%S.',
        );
      }
    const {folder} = site.backup;
    if (folder !== undefined && !(await isFolder(folder)))
      add(`${place}/backup/folder`, `${folder} is not a folder.`, 'Create it, or name another.');
  }
  return problems;
}

type Add = (message: string, remedy: string) => void;

async function checkRoot(site: SiteConfiguration, add: Add): Promise<void> {
  if (!(await isFolder(site.root))) {
    add(`${site.root} is not a folder.`, 'Create it, mount it, or correct the path.');
    return;
  }
  try {
    await access(site.root, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    add(
      `${site.root} may not be read and written by this user.`,
      'Give the user that runs the agent the rights.',
    );
  }
}

async function checkDatabase(site: SiteConfiguration, add: Add): Promise<void> {
  if (!site.database) return;
  const {url, exclude} = site.database;
  try {
    // Opening a SQLite file that is not there would create it.
    const file = databaseFile(url);
    if (file !== undefined && !(await stat(file).catch(() => undefined))?.isFile()) {
      add(`There is no database file ${file}.`, 'Correct the path, or create the database.');
      return;
    }
    const database = await openSiteDatabase(url, {exclude: exclude ?? []});
    try {
      // Asks without changing anything: the rest is for the agent that serves.
      await database.wasCommitted('check', 'check');
    } finally {
      await database.close();
    }
  } catch (error) {
    const known = error instanceof OperatorError ? error : undefined;
    add((error as Error).message, known?.hint ?? 'See whether the database is up and the URL is right.');
  }
}

/** The programs that make backups; a profile that wants none does without them (E16). */
async function checkBackupTools({database}: SiteConfiguration, warn: Add): Promise<void> {
  if (!database) return;
  try {
    await (await openDatabaseBackup(database.url)).mustBePossible();
  } catch (error) {
    if (!(error instanceof OperatorError) || error.code !== 'BACKUP_TOOL_MISSING') return;
    warn(`No backup of the database can be made: ${error.message}`, error.hint ?? '');
  }
}

/** Programs that would not start, and a place for the flags that a run would clear away. */
async function checkActions(
  {hooks, webAlert, flagsFile, root}: SiteConfiguration,
  add: (where: string, message: string, remedy: string) => void,
): Promise<void> {
  const programs = hooks.map((hook, index): [string, string] => [
    `hooks/afterSync/${index}/run`,
    hook.argv[0]!,
  ]);
  if (webAlert?.run !== undefined) programs.push(['webAlert/run', webAlert.run[0]!]);
  for (const [where, program] of programs)
    if (!(await canRun(program)))
      add(
        where,
        `There is no program ${program} that this user may run.`,
        'Name one on PATH, or its path; a relative one is relative to agent.json.',
      );
  if (flagsFile === undefined) return;
  if (!(await isFolder(dirname(flagsFile))))
    add('flagsFile', `${dirname(flagsFile)} is not a folder.`, 'Create it, or name another file.');
  if (
    relative(root, flagsFile)
      .split(sep)
      .some(name => name.startsWith('.lockstep'))
  )
    add('flagsFile', 'Names that begin with .lockstep are cleared away after a run.', 'Choose another name.');
}

/** What an update would be refused for at once; the rest is the preflight's business. */
async function checkUpdate(
  {update, database, mail}: SiteConfiguration,
  dataFolder: string,
  add: (where: string, message: string, remedy: string) => void,
): Promise<void> {
  if (update === undefined) return;
  const {folder, service, administrators, notice, carry} = update;
  if (!(await isFolder(folder)))
    add('folder', `${folder} is not a folder.`, 'Create it, mount it, or correct the path.');
  for (const [what, path] of [
    ["The agent's data", resolve(dataFolder)],
    ["The site's database", database && databaseFile(database.url)],
  ] as const)
    if (path !== undefined && isBelow(folder, path))
      add(
        'folder',
        `${what} lies inside it, and it is exchanged by an update.`,
        `Move ${path} out of there.`,
      );
  for (const [index, {path}] of carry.entries())
    if (path.split('/').includes('..'))
      add(
        `carry/${index}`,
        `${path} leads out of the server folder, and so nothing matches it.`,
        'Write it as it lies below the server folder.',
      );
  for (const [verb, command] of Object.entries(service.commands))
    if (!(await canRun(command.argv[0]!)))
      add(
        `service/${verb}/run`,
        `There is no program ${command.argv[0]} that this user may run.`,
        'Name one on PATH, or its path; a relative one is relative to agent.json.',
      );
  if (service.unit !== undefined && !(await canRun('systemctl')))
    add(
      'service/kind',
      'There is no systemctl on this machine.',
      'Name commands that start and stop the service.',
    );
  if (administrators.length > 0 && mail === undefined)
    add('mail', 'The site has no mail server.', 'Add "mail": {"smtp", "from"} to the site.');
  if (notice !== undefined && !(await isFolder(dirname(notice))))
    add('notice', `${dirname(notice)} is not a folder.`, 'Create it, or name another file.');
}

function isBelow(folder: string, path: string): boolean {
  const below = relative(folder, path);
  return below === '' || (below !== '..' && !below.startsWith(`..${sep}`));
}

async function canRun(program: string): Promise<boolean> {
  const folders = program.includes('/') ? [''] : (process.env.PATH ?? '').split(delimiter);
  for (const folder of folders) {
    const path = folder === '' ? program : join(folder, program);
    if (!(await stat(path).catch(() => undefined))?.isFile()) continue;
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return true;
  }
  return false;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

async function tryListening(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  return new Promise(done => {
    server.once('error', error => done(error.message));
    server.listen(port, host, () => server.close(() => done(undefined)));
  });
}
