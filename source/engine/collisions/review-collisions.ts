import {asOperatorError, OperatorError} from '../../core/operator-error.js';
import {notifyUser} from '../../protocol/row-endpoints.js';
import type {State, StoredCollision} from '../../state/state.js';
import {addressText} from '../connect-sites.js';
import type {CollisionReview, CollisionVerbs, SiteAddress} from '../engine.js';
import {type EngineContext, findServer} from '../engine-context.js';

/** The list of rows that were renamed or renumbered, and its review (E18). */
export function createCollisions(context: EngineContext): CollisionVerbs {
  const {state} = context;
  return {
    async list(filter = {}) {
      const {collisions = []} = await state.read();
      return collisions
        .filter(({kind, unsettled}) => !unsettled && (filter.kind === undefined || kind === filter.kind))
        .map(({number, other: _, unsettled: __, ...collision}) => ({id: idOf(number), ...collision}))
        .reverse();
    },

    async review(ids, {email}) {
      const known = await state.read();
      const wanted = [...new Set(ids)].map(id => find(known, id));
      const reviews: CollisionReview[] = [];
      for (const collision of wanted) {
        const told = email ? await tell(context, known, collision) : {};
        reviews.push({id: idOf(collision.number), reviewed: told.error === undefined, ...told});
        // One by one: what was sent must not be sent again because a later one fails.
        await state.change(draft => {
          const entry = draft.collisions?.find(({number}) => number === collision.number);
          if (entry === undefined) return;
          if (told.error === undefined) entry.reviewed = true;
          if (told.to !== undefined) entry.mailedTo = told.to;
        });
      }
      return reviews;
    },
  };
}

function idOf(number: number): string {
  return `c${number}`;
}

function find({collisions = []}: State, id: string): StoredCollision {
  const found = collisions.find(({number, unsettled}) => !unsettled && idOf(number) === id);
  if (found !== undefined) return found;
  throw new OperatorError('NOT_FOUND', `There is no collision ${id}.`, {
    hint: '`lockstep collisions list` shows them.',
  });
}

/** Tells the user from the server where the row was made; from the other one when only that has a mail server. */
async function tell(
  context: EngineContext,
  state: State,
  collision: StoredCollision,
): Promise<Pick<CollisionReview, 'to' | 'waits' | 'error'>> {
  const {server, site, other} = collision;
  const sites = [{server, site}, ...(other === undefined ? [] : [other])];
  let last: OperatorError | undefined;
  for (const end of sites)
    try {
      return await tellFrom(context, state, end, collision);
    } catch (thrown) {
      last = asOperatorError(thrown);
      if (last.code !== 'MAIL_NOT_CONFIGURED') return failure(last);
    }
  const names = sites.map(addressText).join(' nor ');
  return failure(
    new OperatorError(
      'MAIL_NOT_CONFIGURED',
      sites.length === 1 ? `${names} has no mail server.` : `Neither ${names} has a mail server.`,
      last?.hint === undefined ? {} : {hint: last.hint},
    ),
  );
}

function failure({code, message, hint}: OperatorError): {error: NonNullable<CollisionReview['error']>} {
  return {error: {code, message, ...(hint === undefined ? {} : {hint})}};
}

async function tellFrom(
  context: EngineContext,
  state: State,
  {server, site}: SiteAddress,
  {table, key, kind, original, modified}: StoredCollision,
): Promise<{to: string; waits?: string}> {
  const client = await context.connect(findServer(state, server));
  try {
    const body = {table, key, kind, original, modified};
    return await client.call(notifyUser, {params: {site}, body});
  } finally {
    client.close();
  }
}
