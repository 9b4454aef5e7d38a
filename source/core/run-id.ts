/** Number of random bytes that `formatRunId` takes. */
export const runIdRandomBytes = 4;

/**
 * `YYYYMMDD-hhmmss-mmrrrr` in UTC, the milliseconds as two and the random part as four letters and digits: unique, and
 * sorted by name it is sorted by time.
 * @param atMs start of the run, epoch milliseconds
 * @param random `runIdRandomBytes` random bytes
 */
export function formatRunId(atMs: number, random: Uint8Array): string {
  const time = new Date(atMs)
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/[-:]/g, '')
    .replace('T', '-');
  const milliseconds = atMs % 1000;
  const digits = [
    Math.floor(milliseconds / alphabet.length),
    milliseconds,
    ...random.subarray(0, runIdRandomBytes),
  ];
  return `${time}-${digits.map(digit => alphabet[digit % alphabet.length]).join('')}`;
}

/** 32 letters and digits, in their order as text, so that a random byte picks each with the same chance; without the easily mistaken ones. */
const alphabet = '23456789abcdefghijkmnpqrstuvwxyz';

/** Whether a text is a run id; anything else must not become part of a file name. */
export function isRunId(text: string): boolean {
  return /^\d{8}-\d{6}-[0-9a-z]{6}$/.test(text);
}
