import {OperatorError} from '../core/operator-error.js';

/** How a command asks, and what it does where nobody can answer. */
export type Interaction = {
  /**
   * Asks before something that overwrites. Without a terminal a missing answer is ANSWER_MISSING naming
   * the option. Resolves when confirmed; throws USAGE when the operator says no.
   */
  confirm(question: Question): Promise<void>;
  /**
   * The same before something that only forgets; a script that says so means it, so only a terminal is asked.
   */
  confirmOnTerminal(question: Question): Promise<void>;
};

export type Question = {
  /** What will happen, in whole sentences. */
  readonly consequence: string;
  /** What has to be typed. */
  readonly name: string;
  /** A severe action also wants `--confirm NAME`; `--yes` alone does not do. */
  readonly severe?: boolean;
};

export type Answers = {
  readonly yes: boolean;
  readonly confirm: string | undefined;
  readonly interactive: boolean;
};

/** @param ask shows a text and resolves with the line that was typed; undefined at the end of the input. */
export function createInteraction(
  answers: Answers,
  ask: (text: string) => Promise<string | undefined>,
): Interaction {
  const confirm = async (question: Question) => {
    if (answers.confirm !== undefined && answers.confirm !== question.name)
      throw new OperatorError(
        'USAGE',
        `--confirm names ${answers.confirm}, but this is about ${question.name}.`,
      );
    if (answers.yes && (!question.severe || answers.confirm !== undefined)) return;
    const options = question.severe ? `--yes --confirm ${question.name}` : '--yes';
    if (!answers.interactive)
      throw new OperatorError('ANSWER_MISSING', `${question.consequence} This has to be confirmed.`, {
        hint: `Add ${options} to say so.`,
      });
    const typed = await ask(`${question.consequence}\nType ${question.name} to go on: `);
    if (typed?.trim() !== question.name)
      throw new OperatorError('USAGE', 'Not confirmed; nothing was changed.');
  };
  return {
    confirm,
    async confirmOnTerminal(question) {
      if (answers.interactive) await confirm(question);
    },
  };
}
