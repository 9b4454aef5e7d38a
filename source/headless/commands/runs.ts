import {type Command, Option} from 'commander';
import {describeFailure} from '../../core/after-sync.js';
import {formatSize} from '../../core/byte-size.js';
import {countOf} from '../../core/count-of.js';
import {OperatorError} from '../../core/operator-error.js';
import type {Engine} from '../../engine/engine.js';
import type {Register} from '../command-context.js';
import {formatDuration, formatItem, formatTime, printable} from '../format.js';
import {lookOfStatus, whatOf} from '../run-line.js';
import {showPreview} from '../show-preview.js';
import {attach, type WatchMode, watch} from '../watch-run.js';
import {findProfile} from './profile.js';
import {findRelationship} from './relationship.js';

/** `lockstep runs …`: what ran and what is running (E14, E17). */
export function addRunsCommands(program: Command, register: Register): void {
  const runs = program.command('runs').description('what ran and what is running');

  runs
    .command('list')
    .description('all runs, newest first')
    .option('--relationship <name>', 'only of this relationship')
    .option(
      '--profile <name>',
      'only of profiles of this name; RELATIONSHIP/PROFILE or --relationship names one',
    )
    .action(
      register<[], {relationship?: string; profile?: string}>(async (context, _, options) => {
        const engine = await context.engine();
        const filter = await filterOf(engine, options);
        const entries = await engine.runs.list(filter);
        if (context.options.json) return context.output.document({runs: entries});
        if (entries.length === 0) return context.output.tell('Nothing ran yet.');
        const {renderTable} = await import('../table.js');
        context.output.print(
          renderTable(
            [
              {title: 'RUN'},
              {title: 'PROFILE'},
              {title: 'STATUS'},
              {title: 'STARTED (UTC)'},
              {title: 'TOOK', align: 'right'},
              {title: 'APPLIED', align: 'right'},
              {title: 'SKIPPED', align: 'right'},
              {title: 'BY'},
            ],
            entries.map(entry => [
              entry.runId,
              printable(whatOf(entry)),
              `${lookOfStatus(entry.status, context.output)}${entry.undoneBy === undefined ? '' : ' (undone)'}`,
              formatTime(entry.startedAt),
              entry.endedAt === undefined ? '-' : formatDuration(entry.durationMs),
              String(entry.applied),
              String(entry.skipped),
              printable(entry.by),
            ]),
          ),
        );
      }),
    );

  runs
    .command('show <run>')
    .description('one run with every item it touched or skipped')
    .action(
      register<[string]>(async (context, [runId]) => {
        const run = await (await context.engine()).runs.show(runId);
        if (context.options.json) return context.output.document(run);
        const {renderFacts, renderTable} = await import('../table.js');
        context.output.print(
          renderFacts([
            ['run', run.runId],
            ['what', whatOf(run)],
            ['direction', run.direction],
            ['status', run.status],
            ...(run.undoneBy === undefined ? [] : [['undone by', run.undoneBy] as const]),
            ...(run.error === undefined
              ? []
              : [['error', `${run.error.code}: ${run.error.message}`] as const]),
            ...(run.error?.hint === undefined ? [] : [['what to do', run.error.hint] as const]),
            ['started', `${formatTime(run.startedAt)} UTC by ${run.by}`],
            ['took', run.endedAt === undefined ? 'in progress' : formatDuration(run.durationMs)],
            [
              'applied',
              `${run.applied} of ${run.total}, ${run.deleted} deleted, ${countOf(run.conflicts, 'conflict')}`,
            ],
            ['skipped', String(run.skipped)],
            ...(run.collisions === 0
              ? []
              : [['collisions', `${run.collisions}, to be reviewed: lockstep collisions list`] as const]),
            ['sent', formatSize(run.bytes)],
          ]),
        );
        if (run.warnings.length > 0)
          context.output.print(
            `\n${renderTable(
              [{title: 'AT (UTC)'}, {title: 'SERVER'}, {title: 'WARNING'}],
              run.warnings.map(({at, member, text}) => [formatTime(at), member ?? '', text].map(printable)),
            )}`,
          );
        if (run.phases !== undefined)
          context.output.print(
            `\n${renderTable(
              [{title: 'PHASE'}, {title: 'TENANT'}, {title: 'STATE'}, {title: 'ENDED (UTC)'}, {title: 'WHY'}],
              run.phases.map(phase =>
                [
                  phase.phase,
                  phase.tenant ?? '',
                  phase.state,
                  formatTime(phase.endedAt),
                  phase.detail ?? '',
                ].map(printable),
              ),
            )}`,
          );
        if (run.members !== undefined)
          context.output.print(
            `\n${renderTable(
              [
                {title: 'SERVER'},
                {title: 'STATUS'},
                {title: 'APPLIED', align: 'right'},
                {title: 'SKIPPED', align: 'right'},
                {title: 'WHY'},
              ],
              run.members.map(member =>
                [
                  member.member,
                  member.status,
                  String(member.applied),
                  String(member.skipped),
                  [member.error?.message, member.error?.hint].filter(Boolean).join(' '),
                ].map(printable),
              ),
            )}`,
          );
        if (run.afterSync.length > 0)
          context.output.print(
            `\n${renderTable(
              [{title: 'SITE'}, {title: 'ACTION AFTER THE SYNC'}, {title: 'OUTCOME'}, {title: 'WHY'}],
              run.afterSync.map(action =>
                [action.site, action.name, action.outcome, describeFailure(action)].map(printable),
              ),
            )}`,
          );
        if (run.items.length === 0) return;
        context.output.print(
          `\n${renderTable(
            [
              ...(run.members === undefined ? [] : [{title: 'SERVER'}]),
              ...[{title: 'SIDE'}, {title: 'ACTION'}, {title: 'OUTCOME'}, {title: 'ITEM'}, {title: 'WHY'}],
            ],
            run.items.map(item =>
              [
                ...(run.members === undefined ? [] : [item.member ?? '']),
                item.side,
                item.action,
                item.outcome,
                formatItem(item.item),
                item.error ?? item.conflict ?? '',
              ].map(printable),
            ),
          )}`,
        );
      }),
    );

  runs
    .command('watch <run>')
    .description('follow a run to its end; the exit status is the run’s')
    .addOption(new Option('--attached', 'Ctrl-C cancels the run instead of leaving it alone'))
    .action(
      register<[string], {attached?: boolean}>(async (context, [runId], {attached}) =>
        watch(context, await context.engine(), runId, attached === true),
      ),
    );

  for (const verb of ['undo', 'redo'] as const)
    runs
      .command(`${verb} <run>`)
      .description(
        verb === 'undo'
          ? 'give each side back what that run changed there, where nobody changed it since; a run as well'
          : 'do again what was undone, and let it travel again; a run as well',
      )
      .addOption(
        new Option('--attached', 'Ctrl-C cancels the run instead of leaving it alone').conflicts('detach'),
      )
      .option('--detach', 'print the run id and leave')
      .action(
        register<[string], WatchMode>(async (context, [runId], options) => {
          const engine = await context.engine();
          if (!context.options.dryRun)
            return attach(context, engine, options, () => engine.runs[verb](runId));
          const preview = await engine.runs[verb === 'undo' ? 'previewUndo' : 'previewRedo'](runId);
          await showPreview(context, engine, preview, {diff: false, own: true});
          return 0;
        }),
      );

  runs
    .command('cancel <run>')
    .description('end a run cleanly; what it has applied stays, nothing is left half')
    .action(
      register<[string]>(async (context, [runId]) => {
        const engine = await context.engine();
        if (context.options.dryRun) {
          const run = await engine.runs.show(runId);
          context.output.would(
            run.endedAt === undefined
              ? `Would cancel ${runId}.`
              : `${runId} has ended already: ${run.status}.`,
          );
          return;
        }
        await engine.runs.cancel(runId);
        if (context.options.json) context.output.document({runId, cancelling: true});
        else
          context.output.tell(
            `${runId} is asked to stop at the next safe point. Watch it with \`lockstep runs watch ${runId}\`.`,
          );
      }),
    );
}

async function filterOf(
  engine: Engine,
  {relationship, profile}: {relationship?: string; profile?: string},
): Promise<{relationship?: string; profile?: string}> {
  if (profile === undefined) {
    if (relationship === undefined) return {};
    await findRelationship(engine, relationship);
    return {relationship};
  }
  const slash = profile.indexOf('/');
  const inRelationship = relationship ?? (slash > 0 ? profile.slice(0, slash) : undefined);
  if (inRelationship === undefined) {
    const names = new Set((await engine.profiles.list()).map(({name}) => name));
    if (!names.has(profile))
      throw new OperatorError('NOT_FOUND', `No relationship has a profile ${profile}.`, {
        hint: names.size === 0 ? 'There are no profiles yet.' : `There are: ${[...names].join(', ')}.`,
      });
    return {profile};
  }
  const name = slash > 0 && profile.slice(0, slash) === inRelationship ? profile.slice(slash + 1) : profile;
  await findProfile(engine, inRelationship, name);
  return {relationship: inRelationship, profile: name};
}
