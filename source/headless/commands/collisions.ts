import type {Command} from 'commander';
import {OperatorError} from '../../core/operator-error.js';
import type {CollisionReview} from '../../engine/engine.js';
import type {Register} from '../command-context.js';
import {formatTime, printable} from '../format.js';

/** `lockstep collisions …`: rows that runs renamed or renumbered because two servers had made them (E18). */
export function addCollisionsCommands(program: Command, register: Register): void {
  const collisions = program
    .command('collisions')
    .description('rows that were renamed because two servers had given one name');

  collisions
    .command('list')
    .description('newest first')
    .option('--kind <kind>', 'only users, folders, metadata, messages …')
    .action(
      register<[], {kind?: string}>(async (context, _, {kind}) => {
        const found = await (await context.engine()).collisions.list(kind === undefined ? {} : {kind});
        if (context.options.json) return context.output.document({collisions: found});
        if (found.length === 0) return context.output.tell('No collisions.');
        const {renderTable} = await import('../table.js');
        context.output.print(
          renderTable(
            [
              {title: 'ID'},
              {title: 'KIND'},
              {title: 'ROW'},
              {title: 'WAS'},
              {title: 'IS NOW'},
              {title: 'SERVER'},
              {title: 'AT (UTC)'},
              {title: 'REVIEWED'},
            ],
            found.map(entry =>
              [
                entry.id,
                entry.kind,
                `${entry.table}:${entry.key.join(',')}`,
                entry.original,
                entry.modified,
                entry.server,
                formatTime(entry.at),
                entry.mailedTo === undefined ? (entry.reviewed ? 'yes' : 'no') : `told ${entry.mailedTo}`,
              ].map(printable),
            ),
          ),
        );
      }),
    );

  collisions
    .command('review <id...>')
    .description('mark collisions as reviewed')
    .option(
      '--email',
      'and tell the users whose rows were renamed; whom that fails for stays unreviewed',
      false,
    )
    .action(
      register<[string[]], {email: boolean}>(async (context, [ids], {email}) => {
        const engine = await context.engine();
        if (context.options.dryRun) {
          const known = new Set((await engine.collisions.list()).map(({id}) => id));
          const unknown = ids.find(id => !known.has(id));
          if (unknown !== undefined)
            throw new OperatorError('NOT_FOUND', `There is no collision ${unknown}.`, {
              hint: '`lockstep collisions list` shows them.',
            });
          context.output.would(`Would mark ${ids.length} as reviewed${email ? ' and send mail' : ''}.`);
          return 0;
        }
        const reviews = await engine.collisions.review(ids, {email});
        if (context.options.json) context.output.document({reviews});
        else for (const review of reviews) context.output.print(printable(lineOf(review)));
        const failed = reviews.filter(({error}) => error !== undefined);
        if (failed.length > 0 && failed.length < reviews.length) return 3;
        const error = failed[0]?.error;
        if (error === undefined) return 0;
        throw new OperatorError(
          error.code,
          error.message,
          error.hint === undefined ? {} : {hint: error.hint},
        );
      }),
    );
}

function lineOf({id, to, waits, error}: CollisionReview): string {
  if (error !== undefined) return `${id}: not reviewed: ${error.message}`;
  if (waits !== undefined) return `${id}: reviewed; the mail to ${to} waits and is tried again: ${waits}`;
  return to === undefined ? `${id}: reviewed` : `${id}: reviewed, ${to} was told`;
}
