import {createForm, type Form, type FormRules, textField, textOfField} from '../form.js';
import {formParts} from '../form-screen.js';
import {type Model, step} from '../model.js';
import {pop} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {blank, dim, line, wrap} from '../view/lines.js';

export type TakeOverScreen = {
  readonly kind: 'take-over';
  readonly id: number;
  readonly name: string;
  readonly form: Form;
  readonly busy: boolean;
  readonly fault?: Fault;
};

/** @param name of the rollout that takes servers over */
export function takeOverScreen(name: string): Omit<TakeOverScreen, 'id'> {
  return {
    kind: 'take-over',
    name,
    busy: false,
    form: createForm([textField('lock', 'Lock', '', 'the id that the refusal named')]),
  };
}

const parts = formParts<TakeOverScreen>({
  rules: rulesOf,
  submitOn: 'lock',
  save: {label: 'take over', description: 'Take the servers from whoever holds them, and go on'},
  doing: 'taking over',
  command: ({id, name, form}) => ({
    type: 'act-on-rollout',
    screen: id,
    name,
    act: {kind: 'resume', retry: false, takeOver: textOfField(form, 'lock')},
  }),
  saved: (_screen, model) => step(pop(model)),
  below: (_screen, model, width) => [
    blank,
    ...locksOf(model).map(text => line(' ', text)),
    ...wrap(
      'One rollout at a time updates a server. Whoever holds it now loses it; do this when that rollout is given up.',
      width - 2,
    ).map(text => line(' ', dim(text))),
  ],
});

/** Takes servers from another rollout by the id of the lock under which it holds them (U16). */
export const takeOver: ScreenDefinition<TakeOverScreen> = {
  title: () => 'take over',
  context: screen => ({left: line(dim(` ${screen.name} goes on with servers that another rollout holds`))}),
  needs: ['rollouts'],
  ...parts,
  receive: (screen, model, answer) =>
    answer.kind === 'rollout-shown' ? step(pop(model)) : parts.receive!(screen, model, answer),
};

/** Rollouts of this console that hold servers. */
function locksOf(model: Model): readonly string[] {
  return (model.data.rollouts.value ?? []).flatMap(({name, lockId, status}) =>
    lockId === undefined || status === 'done' || status === 'aborted'
      ? []
      : [`${lockId}  ${name}, ${status}`],
  );
}

function rulesOf({form}: TakeOverScreen): FormRules {
  return {
    hidden: [],
    problems: textOfField(form, 'lock') === '' ? {lock: 'the id of the lock is needed'} : {},
  };
}
