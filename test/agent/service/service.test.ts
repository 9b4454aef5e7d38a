import {chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {createServer, type RequestListener} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {openService} from '../../../source/agent/service/open-service.js';
import type {ServiceSettings, VersionPlace} from '../../../source/agent/service/service-settings.js';
import {processIdentity} from '../../../source/system/process-identity.js';
import {type ContractService, serviceContract} from './service-contract.js';

/** A service that is a file: it runs while that is there. */
const script = `
case "$1" in
start) echo start >> log; touch running ;;
stop) echo stop >> log; [ -f ignores-stop ] || rm -f running ;;
kill) echo kill >> log; rm -f running ;;
status|is-active) if [ -f running ]; then echo active; else echo inactive; exit 3; fi ;;
esac`;

const health = {url: undefined, status: 200, version: undefined, timeoutMs: 1000};
const none: ServiceSettings = {commands: {}, unit: undefined, killUnit: false, killCommands: false, health};

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-service-'));
  t.teardown(() => rmSync(folder, {recursive: true, force: true}));
  writeFileSync(join(folder, 'service.sh'), script);
  return folder;
}

const common = (folder: string) => ({
  folder,
  isRunning: () => existsSync(join(folder, 'running')),
  ignoreStop: () => writeFileSync(join(folder, 'ignores-stop'), ''),
  log: () =>
    existsSync(join(folder, 'log')) ? readFileSync(join(folder, 'log'), 'utf8').trim().split('\n') : [],
});

serviceContract(test, 'command', (t): ContractService => {
  const folder = folderOf(t);
  const command = (verb: string, timeoutMs = 10_000) => ({
    argv: ['sh', join(folder, 'service.sh'), verb],
    timeoutMs,
  });
  const commands = {start: command('start'), stop: command('stop', 4_000), status: command('status')};
  return {
    ...common(folder),
    environment: {},
    settings: {...none, commands},
    killing: {...none, commands: {...commands, kill: command('kill')}},
  };
});

serviceContract(test, 'systemd', (t): ContractService => {
  const folder = folderOf(t);
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  // Speaks as systemctl does to whoever calls it with these arguments, and only these.
  writeFileSync(
    join(bin, 'systemctl'),
    `#!/bin/sh
case "$*" in
"start -- shop.service") verb=start ;;
"stop -- shop.service") verb=stop ;;
"is-active -- shop.service") verb=is-active ;;
"kill --signal=SIGKILL -- shop.service") verb=kill ;;
*) echo "unknown: $*" >&2; exit 64 ;;
esac
exec sh ${folder}/service.sh "$verb"
`,
  );
  chmodSync(join(bin, 'systemctl'), 0o755);
  const settings = {...none, unit: 'shop.service', commands: {}};
  const quick = {
    ...settings,
    commands: {stop: {argv: [join(bin, 'systemctl'), 'stop', '--', 'shop.service'], timeoutMs: 4_000}},
  };
  return {
    ...common(folder),
    environment: {PATH: `${bin}:${process.env.PATH}`},
    settings: quick,
    killing: {...quick, killUnit: true},
  };
});

test('commands: what cannot be understood is no answer', async t => {
  const folder = folderOf(t);
  const context = {folder, environment: {}, signal: new AbortController().signal};
  const sh = (text: string) => ({argv: ['sh', '-c', text], timeoutMs: 10_000});
  const base = {start: sh('true'), stop: sh('true')};
  const service = (commands: object) => openService({...none, commands: {...base, ...commands}});
  t.is(await service({status: sh('exit 4')}).state(context), 'unknown');
  t.is(await service({}).state(context), 'unknown');
  t.is(await service({sessions: sh('echo " 12 users"')}).sessions(context), 12);
  t.is(await service({}).sessions(context), undefined);
  t.like(await t.throwsAsync(service({sessions: sh('echo many')}).sessions(context)), {
    code: 'SERVICE_FAILED',
  });
  t.regex(
    (await t.throwsAsync(service({migrate: sh('echo no table; exit 9')}).migrate(context)))!.message,
    /it ended with 9; it said: no table/,
  );
  t.regex(
    (await t.throwsAsync(service({start: sh('echo port in use >&2; exit 1')}).start(context)))!.message,
    /port in use/,
  );
  await service({warn: sh('echo "$LOCKSTEP_MESSAGE" > told')}).tell('warn', {
    ...context,
    environment: {LOCKSTEP_MESSAGE: 'go home'},
  });
  t.is(readFileSync(join(folder, 'told'), 'utf8'), 'go home\n');
});

