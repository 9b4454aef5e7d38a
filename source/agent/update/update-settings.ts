import type {RolloutWindow} from '../../core/rollout-window.js';
import type {ServiceSettings} from '../service/service-settings.js';

/** A pattern of what is carried over (U7). */
export type CarryRule = {readonly path: string; readonly required: boolean};

/** `update` of a site with its defaults filled in; folders are absolute, times milliseconds. */
export type UpdateSettings = {
  readonly folder: string;
  readonly carry: readonly CarryRule[];
  readonly service: ServiceSettings;
  readonly graceMs: number;
  readonly leaveMs: number;
  readonly users: 'logoff' | 'abort';
  readonly backup: boolean;
  readonly keepPrevious: boolean;
  /** Undefined for the file in the agent's data. */
  readonly notice: string | undefined;
  /** When the server is usually updated. */
  readonly window: RolloutWindow | undefined;
  readonly administrators: readonly string[];
};
