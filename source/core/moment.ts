/**
 * A moment as people write it, `2027-01-31T00:00Z` or with an offset; a day alone is its beginning in UTC.
 * @returns ISO 8601 in UTC, or undefined for any other text.
 */
export function momentOf(text: string): string | undefined {
  const full = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00Z` : text;
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})$/.test(full)) return undefined;
  const ms = Date.parse(full);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}
