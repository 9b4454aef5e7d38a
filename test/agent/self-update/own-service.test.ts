import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {createOwnService} from '../../../source/agent/self-update/own-service.js';
import {readTrial, writeTrial} from '../../../source/agent/self-update/trial.js';
import {Interrupted} from '../../../source/agent/update/interrupted.js';
import {identityOf, mark} from '../../../source/agent/update/server-folder.js';

/** A program folder in its place, of an update, and a process of either version. */
async function setUp(t: ExecutionContext, part: 'old' | 'new', runs: 'old' | 'new', onTrial = false) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'lockstep-test-'));
  t.teardown(() => rmSync(folder, {recursive: true, force: true}));
  const current = path.join(folder, 'current');
  const elsewhere = path.join(folder, 'elsewhere');
  for (const place of [current, elsewhere]) {
    mkdirSync(place);
    writeFileSync(path.join(place, 'package.json'), '{}');
  }
  await mark(current, '20260101-000000-aaaaaa', part);
  const root = part === runs ? current : elsewhere;
  const state = {restarts: 0, reachedBy: undefined as string | undefined};
  const service = createOwnService({
    launch: {
      version: runs === 'old' ? '1.0.0' : '1.1.0',
      root,
      identity: identityOf(root),
      onTrial,
      canChange: true,
    },
    folder,
    healthMs: () => 1000,
    reachedBy: () => state.reachedBy,
    restart: () => {
      state.restarts += 1;
    },
  });
  const context = {
    folder: current,
    environment: {
      LOCKSTEP_UPDATE_ID: '20260101-000000-aaaaaa',
      LOCKSTEP_FROM: '1.0.0',
      LOCKSTEP_TO: '1.1.0',
    },
    signal: new AbortController().signal,
  };
  return {folder, service, context, state};
}

test('starting the new version lets the process be replaced, on trial', async t => {
  const {folder, service, context, state} = await setUp(t, 'new', 'old');
  await t.throwsAsync(service.start(context), {instanceOf: Interrupted});
  t.is(state.restarts, 1);
  t.is(readTrial(folder)?.update, '20260101-000000-aaaaaa');
});

test('in the new version it is started', async t => {
  const {service, context, state} = await setUp(t, 'new', 'new', true);
  await service.start(context);
  t.is(state.restarts, 0);
});

test('a new version that the launcher gave up is not tried again', async t => {
  const {folder, service, context, state} = await setUp(t, 'new', 'old');
  await writeTrial(folder, {update: '20260101-000000-aaaaaa', limitMs: 1, failed: 'it ended with status 1'});
  await t.throwsAsync(service.start(context), {code: 'SERVICE_FAILED', message: /it ended with status 1/});
  await t.throwsAsync(service.health('1.1.0', context), {code: 'SERVICE_FAILED'});
  t.is(state.restarts, 0);
});

test('it is well once a console has reached it', async t => {
  const {service, context, state} = await setUp(t, 'new', 'new', true);
  t.is((await service.health('1.1.0', context)).kind, 'unwell');
  state.reachedBy = 'somebody@desk';
  t.is((await service.health('1.1.0', context)).kind, 'well');
});

test('decided for, it goes on without anybody who watches over it', async t => {
  const {folder, service, context, state} = await setUp(t, 'new', 'new', true);
  await writeTrial(folder, {update: '20260101-000000-aaaaaa', limitMs: 1});
  await t.throwsAsync(service.tell('openLogins', context), {instanceOf: Interrupted});
  t.deepEqual([state.restarts, readTrial(folder)], [1, undefined]);
});

test('going back replaces a version on trial, and no other', async t => {
  const trial = await setUp(t, 'old', 'new', true);
  await t.throwsAsync(trial.service.start(trial.context), {instanceOf: Interrupted});
  const plain = await setUp(t, 'old', 'old');
  await plain.service.start(plain.context);
  t.deepEqual([trial.state.restarts, plain.state.restarts], [1, 0]);
  t.is((await plain.service.health('1.0.0', plain.context)).kind, 'well');
});
