import type {ExecutionContext, TestFn} from 'ava';
import {openService} from '../../../source/agent/service/open-service.js';
import type {ServiceContext} from '../../../source/agent/service/service.js';
import type {ServiceSettings} from '../../../source/agent/service/service-settings.js';

/** A service that does as it is told, or not; made anew for each test. */
export type ContractService = {
  readonly settings: ServiceSettings;
  /** The same, with killing configured. */
  readonly killing: ServiceSettings;
  readonly folder: string;
  /** PATH for the commands. */
  readonly environment: Readonly<Record<string, string>>;
  isRunning(): boolean;
  /** From now on stop does nothing. */
  ignoreStop(): void;
  /** What was done to it, in order. */
  log(): readonly string[];
};

/** What an update may rely on, whatever starts and stops the service. */
export function serviceContract(
  test: TestFn,
  adapter: string,
  make: (t: ExecutionContext) => ContractService,
): void {
  const contextOf = ({folder, environment}: ContractService): ServiceContext => ({
    folder,
    environment,
    signal: new AbortController().signal,
  });

  test(`${adapter}: starts and stops, and does nothing where it is so already`, async t => {
    const made = make(t);
    const service = openService(made.settings);
    const context = contextOf(made);
    t.is(await service.state(context), 'stopped');
    await service.stop(context);
    t.deepEqual(made.log(), []);
    await service.start(context);
    t.is(await service.state(context), 'running');
    t.true(made.isRunning());
    await service.start(context);
    await service.stop(context);
    t.is(await service.state(context), 'stopped');
    t.deepEqual(made.log(), ['start', 'stop']);
  });

  test(`${adapter}: one that ignores stop is not killed; it still runs, which is an error`, async t => {
    const made = make(t);
    const service = openService(made.settings);
    await service.start(contextOf(made));
    made.ignoreStop();
    const error = await t.throwsAsync(service.stop(contextOf(made)));
    t.like(error, {code: 'SERVICE_FAILED'});
    t.regex(error!.message, /still runs/);
    t.true(made.isRunning());
  });

  test(`${adapter}: one that ignores stop is killed where that is configured, which is said`, async t => {
    const made = make(t);
    const service = openService(made.killing);
    await service.start(contextOf(made));
    made.ignoreStop();
    t.regex((await service.stop(contextOf(made)))!, /killed/);
    t.false(made.isRunning());
    t.is(await service.state(contextOf(made)), 'stopped');
  });

  test(`${adapter}: its state is its health where nothing else is configured`, async t => {
    const made = make(t);
    const service = openService(made.settings);
    t.is((await service.health('1', contextOf(made))).kind, 'unwell');
    await service.start(contextOf(made));
    t.is((await service.health('1', contextOf(made))).kind, 'well');
  });
}
