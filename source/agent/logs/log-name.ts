/** Name of a merged log, from the pattern that finds its files: `logs/access*.log` is `access.log`. */
export function logName(pattern: string): string {
  const parts = pattern.split('/').map(part => part.replaceAll(/[^A-Za-z0-9._-]/g, ''));
  const name = (parts.at(-1) ?? '').replace(/^[.-]+/, '');
  return name === '' || /^\.?(log)?$/.test(name)
    ? `${parts.filter(part => part !== '').join('-')}` || 'log'
    : name;
}
