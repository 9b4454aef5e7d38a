/** What an operator can choose about a console, and the values there are; the first of each is the default. */
export const settingChoices = {
  /** How times are shown: in the zone of the machine, the same with the zone named, or in UTC. */
  times: ['local', 'local-named', 'utc'],
  /** `auto` follows the terminal, NO_COLOR and TERM. */
  colours: ['auto', 'never'],
  /** Seconds after which what is in sight is asked for again. */
  refresh: ['15', '5', '60'],
  /** Whether servers are asked in the background whether they still answer. */
  checks: ['on', 'off'],
} as const;

export type SettingName = keyof typeof settingChoices;

/** The settings of one console home. */
export type Settings = {readonly [K in SettingName]: (typeof settingChoices)[K][number]};

export const settingNames = Object.keys(settingChoices) as readonly SettingName[];

export const defaultSettings: Settings = parseSettings(undefined);

/** Settings from a document of unknown origin; what is missing or unknown in it has its default. */
export function parseSettings(value: unknown): Settings {
  const found: Record<string, unknown> = typeof value === 'object' && value !== null ? {...value} : {};
  return Object.fromEntries(
    settingNames.map(name => {
      const choices: readonly string[] = settingChoices[name];
      const chosen = found[name];
      return [name, typeof chosen === 'string' && choices.includes(chosen) ? chosen : choices[0]];
    }),
  ) as Settings;
}

/** Whether a text is one of a setting's values. */
export function isChoice(name: SettingName, value: string): boolean {
  const choices: readonly string[] = settingChoices[name];
  return choices.includes(value);
}

/** The value after this one; after the last comes the first. */
export function nextChoice<K extends SettingName>(name: K, value: Settings[K]): Settings[K] {
  const choices: readonly string[] = settingChoices[name];
  return choices[(choices.indexOf(value) + 1) % choices.length] as Settings[K];
}
