/** Puts values into a text at `{0}`, `{1}` …; a number without a value stays as it is. */
export function fillTemplate(template: string, values: readonly string[]): string {
  return template.replaceAll(/\{(\d{1,2})\}/g, (place, index) => values[Number(index)] ?? place);
}
