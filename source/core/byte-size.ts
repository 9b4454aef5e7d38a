const unitBytes = {B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4} as const;

/** Bytes of a size such as `500MiB` or `20GiB`; undefined for any other text. */
export function byteSize(text: string): number | undefined {
  const parts = /^([1-9]\d{0,8})(B|KiB|MiB|GiB|TiB)$/.exec(text);
  return parts === null ? undefined : Number(parts[1]) * unitBytes[parts[2] as keyof typeof unitBytes];
}

const sizeUnits = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** Sizes are binary and short: `412 KiB`, `1.8 MiB`. */
export function formatSize(sizeBytes: number): string {
  if (sizeBytes < 1024) return `${sizeBytes} B`;
  let value = sizeBytes / 1024;
  let unit = 0;
  // Four digits belong to the next unit.
  while (value >= 999.5 && unit < sizeUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${sizeUnits[unit]}`;
}
