import type {Command} from 'commander';
import type {SchedulerEvent} from '../../engine/engine.js';
import {nameOfStarter} from '../../engine/scheduler/schedules.js';
import type {Register} from '../command-context.js';
import {printable} from '../format.js';
import {parseCount, parseDuration} from '../parse-arguments.js';
import {lineOfSchedulerEvent} from '../scheduler-line.js';

/** `lockstep scheduler …`: profiles, live syncs and rollouts that start by themselves (E12, U1). */
export function addSchedulerCommands(program: Command, register: Register): void {
  const scheduler = program
    .command('scheduler')
    .description('profiles, live syncs and rollouts that start by themselves');

  scheduler
    .command('run')
    .description('start what is due until SIGTERM; the runs it started go on')
    .action(
      register(async context => {
        const engine = await context.engine();
        const stop = new AbortController();
        const release = context.onSignal(['SIGTERM', 'SIGINT', 'SIGHUP'], () => stop.abort());
        const {output} = context;
        let said = false;
        try {
          await engine.scheduler.run({
            signal: stop.signal,
            onEvent(event) {
              if (!output.json) return output.print(printable(lineOfSchedulerEvent(event)));
              if (!said) output.event({type: 'hello', version: 1});
              said = true;
              output.event(event);
            },
          });
        } finally {
          release();
        }
      }),
    );

  scheduler
    .command('tick')
    .description('one pass, for cron: start what is due since the last one, each start once')
    .option('--late <duration>', 'what is later than this counts as missed', '1h')
    .action(
      register<[], {late: string}>(async (context, _, {late}) => {
        const lateMs = parseDuration(late, '--late');
        const engine = await context.engine();
        const {dryRun, json} = context.options;
        const events = await engine.scheduler.tick({lateMs, dryRun});
        if (json) context.output.document(documentOfTick(events));
        else
          for (const event of events)
            context.output.print(printable(`${dryRun ? 'would: ' : ''}${lineOfSchedulerEvent(event)}`));
        return events.some(
          ({type}) => type === 'scheduler.start-failed' || type === 'scheduler.rollout-failed',
        )
          ? 1
          : 0;
      }),
    );

  scheduler
    .command('next')
    .description('what comes when')
    .option('--count <number>', 'how many starts', '10')
    .action(
      register<[], {count: string}>(async (context, _, options) => {
        const count = parseCount(options.count, '--count', 10_000);
        const next = await (await context.engine()).scheduler.next(count);
        if (context.options.json) return context.output.document({next});
        if (next.length === 0)
          return context.output.tell(
            "Nothing is scheduled. `lockstep profile edit R/P --schedule 'daily 2026-12-01T02:00 Europe/Berlin'` does it.",
          );
        const {renderTable} = await import('../table.js');
        context.output.print(
          renderTable(
            [{title: 'START'}, {title: 'ZONE'}, {title: 'UTC'}, {title: 'WHAT'}, {title: 'SCHEDULE'}],
            next.map(start =>
              [
                start.local.replace('T', ' '),
                start.zone,
                start.at.slice(0, 16).replace('T', ' '),
                nameOfStarter(start),
                start.schedule.split(' ')[0]!,
              ].map(printable),
            ),
          ),
        );
      }),
    );
}

function documentOfTick(events: readonly SchedulerEvent[]) {
  const of = (type: SchedulerEvent['type']) =>
    events.filter(event => event.type === type).map(({type: _, ...event}) => event);
  return {
    started: of('scheduler.run-started'),
    missed: of('scheduler.missed'),
    failed: [...of('scheduler.start-failed'), ...of('scheduler.rollout-failed')],
    rollouts: of('scheduler.rollout-started'),
  };
}
