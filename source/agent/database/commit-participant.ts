import {OperatorError} from '../../core/operator-error.js';
import type {OperationOutcome} from '../../core/site-description.js';
import type {DatabaseParticipant} from '../site/ports.js';
import type {CommitTurn} from './database-frame.js';
import type {Identity} from './own-meta.js';

/** Markers of runs that a database keeps; recovery only ever asks for the newest. */
export const keptMarkers = 1000;

/** What came of a commit's operations: where the database stood at the beginning of the transaction, and stands now. */
export type CarriedOut = {
  readonly outcomes: OperationOutcome[];
  readonly before: Identity;
  readonly after: Identity;
};

/** What an engine does of a commit. `Opened` holds the connections of its transaction. */
export type CommitWork<Opened> = {
  open(): Promise<Opened>;
  /** Everything up to COMMIT. */
  carryOut(opened: Opened, strict: boolean): Promise<CarriedOut>;
  commit(opened: Opened): Promise<void>;
  /** After COMMIT: what fails here waits for another run. */
  tidyUp(opened: Opened): Promise<void>;
  /** Takes back what is not committed, lets go of the connections, and gives back the turn. */
  close(opened: Opened, committed: boolean): Promise<void>;
};

/** The part of a database in a commit: one transaction, held open from `prepare` until `finish` or `undo`. */
export function createParticipant<Opened>(
  work: CommitWork<Opened>,
  {committed}: Pick<CommitTurn, 'committed'>,
): DatabaseParticipant {
  let opened: Opened | undefined;
  let carriedOut: CarriedOut | undefined;
  let isCommitted = false;
  const end = async () => {
    if (opened === undefined) return;
    const closing = opened;
    opened = undefined;
    await work.close(closing, isCommitted);
  };
  return {
    async prepare({strict}) {
      opened = await work.open();
      try {
        carriedOut = await work.carryOut(opened, strict);
        return carriedOut.outcomes;
      } catch (error) {
        await end();
        throw error;
      }
    },
    async apply() {
      if (opened === undefined || carriedOut === undefined) throw new Error('apply without prepare');
      await work.commit(opened);
      isCommitted = true;
      committed(carriedOut.after);
    },
    async undo() {
      if (isCommitted) throw new OperatorError('INVALID_STATE', 'The database has been committed already.');
      await end();
    },
    async finish() {
      if (opened === undefined) return;
      await work.tidyUp(opened);
      await end();
    },
    positions() {
      if (carriedOut === undefined) throw new Error('positions before prepare');
      const {before, after} = carriedOut;
      return {
        before: {epoch: before.epoch, seq: before.seq},
        after: {epoch: after.epoch, seq: after.seq},
      };
    },
  };
}
