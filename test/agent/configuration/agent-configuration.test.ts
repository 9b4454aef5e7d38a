import {mkdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {
  loadConfiguration,
  readAgentJson,
  splitListen,
} from '../../../source/agent/configuration/agent-configuration.js';
import {checkConfiguration} from '../../../source/agent/configuration/check-configuration.js';
import {addSiteToAgentJson, createAgentJson} from '../../../source/agent/configuration/save-agent-json.js';
import {defaultItemGroups} from '../../../source/core/default-groups.js';
import {temporaryFolder} from '../test-agent.js';

/** The example of CLI.md. */
const full = {
  $schema: './agent.schema.json',
  name: 'staging',
  listen: '0.0.0.0:8732',
  sites: {
    main: {
      root: '/srv/main',
      version: '7.6.6',
      staging: true,
      allowForceInitial: false,
      database: {
        url: 'sqlite:/srv/main/content.db',
        exclude: ['search_*', 'sessions'],
        groups: {rights: ['users', 'groups', 'roles']},
        tables: {
          folders: {
            kind: 'folders',
            naturalKey: ['parent_id', 'name'],
            nameColumn: 'name',
            references: {owner: 'users.id'},
            title: 'name',
          },
        },
      },
      groups: {templates: {include: ['**'], exclude: ['workarea/**']}},
      logs: [{path: 'logs/access*.log', format: 'combined'}],
      flags: {webAlerts: false, orderProcessing: false},
      replacements: [
        {canonical: 'https://www.example.com', here: 'https://staging.example.com', tables: ['content']},
      ],
      hooks: {afterSync: [{run: ['./refresh-aliases'], timeout: '30s'}]},
      backup: {folder: '/var/backups/lockstep', keep: 10, maxAge: '30d'},
      history: {maxAge: '30d', maxEntries: 1000, maxBytes: '5GiB'},
      maxDelete: '50%',
      mail: {smtp: 'smtp://127.0.0.1:25', from: 'lockstep@example.com'},
    },
  },
};

test('everything that CLI.md shows is accepted and typed', async t => {
  const data = await temporaryFolder(t);
  await writeFile(join(data, 'agent.json'), JSON.stringify(full));
  const configuration = await loadConfiguration(data);
  t.like(configuration, {name: 'staging', host: '0.0.0.0', port: 8732});
  const [site] = configuration.sites;
  t.like(site, {name: 'main', root: '/srv/main', version: '7.6.6', staging: true, maxDelete: 50});
  t.deepEqual(site?.groups.templates, {include: ['**'], exclude: ['workarea/**']});
  t.deepEqual(site?.groups.bin, defaultItemGroups.bin);
  t.deepEqual(site?.hooks, [{argv: [join(data, 'refresh-aliases')], timeoutMs: 30_000}]);
  t.deepEqual(site?.history, {maxAgeMs: 30 * 86_400_000, maxEntries: 1000, maxBytes: 5 * 1024 ** 3});
  t.is(site?.database?.tables?.folders?.references?.owner, 'users.id');
});

test('what is left out has its default, and relative paths are relative to the file', async t => {
  const data = await temporaryFolder(t);
  const minimal = {
    name: 'a',
    listen: '[::1]:1',
    sites: {main: {root: 'www', database: {url: 'sqlite:www/a.db'}}},
  };
  await writeFile(join(data, 'agent.json'), JSON.stringify(minimal));
  const {host, sites} = await loadConfiguration(data);
  t.is(host, '::1');
  t.like(sites[0], {root: join(data, 'www'), version: '', staging: false, allowForceInitial: false});
  t.is(sites[0]?.database?.url, `sqlite:${join(data, 'www/a.db')}`);
  t.deepEqual(sites[0]?.groups, defaultItemGroups);
});

const site = full.sites.main;
const mistakes: Record<string, {value: unknown; place: string; says: RegExp; remedy?: RegExp}> = {
  'a name that is not known': {value: {...full, nmae: 'x'}, place: '/nmae', says: /nmae/},
  'a name in a site that is not known': {
    value: {...full, sites: {main: {...site, rot: 'x'}}},
    place: '/sites/main/rot',
    says: /rot/,
  },
  'a site without a root': {value: {...full, sites: {main: {}}}, place: '/sites/main', says: /root/},
  'a type that is wrong': {
    value: {...full, sites: {main: {...site, staging: 'yes'}}},
    place: '/sites/main/staging',
    says: /boolean/,
  },
  'a database of no kind': {
    value: {...full, sites: {main: {...site, database: {url: 'oracle:x'}}}},
    place: '/sites/main/database/url',
    says: /form/,
    remedy: /postgres:\/\/user:pass@host/,
  },
  'a duration without a unit': {
    value: {...full, sites: {main: {...site, backup: {maxAge: '30'}}}},
    place: '/sites/main/backup/maxAge',
    says: /form/,
    remedy: /such as 30s, 15m, 12h or 30d/,
  },
  'a size without a unit': {
    value: {...full, sites: {main: {...site, history: {maxBytes: '5000'}}}},
    place: '/sites/main/history/maxBytes',
    says: /form/,
    remedy: /such as 500MiB/,
  },
  'a share above the whole': {
    value: {...full, sites: {main: {...site, maxDelete: '120%'}}},
    place: '/sites/main/maxDelete',
    says: /form/,
    remedy: /such as 20%/,
  },
};

for (const [name, {value, place, says, remedy = /./}] of Object.entries(mistakes))
  test(`agent.json with ${name} is refused, naming the place and the remedy`, async t => {
    const data = await temporaryFolder(t);
    await writeFile(join(data, 'agent.json'), JSON.stringify(value));
    const parsed = await readAgentJson(data);
    if (parsed.kind !== 'invalid') return t.fail('was accepted');
    t.is(parsed.problems[0]?.place, place, JSON.stringify(parsed.problems));
    t.regex(parsed.problems[0]?.message ?? '', says);
    t.regex(parsed.problems[0]?.remedy ?? '', remedy);
    const error = await t.throwsAsync(loadConfiguration(data), {code: 'INVALID_CONFIGURATION'});
    t.true(error?.message.includes(join(data, 'agent.json')));
  });

test('a byte order mark before the JSON is no mistake', async t => {
  const data = await temporaryFolder(t);
  await writeFile(join(data, 'agent.json'), `\ufeff${JSON.stringify(full)}`);
  t.like(await loadConfiguration(data), {name: 'staging'});
});

test('JSON that is none is refused with line and column', async t => {
  const data = await temporaryFolder(t);
  await writeFile(join(data, 'agent.json'), '{\n  "name": "a",\n  oops\n}');
  const parsed = await readAgentJson(data);
  if (parsed.kind !== 'invalid') return t.fail('was accepted');
  t.is(parsed.problems[0]?.place, 'line 3, column 3');
});

test('adding a site keeps what is there, and not twice the same', async t => {
  const data = await temporaryFolder(t);
  await createAgentJson(data, {name: 'a', listen: '127.0.0.1:1', sites: {main: site}});
  await addSiteToAgentJson(data, 'shop', {root: '/srv/shop'}, {dryRun: false});
  const value = JSON.parse(await readFile(join(data, 'agent.json'), 'utf8'));
  t.deepEqual(value.sites, {main: site, shop: {root: '/srv/shop'}});
  t.is(value.$schema, './agent.schema.json');
  await t.throwsAsync(addSiteToAgentJson(data, 'shop', {root: '/x'}, {dryRun: false}), {
    code: 'ALREADY_EXISTS',
  });
  const schema = JSON.parse(await readFile(join(data, 'agent.schema.json'), 'utf8'));
  t.truthy(schema.properties.sites);
});

test('a check looks at the world too: roots, databases, the port', async t => {
  const data = await temporaryFolder(t);
  const root = join(data, 'www');
  await mkdir(root);
  await createAgentJson(data, {
    name: 'a',
    listen: '192.0.2.1:8732',
    sites: {
      good: {root},
      same: {root},
      gone: {root: join(data, 'gone')},
      empty: {root: data, database: {url: `sqlite:${join(data, 'no.db')}`}},
    },
  });
  const places = (await checkConfiguration(data, {running: false})).map(problem => problem.place);
  t.deepEqual(places, ['/listen', '/sites/same/root', '/sites/gone/root', '/sites/empty/database/url']);
});

test('an address to listen on is host and port', t => {
  t.deepEqual(splitListen('0.0.0.0:8732'), {host: '0.0.0.0', port: 8732});
  t.deepEqual(splitListen('[::]:0'), {host: '::', port: 0});
  for (const listen of ['8732', ':8732', 'host:', 'host:99999', 'host:x'])
    t.throws(() => splitListen(listen), {code: 'USAGE'}, listen);
});

const withReplacements = (replacements: unknown) =>
  JSON.stringify({
    name: 'staging',
    listen: '127.0.0.1:0',
    sites: {main: {root: '.', staging: true, replacements}},
  });

const replacementCases: {name: string; replacements: unknown; place: string | undefined}[] = [
  {
    name: 'several, one beginning like another',
    replacements: [
      {canonical: 'https://www.example.com', here: 'https://staging.example.com'},
      {canonical: 'https://www.example.com/shop', here: 'http://shop.test:8080', columns: ['body']},
    ],
    place: undefined,
  },
  {
    name: 'one that contains what another replaces',
    replacements: [
      {canonical: 'https://www.example.com', here: 'https://staging.example.org'},
      {canonical: 'example.org', here: 'example.test'},
    ],
    place: '/sites/main/replacements/0',
  },
  {
    name: 'the same in tables that have nothing to do with each other',
    replacements: [
      {canonical: 'www.example.com', here: 'a.test', tables: ['pages']},
      {canonical: 'www.example.com', here: 'b.test', tables: ['users']},
    ],
    place: undefined,
  },
  {
    name: 'the same in tables that a pattern may join',
    replacements: [
      {canonical: 'www.example.com', here: 'a.test', tables: ['p*']},
      {canonical: 'www.example.com', here: 'b.test', tables: ['pages']},
    ],
    place: '/sites/main/replacements/1',
  },
  {
    name: 'what would break JSON',
    replacements: [{canonical: 'a', here: 'say "b"'}],
    place: '/sites/main/replacements/0/here',
  },
];

for (const {name, replacements, place} of replacementCases)
  test(`replacements: ${name}`, async t => {
    const data = await temporaryFolder(t);
    await writeFile(join(data, 'agent.json'), withReplacements(replacements));
    const parsed = await readAgentJson(data);
    t.is(parsed.kind === 'invalid' ? parsed.problems[0]?.place : undefined, place);
  });

test('a check finds programs that would not start, alerts without a way and flags that would be cleared away', async t => {
  const data = await temporaryFolder(t);
  const root = join(data, 'site');
  await mkdir(root);
  const write = (site: object) =>
    writeFile(
      join(data, 'agent.json'),
      JSON.stringify({name: 'a', listen: '127.0.0.1:0', sites: {main: {root, ...site}}}),
    );
  const places = async () => (await checkConfiguration(data, {running: true})).map(({place}) => place);
  await write({
    hooks: {afterSync: [{run: ['sh', '-c', 'true']}, {run: ['./not-there']}, {run: ['no-such-program']}]},
    flagsFile: 'site/.lockstep/flags.json',
  });
  t.deepEqual(await places(), [
    '/sites/main/hooks/afterSync/1/run',
    '/sites/main/hooks/afterSync/2/run',
    '/sites/main/flagsFile',
    '/sites/main/flagsFile',
  ]);
  await write({webAlert: {timeout: '5s'}});
  t.deepEqual(await places(), ['/sites/main/webAlert']);
  await write({webAlert: {post: 'https://example.com', run: ['sh']}});
  t.deepEqual(await places(), ['/sites/main/webAlert']);
  await write({webAlert: {run: ['sh']}, flagsFile: 'flags.json'});
  t.deepEqual(await places(), []);
});

const choices: {site: object; place: string; message: string}[] = [
  {site: {update: {users: 'maybe'}}, place: 'update/users', message: 'It must be "logoff" or "abort".'},
  {site: {update: {carry: [5]}}, place: 'update/carry/0', message: 'It must be string or must be object.'},
  {site: {update: {carry: [{path: 5}]}}, place: 'update/carry/0/path', message: 'It must be string.'},
];
for (const {site, place, message} of choices)
  test(`a wrong choice in ${place} is told once: ${message}`, async t => {
    const data = await temporaryFolder(t);
    const json = {name: 'a', listen: '127.0.0.1:0', sites: {main: {root: '/srv/main', ...site}}};
    await writeFile(join(data, 'agent.json'), JSON.stringify(json));
    const parsed = await readAgentJson(data);
    t.deepEqual(
      parsed.kind === 'invalid' && parsed.problems.map(problem => [problem.place, problem.message]),
      [[`/sites/main/${place}`, message]],
    );
  });

test('U7: a check names what cannot be carried over, because it leads out of the server folder', async t => {
  const data = await temporaryFolder(t);
  const root = join(data, 'site');
  const folder = join(data, 'server');
  await Promise.all([mkdir(root), mkdir(folder)]);
  const service = {start: {run: ['sh']}, stop: {run: ['sh']}};
  const update = {folder, service, carry: ['*.pem', '../preferences', {path: 'a/../../b'}]};
  const json = {name: 'a', listen: '127.0.0.1:0', sites: {main: {root, update}}};
  await writeFile(join(data, 'agent.json'), JSON.stringify(json));
  const found = (await checkConfiguration(data, {running: true})).map(({place}) => place);
  t.deepEqual(found, ['/sites/main/update/carry/1', '/sites/main/update/carry/2']);
});