test('a command that ignores TERM is left alone unless it may be killed', async t => {
  const folder = folderOf(t);
  const stubborn = {
    argv: ['sh', '-c', 'trap "" TERM; echo $$ > pid; while :; do sleep 0.1; done'],
    timeoutMs: 2_000,
  };
  const commands = {start: stubborn, stop: stubborn};
  const context = {folder, environment: {}, signal: new AbortController().signal};
  const error = await t.throwsAsync(openService({...none, commands}).start(context));
  t.regex(error!.message, /still runs as process \d+/);
  const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
  t.notThrows(() => process.kill(pid, 0));
  process.kill(-pid, 'SIGKILL');
  await t.throwsAsync(openService({...none, commands, killCommands: true}).start(context));
  const second = Number(readFileSync(join(folder, 'pid'), 'utf8'));
  t.not(second, pid);
  t.is(processIdentity(second), undefined);
});

async function answering(t: ExecutionContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`;
}

test('health over HTTP: the status and the version count', async t => {
  const url = await answering(t, ({headers}, response) => {
    t.is(headers.connection, 'close');
    response.setHeader('x-version', '7.6.1').end(JSON.stringify({app: {version: '7.6.1'}, build: 12}));
  });
  const check = async (version: VersionPlace | undefined, wanted: string, status = 200) =>
    openService({
      ...none,
      commands: {start: {argv: ['true'], timeoutMs: 1}, stop: {argv: ['true'], timeoutMs: 1}},
      health: {...health, url, status, version},
    }).health(wanted, {folder: '/', environment: {}, signal: new AbortController().signal});
  const pointer = {kind: 'pointer', pointer: '/app/version'} as const;
  t.is((await check(undefined, '9')).kind, 'well');
  t.is((await check(pointer, '7.6.1')).kind, 'well');
  t.regex((await check(pointer, '7.7')).detail, /says version 7\.6\.1, expected 7\.7/);
  t.is((await check({kind: 'pointer', pointer: '/build'}, '12')).kind, 'well');
  t.regex((await check({kind: 'pointer', pointer: '/none'}, '12')).detail, /without saying a version/);
  t.is((await check({kind: 'header', name: 'X-Version'}, '7.6.1')).kind, 'well');
  t.is((await check({kind: 'body'}, '7.6.1')).kind, 'well');
  t.is((await check({kind: 'body'}, '7.6')).kind, 'unwell', 'a part of a version is another one');
  t.regex((await check(undefined, '', 204)).detail, /answered 200, expected 204/);
});

test('health over HTTP: nobody there, a redirect and an endless answer', async t => {
  const commands = {start: {argv: ['true'], timeoutMs: 1}, stop: {argv: ['true'], timeoutMs: 1}};
  const context = {folder: '/', environment: {}, signal: new AbortController().signal};
  const ask = (url: string) => openService({...none, commands, health: {...health, url}}).health('', context);
  t.regex((await ask('http://127.0.0.1:1/')).detail, /does not answer/);
  const redirect = await answering(
    t,
    (_, response) => void response.writeHead(302, {location: '/elsewhere'}).end(),
  );
  t.regex((await ask(redirect)).detail, /answered 302/);
  const endless = await answering(t, (_, response) => {
    const timer = setInterval(() => response.write('x'.repeat(64 * 1024)), 1);
    response.once('close', () => clearInterval(timer));
  });
  t.is((await ask(endless)).kind, 'well');
});
