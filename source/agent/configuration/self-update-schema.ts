import {type Static, Type} from '#typebox';
import {durationMs} from '../../core/duration.js';
import {type ReleaseSettings, releaseSettingsSchema, toReleaseSettings} from './release-json-schema.js';

/** `selfUpdate` of agent.json (U13). Without it no console can change the program of the agent. */
export const selfUpdateSchema = Type.Object(
  {
    ...releaseSettingsSchema,
    timeout: Type.Optional(
      Type.String({
        pattern: '^[1-9][0-9]{0,8}(ms|s|m|h|d)$',
        description: 'Within which a console must have reached the new version; 2m when absent',
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'Whose releases of Lockstep a console may update this agent to (U13); nobody’s when absent',
  },
);

export type SelfUpdateSettings = {
  readonly releases: ReleaseSettings;
  /** Within which a console must have reached the new version. */
  readonly timeoutMs: number;
};

export function toSelfUpdateSettings(json: Static<typeof selfUpdateSchema>): SelfUpdateSettings {
  return {
    releases: {...toReleaseSettings(json), place: 'selfUpdate'},
    timeoutMs: durationMs(json.timeout ?? '2m')!,
  };
}
