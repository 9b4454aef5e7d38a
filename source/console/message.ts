import type {Model} from './model.js';
import type {Fault} from './shared-data.js';

/** A line above the footer. `at` in epoch milliseconds. */
export type Message = {
  readonly level: 'info' | 'warn' | 'fail';
  readonly text: string;
  readonly at: number;
  readonly fault?: Fault;
  /** It is about the last key, and goes with the next. */
  readonly passing?: true;
};

/** Notices that are kept. */
const noticeLimit = 100;

/** Says something in the line above the keys, and keeps it among the notices. */
export function say(model: Model, level: Message['level'], text: string, fault?: Fault): Model {
  const message: Message = {level, text, at: model.now, ...(fault === undefined ? {} : {fault})};
  return {...model, message, notices: [...model.notices, message].slice(-noticeLimit)};
}

/** Says why a key does nothing; among the notices it would only push out what somebody may look for later. */
export function explain(model: Model, level: Message['level'], text: string): Model {
  return {...model, message: {level, text, at: model.now, passing: true}};
}

/** Keeps a fault that a screen shows by itself among the notices, once in a row. */
export function keepFault(model: Model, fault: Fault): Model {
  const last = model.notices.at(-1);
  if (last?.fault?.code === fault.code && last.fault.message === fault.message) return model;
  const notice: Message = {level: 'fail', text: fault.message, at: model.now, fault};
  return {...model, notices: [...model.notices, notice].slice(-noticeLimit)};
}
