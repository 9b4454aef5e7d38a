const unitsMs = {ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000} as const;

/** Milliseconds of a duration such as `500ms`, `30s`, `15m`, `12h`, `30d`; undefined for any other text. */
export function durationMs(text: string): number | undefined {
  const parts = /^([1-9]\d{0,8})(ms|s|m|h|d)$/.exec(text);
  return parts === null ? undefined : Number(parts[1]) * unitsMs[parts[2] as keyof typeof unitsMs];
}

/** The shortest text that `durationMs` reads as so many milliseconds: `90s`, `15m`, `30d`. */
export function durationText(ms: number): string {
  const units = ['d', 'h', 'm', 's'] as const;
  const unit = units.find(name => ms > 0 && ms % unitsMs[name] === 0) ?? 'ms';
  return `${ms / unitsMs[unit]}${unit}`;
}
