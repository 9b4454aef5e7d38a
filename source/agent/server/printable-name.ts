/** A name that a stranger chose, safe to show on a terminal. */
export function printableName(name: string): string {
  return name.replaceAll(/\p{C}/gu, '?').trim().slice(0, 256) || 'unnamed';
}
